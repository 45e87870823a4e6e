//! Doing what the flow has decided.

use std::time::Duration;

use tokio::time::sleep;

use super::{Later, Message, Owner};
use crate::{
    oauth::{
        flow::{Action, Event},
        launch,
    },
    terminal::order::{Order, Run},
};

/// How long the hook gets to show the address that the terminal has shown already.
const HOOK_GRACE: Duration = Duration::from_millis(1500);
/// What a CLI has written before its end is looked at for so long, and for the longest `settle_ms`.
const EXIT_GRACE: Duration = Duration::from_secs(2);

impl Owner {
    pub(super) fn act(&mut self, action: Action) {
        let Some(current) = &self.current else { return };
        match action {
            Action::RunCli { run } => self.run_cli(run),
            Action::OpenPage(url) => self.browser.open(&url),
            Action::WaitForHook { attempt } => self.after(HOOK_GRACE, Event::HookGraceOver { attempt }),
            Action::WaitAfterExit { run } => {
                let settle = current.spec.provider.credential.iter().map(|rule| rule.settle_ms).max();
                let grace = EXIT_GRACE + Duration::from_millis(settle.unwrap_or(0));
                self.after(grace, Event::ExitGraceOver { run });
            }
            Action::Publish(happened) => {
                self.journal.publish(happened.of(current.spec.session, &current.spec.provider));
            }
            Action::Done(text) => self.order(Order::Done(text.to_owned())),
        }
    }

    fn run_cli(&mut self, run: u32) {
        let Some(current) = &self.current else { return };
        let Ok(chosen) = launch::chosen(&current.spec) else { return };
        let order = Order::Run(Run {
            run,
            name: current.spec.provider.name.clone(),
            argv: chosen.argv.clone(),
            environment: launch::environment(&current.spec, chosen),
            steps: chosen.steps.clone(),
            signs: launch::signs(&current.spec.provider),
        });
        if let Some(terminal) = &mut self.terminal {
            terminal.running = Some(run);
        }
        self.order(order);
    }

    pub(super) fn order(&self, order: Order) {
        // A terminal that is gone attaches again, and is given what it then needs.
        if let Some(terminal) = &self.terminal {
            let _ = terminal.orders.send(order);
        }
    }

    fn after(&self, delay: Duration, event: Event) {
        let (tell, sign_in) = (self.tell.clone(), self.number);
        tokio::spawn(async move {
            sleep(delay).await;
            let _ = tell.send(Message::Later { sign_in, what: Later::Event(event) });
        });
    }
}
