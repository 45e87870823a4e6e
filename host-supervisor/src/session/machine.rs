//! The life of a sign-in session, as a pure function: no clock, no I/O, no VM.
//!
//! ```text
//!  initializing ──▶ vm_created ──▶ ready ──▶ awaiting_user_auth ──▶ (storing) ──▶ completed
//!       │               │            │    URL     │   captured          │
//!       └───────────────┴────────────┴────────────┴─────────────────────┴──▶ failed     a cause was met
//!                                                                       ├──▶ timeout    a limit was reached
//!                                                                       └──▶ cancelled  somebody asked
//! ```
//! A failed attempt is no failed session: the person may try again in the same VM, which changes no status. Any step may
//! be skipped: a CLI may be done before its address was seen. While credentials are being stored, only
//! the end of that counts: a cancel, a limit or the VM's end a moment later must not lose them.

#[cfg(test)]
mod tests;

use crate::{failure::Failure, store::SessionStatus};

/// A CLI that fails every time is not started for ever.
const MOST_ATTEMPTS: u32 = 5;

/// What a session has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub status: SessionStatus,
    pub failure: Option<Failure>,
    /// Why the last attempt failed; nothing while another one is under way.
    pub attempt_failure: Option<Failure>,
    failed_attempts: u32,
    /// The generation of the credentials that are being stored.
    storing: Option<u64>,
    /// Why the session will end if the storing fails.
    doomed: Option<End>,
}

/// Something that happened to the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The VMM runs.
    VmBooting,
    /// The desktop can be seen and used.
    DesktopReady,
    /// The sign-in page's address is known.
    UrlFound,
    /// The guest says that the credential files are complete.
    Captured {
        generation: u64,
    },
    /// They are in the store, sealed.
    Stored {
        generation: u64,
    },
    /// They could not be fetched, or are not what the provider's definition asks for.
    NotStored(Failure),
    /// The CLI has ended without credentials, or does not find itself signed in. Another attempt may succeed.
    AttemptFailed(Failure),
    /// The CLI was started again.
    NewAttempt,
    /// The CLI cannot be started, or nobody tried again.
    SignInFailed(Failure),
    VmEnded(Option<Failure>),
    Limit(Failure),
    /// Somebody wants it to end; says who or why.
    Cancel(Failure),
}

/// What has to be done about it, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    StartSignIn,
    /// Fetch, check, seal, store; then acknowledge.
    StoreCredentials {
        generation: u64,
    },
    StopVm,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    status: SessionStatus,
    failure: Option<Failure>,
}

impl State {
    #[must_use]
    pub fn new() -> Self {
        Self {
            status: SessionStatus::Initializing,
            failure: None,
            attempt_failure: None,
            failed_attempts: 0,
            storing: None,
            doomed: None,
        }
    }

    /// Of a session that another daemon has brought so far. What its guest tells again does the rest.
    #[must_use]
    pub fn resumed(status: SessionStatus) -> Self {
        Self { status, ..Self::new() }
    }

    /// Whether credentials are on their way into the store: nothing may interrupt that.
    #[must_use]
    pub fn is_storing(&self) -> bool {
        self.storing.is_some()
    }

    /// What this event makes of the session, and what has to be done.
    #[must_use]
    pub fn step(self, event: Event) -> (Self, Vec<Action>) {
        if self.status.is_final() {
            return (self, Vec::new());
        }
        match event {
            Event::VmBooting => (self.at_least(SessionStatus::VmCreated), Vec::new()),
            Event::DesktopReady if self.status < SessionStatus::Ready => {
                (self.at_least(SessionStatus::Ready), vec![Action::StartSignIn])
            }
            Event::DesktopReady => (self, Vec::new()),
            Event::UrlFound => {
                let trying = Self { attempt_failure: None, ..self };
                (trying.at_least(SessionStatus::AwaitingUserAuth), Vec::new())
            }
            Event::NewAttempt => (Self { attempt_failure: None, ..self }, Vec::new()),
            // What is being stored tells more than the CLI's end.
            Event::AttemptFailed(_) if self.is_storing() => (self, Vec::new()),
            Event::AttemptFailed(failure) if self.failed_attempts + 1 == MOST_ATTEMPTS => {
                self.end(SessionStatus::Failed, Some(failure))
            }
            Event::AttemptFailed(failure) => {
                let failed_attempts = self.failed_attempts + 1;
                (Self { attempt_failure: Some(failure), failed_attempts, ..self }, Vec::new())
            }
            Event::Captured { generation } if self.storing.is_none_or(|storing| storing < generation) => {
                let storing = Self { storing: Some(generation), ..self };
                (storing, vec![Action::StoreCredentials { generation }])
            }
            Event::Captured { .. } => (self, Vec::new()),
            // An older generation than the one that is under way: wait for the newer.
            Event::Stored { generation } if self.storing.is_some_and(|storing| storing > generation) => {
                (self, Vec::new())
            }
            Event::Stored { .. } => self.end(SessionStatus::Completed, None),
            Event::NotStored(failure) => match self.doomed.clone() {
                Some(End { status, failure }) => self.end(status, failure),
                None => self.end(SessionStatus::Failed, Some(failure)),
            },
            Event::SignInFailed(failure) => self.end_unless_storing(SessionStatus::Failed, Some(failure)),
            Event::VmEnded(failure) => {
                let failure = failure.unwrap_or_else(vm_is_gone);
                self.end_unless_storing(SessionStatus::Failed, Some(failure))
            }
            Event::Limit(failure) => self.end_unless_storing(SessionStatus::Timeout, Some(failure)),
            Event::Cancel(failure) => self.end_unless_storing(SessionStatus::Cancelled, Some(failure)),
        }
    }

    /// Statuses only go forward.
    fn at_least(self, status: SessionStatus) -> Self {
        Self { status: self.status.max(status), ..self }
    }

    fn end(self, status: SessionStatus, failure: Option<Failure>) -> (Self, Vec<Action>) {
        let ended = Self { status, failure, attempt_failure: None, storing: None, doomed: None, ..self };
        (ended, vec![Action::StopVm])
    }

    fn end_unless_storing(self, status: SessionStatus, failure: Option<Failure>) -> (Self, Vec<Action>) {
        if self.is_storing() {
            let doomed = self.doomed.clone().or(Some(End { status, failure }));
            return (Self { doomed, ..self }, Vec::new());
        }
        self.end(status, failure)
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

fn vm_is_gone() -> Failure {
    Failure::new("vm_gone", "the VM ended before the sign-in was complete")
}
