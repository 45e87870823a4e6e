//! The life of one service, as a pure function of what happened.
//!
//! ```text
//!             Go             Spawned, Answered
//!  Waiting ────────▶ Starting ────────────────▶ Ready
//!     ▲                 │ Refused, Silent, Ended  │ Ended
//!     │   RetryDue      ▼                         │
//!     └───────────── BackOff ◀────────────────────┤
//!                       │ too often in a row      │
//!                       ▼                         ▼
//!                     Failed        Done (a one-shot that succeeded)
//!
//!  StopAsked: any ──▶ Stopping ──▶ Stopped;  StartAsked: Stopped, Failed, Done ──▶ Waiting
//! ```

#[cfg(test)]
mod tests;

use super::spec::Restart;
use crate::process::Exit;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    /// Its process is being made or runs, but does not answer yet. `silent` when it is being ended for not answering.
    Starting {
        pid: Option<u32>,
        silent: Option<String>,
    },
    Ready {
        pid: u32,
        since_ms: u64,
    },
    BackOff {
        cause: String,
        delay_ms: u64,
    },
    Failed {
        cause: String,
    },
    Stopping {
        pid: u32,
    },
    Stopped,
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Everything it needs is ready.
    Go,
    Spawned {
        pid: u32,
    },
    /// It could not even be started; `permanent` when another try is pointless.
    Refused {
        cause: String,
        permanent: bool,
    },
    Answered,
    /// It runs but has not answered in time.
    Silent {
        cause: String,
    },
    Ended(Exit),
    RetryDue,
    StopAsked,
    StartAsked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Spawn,
    /// Wait for it to answer.
    Probe,
    /// SIGTERM, and SIGKILL when that does not help.
    Terminate,
    RetryAfter {
        delay_ms: u64,
    },
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) state: State,
    /// Starts after the first, over its whole life.
    pub(super) restarts: u32,
    /// Failures in a row.
    streak: u32,
    policy: Restart,
    one_shot: bool,
}

impl Machine {
    pub(super) fn new(policy: Restart, one_shot: bool, at_boot: bool) -> Self {
        let state = if at_boot { State::Waiting } else { State::Stopped };
        Self { state, restarts: 0, streak: 0, policy, one_shot }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        match self.state {
            State::Starting { pid, .. } => pid,
            State::Ready { pid, .. } | State::Stopping { pid } => Some(pid),
            _ => None,
        }
    }

    /// Whether services that come after it may start.
    pub(super) fn is_satisfied(&self) -> bool {
        matches!(self.state, State::Ready { .. } | State::Done)
    }

    /// Whether there is nothing left to end.
    pub(super) fn is_at_rest(&self) -> bool {
        self.pid().is_none()
    }

    /// Takes one event. Events that do not belong to the state are late news, and change nothing.
    pub(super) fn step(&mut self, event: Event, now_ms: u64) -> Option<Action> {
        match (self.state.clone(), event) {
            (State::Waiting, Event::Go) => {
                self.go(State::Starting { pid: None, silent: None }, Action::Spawn)
            }
            (State::Starting { pid: None, .. }, Event::Spawned { pid }) => {
                self.go(State::Starting { pid: Some(pid), silent: None }, Action::Probe)
            }
            (State::Starting { pid: None, .. }, Event::Refused { cause, permanent: true }) => {
                self.fail(cause)
            }
            (State::Starting { pid: None, .. }, Event::Refused { cause, permanent: false }) => {
                self.back_off(cause)
            }
            (State::Starting { pid: Some(pid), .. }, Event::Answered) => {
                self.state = State::Ready { pid, since_ms: now_ms };
                None
            }
            (State::Starting { pid, silent: None }, Event::Silent { cause }) => {
                self.go(State::Starting { pid, silent: Some(cause) }, Action::Terminate)
            }
            (State::Starting { silent: Some(cause), .. }, Event::Ended(_)) => self.back_off(cause),
            (State::Starting { .. }, Event::Ended(exit)) if self.one_shot && exit.is_success() => {
                self.rest(State::Done)
            }
            (State::Starting { .. }, Event::Ended(exit)) => self.back_off(exit.to_string()),
            (State::Ready { since_ms, .. }, Event::Ended(exit)) => {
                if now_ms.saturating_sub(since_ms) >= self.policy.stable_after_ms {
                    self.streak = 0;
                }
                self.back_off(exit.to_string())
            }
            (State::BackOff { .. }, Event::RetryDue) => {
                self.restarts += 1;
                self.rest(State::Waiting)
            }
            (State::Stopping { .. }, Event::Ended(_)) => self.rest(State::Stopped),
            (State::Starting { pid: Some(pid), .. } | State::Ready { pid, .. }, Event::StopAsked) => {
                self.go(State::Stopping { pid }, Action::Terminate)
            }
            (State::Waiting | State::BackOff { .. }, Event::StopAsked) => self.rest(State::Stopped),
            (State::Stopped | State::Failed { .. } | State::Done, Event::StartAsked) => {
                self.streak = 0;
                self.rest(State::Waiting)
            }
            _ => None,
        }
    }

    fn go(&mut self, state: State, action: Action) -> Option<Action> {
        self.state = state;
        Some(action)
    }

    fn rest(&mut self, state: State) -> Option<Action> {
        self.state = state;
        None
    }

    fn fail(&mut self, cause: String) -> Option<Action> {
        self.rest(State::Failed { cause })
    }

    fn back_off(&mut self, cause: String) -> Option<Action> {
        self.streak += 1;
        if self.streak >= self.policy.give_up_after {
            return self.fail(cause);
        }
        let doubled = self.policy.first_delay_ms.saturating_mul(1 << (self.streak - 1).min(16));
        let delay_ms = doubled.min(self.policy.max_delay_ms);
        self.go(State::BackOff { cause, delay_ms }, Action::RetryAfter { delay_ms })
    }
}
