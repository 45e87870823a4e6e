//! The role inside xterm: runs the CLI in a pseudo-terminal, shows it to the person, and reads along.
//!
//! ```text
//!  xterm ◀──bytes──▶ this role ◀──bytes──▶ pty ◀──▶ CLI
//!                       │  └─ reader: addresses, texts to answer
//!                       └─ oauth role: orders in, reports out
//!
//!  Idle ──order──▶ Running ──exit──▶ Ended ──Enter──▶ (the oauth role orders again) ──▶ Running
//! ```

mod desk;
pub(crate) mod order;
mod paste;
mod pty;
pub(crate) mod reader;
mod signs;
mod steps;
mod tty;
mod words;

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use anteroom_protocol::Secret;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    process::{Children, Exit},
    pty::TerminalEnd,
};
use desk::Desk;
use order::{Order, Report, Run};
use paste::Paste;
use pty::Pty;
use reader::Reader;
use signs::Signs;
use steps::Steps;

/// An address without anything behind it is taken for complete when the CLI has been quiet for so long.
const QUIET: Duration = Duration::from_millis(150);
/// What a CLI wrote last is still in the pty when it has ended; what it left behind may hold the pty open for ever.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// Runs until xterm is closed.
pub(crate) fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(serve())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("anteroom-agent: the terminal cannot be used: {error}\r");
            // Closing at once would hide the reason from whoever looks at the screen.
            std::thread::sleep(Duration::from_secs(5));
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> io::Result<()> {
    let tty = tty::take()?;
    tty.write(words::WELCOME.as_bytes()).await?;
    let mut role = Role {
        tty,
        children: Children::watch()?,
        desk: Desk::start(),
        resized: signal(SignalKind::window_change())?,
        running: None,
        may_retry: false,
        done: false,
    };
    role.work().await
}

struct Role {
    tty: TerminalEnd,
    children: Arc<Children>,
    desk: Desk,
    resized: Signal,
    running: Option<Running>,
    /// The CLI has ended, and Enter starts it again.
    may_retry: bool,
    /// Nothing is left to do; a CLI that ends now has done its work.
    done: bool,
}

/// The CLI while it runs.
struct Running {
    run: u32,
    pty: Pty,
    exit: tokio::sync::oneshot::Receiver<Exit>,
    reader: Reader,
    paste: Paste,
    steps: Steps,
    signs: Signs,
    /// When it will have been quiet for [`QUIET`].
    quiet_at: Option<Instant>,
}

/// What the role waits for.
enum Turn {
    Order(Order),
    Typed(Vec<u8>),
    Shown(Vec<u8>),
    Quiet,
    Ended(Exit),
    Resized,
}

impl Role {
    async fn work(&mut self) -> io::Result<()> {
        loop {
            match self.turn().await? {
                Turn::Order(Order::Run(run)) => self.start(run).await?,
                Turn::Order(Order::TellAgain) => self.desk.tell_again(),
                Turn::Order(Order::Type(text)) => self.paste(&text),
                Turn::Order(Order::Done(text)) => {
                    self.done = true;
                    self.tty.write(words::done(&text).as_bytes()).await?;
                }
                Turn::Typed(bytes) => self.typed(bytes),
                Turn::Shown(bytes) => self.shown(&bytes).await?,
                Turn::Quiet => self.quiet(),
                Turn::Ended(exit) => self.ended(exit).await?,
                Turn::Resized => {
                    if let Some(running) = &mut self.running {
                        running.pty.resize(self.tty.size());
                        running.reader.resize(self.tty.size().into());
                    }
                }
            }
        }
    }

    async fn turn(&mut self) -> io::Result<Turn> {
        let (shown, exit, quiet) = match &mut self.running {
            Some(running) => (Some(&running.pty), Some(&mut running.exit), running.quiet_at),
            None => (None, None, None),
        };
        Ok(tokio::select! {
            order = self.desk.order() => Turn::Order(order),
            typed = self.tty.read() => Turn::Typed(typed?),
            Some(shown) = when(shown.map(Pty::read)) => Turn::Shown(shown),
            exit = when(exit) => Turn::Ended(exit.unwrap_or(Exit::Code(-1))),
            () = when(quiet.map(sleep_until)) => Turn::Quiet,
            _ = self.resized.recv() => Turn::Resized,
        })
    }

    async fn start(&mut self, order: Run) -> io::Result<()> {
        (self.may_retry, self.done) = (false, false);
        self.tty.write(words::begins(&order).as_bytes()).await?;
        match Pty::spawn(&self.children, &order, self.tty.size()) {
            Ok((pty, exit)) => {
                self.desk.runs(Some(order.run));
                self.running = Some(Running {
                    run: order.run,
                    pty,
                    exit,
                    reader: Reader::new(self.tty.size().into()),
                    paste: Paste::default(),
                    steps: Steps::new(&order.steps),
                    signs: Signs::new(order.run, &order.signs),
                    quiet_at: None,
                });
            }
            Err(cause) => {
                // As a shell has it: 127 is a command that cannot be started.
                self.over(order.run, Exit::Code(127), vec![cause]).await?;
            }
        }
        Ok(())
    }

    fn typed(&mut self, bytes: Vec<u8>) {
        match &self.running {
            Some(running) => running.pty.write(bytes),
            None if self.may_retry && bytes.contains(&b'\r') => {
                self.may_retry = false;
                self.desk.report(Report::Again);
            }
            None => {}
        }
    }

    /// For the CLI only: who has nothing to paste into has not pressed Enter either.
    fn paste(&self, text: &Secret) {
        if let Some(running) = &self.running {
            running.pty.write(running.paste.keys(text.expose()));
        }
    }

    async fn shown(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(running) = &mut self.running {
            running.paste.watch(bytes);
            let read = running.reader.feed(bytes, Instant::now());
            for url in read.addresses {
                self.desk.report(Report::Address { url: Secret::new(url) });
            }
            for (step, answer) in running.steps.answers(&read.text) {
                running.pty.write(answer);
                self.desk.report(Report::Answered { step });
            }
            for report in running.signs.read(&read.text, &read.lines) {
                self.desk.report(report);
            }
            running.quiet_at = Some(Instant::now() + QUIET);
        }
        self.tty.write(bytes).await
    }

    fn quiet(&mut self) {
        if let Some(running) = &mut self.running {
            running.quiet_at = None;
            let read = running.reader.pause();
            for url in read.addresses {
                self.desk.report(Report::Address { url: Secret::new(url) });
            }
            for report in running.signs.pause(&read.lines) {
                self.desk.report(report);
            }
        }
    }

    async fn ended(&mut self, exit: Exit) -> io::Result<()> {
        while let Some(running) = &self.running {
            let Ok(Some(rest)) = timeout(LAST_OUTPUT, running.pty.read()).await else { break };
            self.shown(&rest).await?;
        }
        self.quiet();
        let Some(running) = self.running.take() else { return Ok(()) };
        let last_lines = running.reader.last_lines();
        self.over(running.run, exit, last_lines).await
    }

    async fn over(&mut self, run: u32, exit: Exit, last_lines: Vec<String>) -> io::Result<()> {
        self.desk.runs(None);
        if !self.done {
            self.may_retry = true;
            self.tty.write(words::over(exit, &last_lines).as_bytes()).await?;
        }
        self.desk.report(Report::Exited { run, code: exit.code(), last_lines });
        Ok(())
    }
}

/// A future that may be missing: then it never comes.
async fn when<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
