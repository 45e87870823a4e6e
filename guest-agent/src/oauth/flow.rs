//! One sign-in, as a pure function of what happened.
//!
//! ```text
//!                 address known             files complete
//!   Starting ───────────────▶ AwaitingPerson ─────────────▶ Captured  (a later change: the next generation)
//!      │                            │                          ▲
//!      └──── CLI ended, and no files within the grace ────▶ Failed
//!                                     (the person tries again: Starting)
//! ```
//! Addresses of one attempt are one. The hook got what the CLI meant for a browser, so an address from the terminal
//! waits a moment for the hook's.

#[cfg(test)]
mod tests;

use anteroom_protocol::{
    EventBody, Secret, SessionId,
    agent::SignInPhase,
    provider::{FoundUrl, UrlSource},
};

const CLOSED: &str = "the terminal was closed; the command is started again";
/// A program that opens pages in a loop gets no further than this.
const MAX_PAGES: u32 = 64;

#[derive(Debug)]
pub(super) enum Event {
    /// A sign-in address of this provider.
    Address(FoundUrl),
    /// Some other page that a program wants to be opened.
    Page(Secret),
    /// The hook has had its time to show the same attempt.
    HookGraceOver {
        attempt: Secret,
    },
    CliExited {
        run: u32,
        code: i32,
        last_lines: Vec<String>,
    },
    /// Whatever the CLI has written before its end has been looked at.
    ExitGraceOver {
        run: u32,
    },
    /// The files look complete, and the CLI is being asked whether it finds so too.
    Verifying,
    /// The files are complete, and differ from the last time.
    Complete,
    /// The CLI's own check does not find itself signed in.
    NotVerified {
        cause: String,
    },
    /// A terminal is there that runs no CLI: the first one, or one that was closed and is back.
    TerminalIdle,
    /// After a restart of this role: the CLI that it has started before still runs.
    TerminalBusy {
        run: u32,
    },
    /// The person wants to try again.
    Again,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    RunCli {
        run: u32,
    },
    OpenPage(Secret),
    WaitForHook {
        attempt: Secret,
    },
    WaitAfterExit {
        run: u32,
    },
    Publish(Happened),
    /// Tell the person that nothing is left to do.
    Done(&'static str),
}

/// What the host is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happened {
    UrlFound(FoundUrl),
    CliExited { code: i32, last_lines: Vec<String> },
    Captured { generation: u64 },
    Failed { cause: String, last_lines: Vec<String> },
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) phase: SignInPhase,
    pub(super) generation: u64,
    /// Starts of the CLI; the last one is the one that counts.
    run: u32,
    cli: Cli,
    /// The answer decides, however long ago the CLI has ended.
    verifying: bool,
    addresses: Vec<Seen>,
    pages: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cli {
    NotStarted,
    Running,
    Ended { code: i32, last_lines: Vec<String> },
}

#[derive(Debug)]
struct Seen {
    found: FoundUrl,
    opened: bool,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            phase: SignInPhase::Starting,
            generation: 0,
            run: 0,
            cli: Cli::NotStarted,
            verifying: false,
            addresses: Vec::new(),
            pages: 0,
        }
    }

    /// After a crash: with the newest generation that was captured, and the address that the person was sent to.
    pub(super) fn resumed(generation: u64, url: Option<FoundUrl>) -> Self {
        let phase = match (&url, generation) {
            (_, 1..) => SignInPhase::Captured,
            (Some(_), 0) => SignInPhase::AwaitingPerson,
            (None, 0) => SignInPhase::Starting,
        };
        let addresses = url.into_iter().map(|found| Seen { found, opened: true }).collect();
        Self { phase, generation, addresses, ..Self::new() }
    }

    /// The newest address of this run that counts.
    pub(super) fn url(&self) -> Option<&FoundUrl> {
        self.addresses.iter().rfind(|seen| seen.opened).map(|seen| &seen.found)
    }

    pub(super) fn step(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Address(found) => self.address(found),
            Event::Page(url) => self.open(url).into_iter().collect(),
            Event::HookGraceOver { attempt } => {
                match self.addresses.iter().position(|seen| seen.found.attempt == attempt && !seen.opened) {
                    Some(index) => self.accept(index),
                    None => Vec::new(),
                }
            }
            Event::CliExited { run, code, last_lines } if run == self.run && self.cli == Cli::Running => {
                self.cli = Cli::Ended { code, last_lines: last_lines.clone() };
                let told = Action::Publish(Happened::CliExited { code, last_lines });
                vec![told, Action::WaitAfterExit { run }]
            }
            Event::ExitGraceOver { run } if run == self.run && !self.verifying => self.exited_for_good(),
            Event::Verifying => {
                self.verifying = true;
                Vec::new()
            }
            Event::Complete => {
                self.verifying = false;
                self.phase = SignInPhase::Captured;
                self.generation += 1;
                let told = Action::Publish(Happened::Captured { generation: self.generation });
                let first = self.generation == 1;
                let done = first.then_some(Action::Done("You are signed in. This desktop closes by itself."));
                std::iter::once(told).chain(done).collect()
            }
            Event::NotVerified { cause } => {
                self.verifying = false;
                if self.phase == SignInPhase::Captured { Vec::new() } else { self.fail(cause) }
            }
            Event::TerminalIdle if self.wants_cli() => {
                let closed = (self.cli == Cli::Running).then(|| self.fail(CLOSED.to_owned()));
                closed.into_iter().flatten().chain(self.run_cli()).collect()
            }
            Event::TerminalBusy { run } if self.cli == Cli::NotStarted => {
                self.run = run;
                self.cli = Cli::Running;
                Vec::new()
            }
            Event::Again if self.can_begin_again() => self.run_cli(),
            _ => Vec::new(),
        }
    }

    pub(super) fn can_begin_again(&self) -> bool {
        matches!(self.cli, Cli::Ended { .. }) && self.phase != SignInPhase::Captured
    }

    /// After a restart of the terminal the CLI is gone with it, and has to be started again.
    fn wants_cli(&self) -> bool {
        matches!(self.phase, SignInPhase::Starting | SignInPhase::AwaitingPerson)
            && !matches!(self.cli, Cli::Ended { .. })
    }

    fn run_cli(&mut self) -> Vec<Action> {
        self.run += 1;
        self.cli = Cli::Running;
        self.phase = SignInPhase::Starting;
        // Nobody waits behind them any more, and the same one may come again.
        self.addresses.clear();
        vec![Action::RunCli { run: self.run }]
    }

    fn address(&mut self, found: FoundUrl) -> Vec<Action> {
        let same = self.addresses.iter().position(|seen| seen.found.attempt == found.attempt);
        match (same, found.source) {
            (Some(_), UrlSource::Terminal) => Vec::new(),
            (Some(index), UrlSource::Hook) if self.addresses[index].found.source == UrlSource::Hook => {
                Vec::new()
            }
            (Some(index), UrlSource::Hook) => {
                self.addresses[index].found = found;
                self.accept(index)
            }
            (None, source) => {
                if self.addresses.len() >= MAX_PAGES as usize {
                    return Vec::new();
                }
                let attempt = found.attempt.clone();
                self.addresses.push(Seen { found, opened: false });
                match source {
                    UrlSource::Hook => self.accept(self.addresses.len() - 1),
                    UrlSource::Terminal => vec![Action::WaitForHook { attempt }],
                }
            }
        }
    }

    /// The address counts: it is told, and opened unless its attempt has a page already.
    fn accept(&mut self, index: usize) -> Vec<Action> {
        let seen = &mut self.addresses[index];
        let already_open = std::mem::replace(&mut seen.opened, true);
        let found = seen.found.clone();
        if self.phase == SignInPhase::Starting {
            self.phase = SignInPhase::AwaitingPerson;
        }
        let page = if already_open { None } else { self.open(found.url.clone()) };
        std::iter::once(Action::Publish(Happened::UrlFound(found))).chain(page).collect()
    }

    fn open(&mut self, url: Secret) -> Option<Action> {
        self.pages += 1;
        (self.pages <= MAX_PAGES).then_some(Action::OpenPage(url))
    }

    fn exited_for_good(&mut self) -> Vec<Action> {
        let Cli::Ended { code, .. } = self.cli else { return Vec::new() };
        match self.phase {
            SignInPhase::Starting | SignInPhase::AwaitingPerson => {
                self.fail(format!("the command ended with code {code} before the credentials were complete"))
            }
            SignInPhase::Captured | SignInPhase::Failed => Vec::new(),
        }
    }

    fn fail(&mut self, cause: String) -> Vec<Action> {
        self.phase = SignInPhase::Failed;
        let last_lines = match &self.cli {
            Cli::Ended { last_lines, .. } => last_lines.clone(),
            Cli::NotStarted | Cli::Running => Vec::new(),
        };
        vec![Action::Publish(Happened::Failed { cause, last_lines })]
    }
}

impl Happened {
    /// As an event of this session.
    pub(super) fn of(self, session: SessionId) -> EventBody {
        match self {
            Self::UrlFound(found) => EventBody::UrlFound { session, found },
            Self::CliExited { code, last_lines } => EventBody::CliExited { session, code, last_lines },
            Self::Captured { generation } => EventBody::CredentialsCaptured { session, generation },
            Self::Failed { cause, last_lines } => EventBody::SignInFailed { session, cause, last_lines },
        }
    }
}
