//! The loop: takes what happened, lets the machine decide, does what it says, reports what changed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anteroom_protocol::{EventBody, timeline::mark};
use tokio::sync::mpsc;

use super::{
    Ask,
    reports::Reports,
    running::{News, Service, What},
};
use crate::{
    boottime,
    process::Children,
    service::{
        cgroup::Groups,
        machine::{Action, Event, State},
        spec::ServiceSpec,
    },
};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(1500);

pub(super) struct Task {
    services: BTreeMap<String, Service>,
    children: Arc<Children>,
    groups: Groups,
    reports: Reports,
    news: mpsc::UnboundedSender<News>,
    inbox: mpsc::UnboundedReceiver<News>,
    stopping: bool,
    /// Ready has been said, in the journal that there is now.
    desktop_ready: bool,
}

impl Task {
    pub(super) fn new(
        specs: Vec<ServiceSpec>,
        children: Arc<Children>,
        groups: Groups,
        reports: Reports,
    ) -> Self {
        let (news, inbox) = mpsc::unbounded_channel();
        let services: BTreeMap<String, Service> = specs
            .into_iter()
            .filter_map(|spec| Some((spec.name.clone(), Service::new(reports.log(&spec.name)?, spec))))
            .collect();
        // Before anybody can ask: a service that is not on the board does not exist.
        for service in services.values() {
            reports.show(service);
        }
        Self { services, children, groups, reports, news, inbox, stopping: false, desktop_ready: false }
    }

    pub(super) async fn run(mut self, mut asked: mpsc::UnboundedReceiver<Ask>) {
        self.settle();
        // A VM without a desktop may have no services at all.
        self.look_at_desktop();
        loop {
            tokio::select! {
                ask = asked.recv() => match ask {
                    Some(ask) => self.ask(ask),
                    None => return,
                },
                Some(news) = self.inbox.recv() => self.take(news),
            }
            self.settle();
        }
    }

    fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::StopAll => self.stopping = true,
            Ask::TellAgain(told) => {
                for service in self.services.values() {
                    self.reports.tell(service);
                }
                self.desktop_ready = false;
                self.look_at_desktop();
                // Whoever asked may have gone meanwhile.
                let _ = told.send(());
            }
            Ask::Start(name) => self.event(&name, Event::StartAsked),
            Ask::Restart(name) => {
                if let Some(service) = self.services.get_mut(&name) {
                    service.start_after_stop = true;
                }
                self.event(&name, Event::StopAsked);
            }
        }
    }

    fn take(&mut self, news: News) {
        let Some(service) = self.services.get(&news.name) else { return };
        if service.run != news.run {
            return;
        }
        match news.what {
            What::Event(event) => self.event(&news.name, event),
            What::KillDue => service.kill(&self.children),
        }
    }

    /// Starts what can start, stops what can stop, until nothing more follows.
    fn settle(&mut self) {
        while let Some((name, event)) = self.next_move() {
            self.event(&name, event);
        }
    }

    fn next_move(&self) -> Option<(String, Event)> {
        self.services.iter().find_map(|(name, service)| {
            let event = if self.stopping { self.next_stop(service) } else { self.next_start(service) };
            Some((name.clone(), event?))
        })
    }

    fn next_start(&self, service: &Service) -> Option<Event> {
        let satisfied =
            |name: &String| self.services.get(name).is_some_and(|other| other.machine.is_satisfied());
        match service.machine.state {
            State::Waiting => service.spec.after.iter().all(satisfied).then_some(Event::Go),
            State::Stopped | State::Failed { .. } | State::Done => {
                service.start_after_stop.then_some(Event::StartAsked)
            }
            _ => None,
        }
    }

    /// A service is stopped when nothing runs any more that needs it.
    fn next_stop(&self, service: &Service) -> Option<Event> {
        let needs =
            |other: &Service| other.spec.after.contains(&service.spec.name) && !other.machine.is_at_rest();
        match service.machine.state {
            State::Stopping { .. } | State::Stopped | State::Failed { .. } | State::Done => None,
            _ => (!self.services.values().any(needs)).then_some(Event::StopAsked),
        }
    }

    fn event(&mut self, name: &str, event: Event) {
        let Some(service) = self.services.get_mut(name) else { return };
        let before = service.machine.state.clone();
        let ended = matches!(event, Event::Ended(_));
        if event == Event::StartAsked {
            service.start_after_stop = false;
        }
        let action = service.machine.step(event, boottime::now_ns() / 1_000_000);
        if ended {
            service.clear();
        }
        if service.machine.state != before {
            self.reports.changed(service);
        }
        if let Some(action) = action {
            self.act(name, action);
        }
        self.look_at_desktop();
    }

    fn act(&mut self, name: &str, action: Action) {
        let Some(service) = self.services.get_mut(name) else { return };
        match action {
            Action::Spawn => {
                let event = service.spawn(&self.children, &self.groups, &self.news);
                self.event(name, event);
            }
            Action::Probe => service.probe(&self.news),
            Action::Terminate => {
                service.terminate(&self.children);
                service.later(&self.news, GRACE, What::KillDue);
            }
            Action::RetryAfter { delay_ms } => {
                service.later(&self.news, Duration::from_millis(delay_ms), What::Event(Event::RetryDue));
            }
        }
    }

    fn look_at_desktop(&mut self) {
        let ready = |service: &Service| !service.spec.desktop || service.machine.is_satisfied();
        if !self.desktop_ready && self.services.values().all(ready) {
            self.desktop_ready = true;
            self.reports.timeline.mark(mark::DESKTOP_READY);
            self.reports.journal.publish(EventBody::DesktopReady);
        }
    }
}
