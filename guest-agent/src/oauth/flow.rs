//! One sign-in, as a pure function of what happened.
//!
//! ```text
//!                 address known             files complete
//!   Starting ───────────────▶ AwaitingPerson ─────────────▶ Captured  (a later change: the next generation)
//!      │                            │                          ▲
//!      └──── CLI ended, and no files within the grace ────▶ Failed
//!                                     (the person tries again: Starting)
//! ```
//! Each start of the CLI is a new attempt, also where its page's address is the same. What becomes of the addresses of one
//! start is in [`addresses`].

mod addresses;
#[cfg(test)]
mod tests;

use anteroom_protocol::{
    EventBody, Note, ProviderDefinition, Secret, SessionId,
    agent::SignInPhase,
    event::{FailedBy, Meaning},
    provider::{FoundUrl, UrlSource},
};

use super::place::Place;
use addresses::{Addresses, Step};

const CLOSED: &str = "the terminal was closed; the command is started again";
/// A program that opens pages in a loop gets no further than this.
const MAX_PAGES: u32 = 64;
/// What is noted of one sign-in; more explains nothing.
const MAX_NOTES: u32 = 256;

#[derive(Debug)]
pub(super) enum Event {
    /// A sign-in address of this provider.
    Address(FoundUrl),
    /// Some other page that a program wants to be opened.
    Page(Secret),
    /// The terminal shows some other address.
    OtherAddress(Place),
    /// The terminal shows a code for the page.
    UserCode {
        run: u32,
        code: Secret,
    },
    /// The terminal asks for a code of the page.
    AsksForCode {
        run: u32,
    },
    /// A question of the definition was answered.
    Answered {
        step: usize,
    },
    /// The files do not prove the sign-in yet.
    Incomplete {
        problem: String,
    },
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
    UserCode(Secret),
    AsksForCode,
    Noted(Note),
    CliExited { code: i32, last_lines: Vec<String> },
    Captured { generation: u64 },
    Failed { by: FailedBy, cause: String, last_lines: Vec<String> },
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) phase: SignInPhase,
    pub(super) generation: u64,
    /// Starts of the CLI; the last one is the one that counts.
    run: u32,
    cli: Cli,
    /// The CLI was started again without anybody asking.
    by_itself: bool,
    /// The answer decides, however long ago the CLI has ended.
    verifying: bool,
    addresses: Addresses,
    pages: u32,
    user_code: Option<Secret>,
    asks_for_code: bool,
    incomplete: Option<String>,
    notes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cli {
    NotStarted,
    Running,
    Ended { code: i32, last_lines: Vec<String> },
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            phase: SignInPhase::Starting,
            generation: 0,
            run: 0,
            cli: Cli::NotStarted,
            by_itself: false,
            verifying: false,
            addresses: Addresses::default(),
            pages: 0,
            user_code: None,
            asks_for_code: false,
            incomplete: None,
            notes: 0,
        }
    }

    /// After a crash: with the newest generation that was captured, and the address that the person was sent to.
    pub(super) fn resumed(generation: u64, url: Option<FoundUrl>) -> Self {
        let phase = match (&url, generation) {
            (_, 1..) => SignInPhase::Captured,
            (Some(_), 0) => SignInPhase::AwaitingPerson,
            (None, 0) => SignInPhase::Starting,
        };
        Self { phase, generation, addresses: Addresses::resumed(url), ..Self::new() }
    }

    /// The newest address of this run that counts.
    pub(super) fn url(&self) -> Option<&FoundUrl> {
        self.addresses.told()
    }

    pub(super) fn step(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Address(found) => self.address(found),
            Event::Page(url) => {
                let noted = self.note_address(&url, UrlSource::Hook, Meaning::Other);
                noted.into_iter().chain(self.open(url)).collect()
            }
            Event::OtherAddress(place) => {
                let source = UrlSource::Terminal;
                self.note(place.into_note(source, Meaning::Other)).into_iter().collect()
            }
            Event::UserCode { run, code } if self.is_running(run) => self.user_code(code),
            Event::AsksForCode { run } if self.is_running(run) && !self.asks_for_code => {
                self.asks_for_code = true;
                vec![Action::Publish(Happened::AsksForCode)]
            }
            Event::Answered { step } => self.note(Note::Answered { step }).into_iter().collect(),
            Event::Incomplete { problem } if self.incomplete.as_ref() != Some(&problem) => {
                self.incomplete = Some(problem.clone());
                self.note(Note::Incomplete { problem }).into_iter().collect()
            }
            Event::HookGraceOver { attempt } => {
                let steps = self.addresses.hook_grace_over(&attempt);
                steps.into_iter().flat_map(|step| self.follow(step)).collect()
            }
            Event::CliExited { run, code, last_lines } if self.is_running(run) => {
                self.asks_for_code = false;
                self.cli = Cli::Ended { code, last_lines: last_lines.clone() };
                let told = Action::Publish(Happened::CliExited { code, last_lines });
                vec![told, Action::WaitAfterExit { run }]
            }
            Event::ExitGraceOver { run } if run == self.run && !self.verifying => self.exited_for_good(),
            Event::Verifying => {
                self.verifying = true;
                self.note(Note::Checking).into_iter().collect()
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
                if self.phase == SignInPhase::Captured {
                    Vec::new()
                } else {
                    self.fail(FailedBy::Check, cause)
                }
            }
            Event::TerminalIdle if self.wants_cli() => {
                let closed = (self.cli == Cli::Running)
                    .then(|| self.fail(FailedBy::TerminalClosed, CLOSED.to_owned()));
                let (by_itself, run) = (closed.is_some(), self.run_cli());
                self.by_itself = by_itself;
                closed.into_iter().flatten().chain(run).collect()
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

    /// After a closed terminal another attempt is under way that nobody has asked for: whoever asks now has it.
    pub(super) fn has_begun_again(&self) -> bool {
        self.by_itself && self.phase == SignInPhase::Starting
    }

    /// After a restart of the terminal the CLI is gone with it, and has to be started again.
    fn wants_cli(&self) -> bool {
        matches!(self.phase, SignInPhase::Starting | SignInPhase::AwaitingPerson)
            && !matches!(self.cli, Cli::Ended { .. })
    }

    /// Whether the CLI waits for a code of the page.
    pub(super) fn asks_for_code(&self) -> bool {
        self.asks_for_code && self.cli == Cli::Running
    }

    fn is_running(&self, run: u32) -> bool {
        run == self.run && self.cli == Cli::Running
    }

    fn run_cli(&mut self) -> Vec<Action> {
        self.run += 1;
        self.cli = Cli::Running;
        self.phase = SignInPhase::Starting;
        // Nobody waits behind them any more, and the same one may come again.
        self.addresses = Addresses::default();
        (self.user_code, self.asks_for_code, self.incomplete) = (None, false, None);
        self.by_itself = false;
        let noted = self.note(Note::CommandStarted { run: self.run });
        std::iter::once(Action::RunCli { run: self.run }).chain(noted).collect()
    }

    /// A terminal that is redrawn shows the same code again.
    fn user_code(&mut self, code: Secret) -> Vec<Action> {
        if self.user_code.as_ref() == Some(&code) {
            return Vec::new();
        }
        self.user_code = Some(code.clone());
        vec![Action::Publish(Happened::UserCode(code))]
    }

    fn note(&mut self, note: Note) -> Option<Action> {
        self.notes += 1;
        (self.notes <= MAX_NOTES).then_some(Action::Publish(Happened::Noted(note)))
    }

    fn note_address(&mut self, url: &Secret, source: UrlSource, meaning: Meaning) -> Option<Action> {
        let place = Place::of(url)?;
        self.note(place.into_note(source, meaning))
    }

    fn address(&mut self, found: FoundUrl) -> Vec<Action> {
        let meaning = if self.addresses.knows(&found) { Meaning::Again } else { Meaning::SignIn(found.kind) };
        let noted = self.note_address(&found.url, found.source, meaning);
        let steps = self.addresses.add(found);
        noted.into_iter().chain(steps.into_iter().flat_map(|step| self.follow(step))).collect()
    }

    fn follow(&mut self, step: Step) -> Vec<Action> {
        match step {
            Step::Tell(found) => {
                if self.phase == SignInPhase::Starting {
                    self.phase = SignInPhase::AwaitingPerson;
                }
                vec![Action::Publish(Happened::UrlFound(found))]
            }
            Step::Open(url) => self.open(url),
            Step::WaitForHook { attempt } => vec![Action::WaitForHook { attempt }],
        }
    }

    fn open(&mut self, url: Secret) -> Vec<Action> {
        self.pages += 1;
        if self.pages > MAX_PAGES {
            return Vec::new();
        }
        let place = Place::of(&url).map(|place| place.text).unwrap_or_default();
        let noted = self.note(Note::PageOpened { place });
        std::iter::once(Action::OpenPage(url)).chain(noted).collect()
    }

    fn exited_for_good(&mut self) -> Vec<Action> {
        let Cli::Ended { code, .. } = self.cli else { return Vec::new() };
        match self.phase {
            SignInPhase::Starting | SignInPhase::AwaitingPerson => {
                let cause =
                    format!("the command ended with code {code} before the credentials were complete");
                self.fail(FailedBy::CommandEnded, cause)
            }
            SignInPhase::Captured | SignInPhase::Failed => Vec::new(),
        }
    }

    fn fail(&mut self, by: FailedBy, cause: String) -> Vec<Action> {
        self.phase = SignInPhase::Failed;
        let last_lines = match &self.cli {
            Cli::Ended { last_lines, .. } => last_lines.clone(),
            Cli::NotStarted | Cli::Running => Vec::new(),
        };
        vec![Action::Publish(Happened::Failed { by, cause, last_lines })]
    }
}

impl Happened {
    /// As an event of this session.
    pub(super) fn of(self, session: SessionId, definition: &ProviderDefinition) -> EventBody {
        match self {
            Self::UrlFound(found) => EventBody::UrlFound { session, found },
            Self::UserCode(code) => {
                let lifetime_s = definition.device.as_ref().map_or(0, |device| device.lifetime_s);
                EventBody::UserCode { session, code, lifetime_s }
            }
            Self::AsksForCode => EventBody::AsksForCode { session },
            Self::Noted(note) => EventBody::Noted { session, note },
            Self::CliExited { code, last_lines } => EventBody::CliExited { session, code, last_lines },
            Self::Captured { generation } => EventBody::CredentialsCaptured { session, generation },
            Self::Failed { by, cause, last_lines } => {
                EventBody::SignInFailed { session, by, cause, last_lines }
            }
        }
    }
}
