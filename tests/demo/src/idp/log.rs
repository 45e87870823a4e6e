//! What happened at the provider, in order and numbered, without a secret in it. Tests wait on it; the binary prints it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::idp::tickets::SignInNumber;

/// Older events are forgotten.
const CAPACITY: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A valid request arrived and the person was shown the page.
    ConsentAsked {
        sign_in: SignInNumber,
        client_id: &'static str,
    },
    /// A client without a browser was given the code that the person has to type.
    DeviceBegun {
        sign_in: SignInNumber,
        client_id: &'static str,
    },
    /// The person said yes, or nobody had to be asked.
    Authorized {
        sign_in: SignInNumber,
        client_id: &'static str,
    },
    /// The person said no.
    Denied {
        sign_in: SignInNumber,
    },
    CodeIssued {
        sign_in: SignInNumber,
    },
    PkceVerified {
        sign_in: SignInNumber,
    },
    /// The code was good, the verifier did not meet its challenge.
    PkceRefused {
        sign_in: SignInNumber,
    },
    TokenIssued {
        sign_in: SignInNumber,
        grant: GrantType,
    },
    /// A code, device code or refresh token came a second time; the sign-in's refresh tokens are void.
    Replayed {
        sign_in: SignInNumber,
        grant: GrantType,
    },
    /// A prompt came to the model, with a valid access token. The sign-in is 0 when another process has issued that.
    Prompted {
        sign_in: SignInNumber,
    },
    /// The whole answer was taken.
    Answered {
        sign_in: SignInNumber,
    },
    /// The client went away in the middle of its answer.
    HungUp {
        sign_in: SignInNumber,
    },
    /// A request was refused; the reason is ours and repeats nothing of the request.
    Refused {
        endpoint: Endpoint,
        reason: &'static str,
    },
    NotFound {
        method: String,
        path: String,
    },
    /// The proxy was asked for a host it does not stand in for.
    TunnelRefused {
        authority: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    AuthorizationCode,
    DeviceCode,
    RefreshToken,
    TokenExchange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Authorize,
    Device,
    Token,
    Resource,
    Model,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsentAsked { sign_in, client_id } => {
                write!(f, "sign-in {sign_in}: {client_id} asks for consent")
            }
            Self::DeviceBegun { sign_in, client_id } => {
                write!(f, "sign-in {sign_in}: {client_id} shows a code to type")
            }
            Self::Authorized { sign_in, client_id } => write!(f, "sign-in {sign_in}: {client_id} authorized"),
            Self::Denied { sign_in } => write!(f, "sign-in {sign_in}: denied"),
            Self::CodeIssued { sign_in } => write!(f, "sign-in {sign_in}: code issued"),
            Self::PkceVerified { sign_in } => write!(f, "sign-in {sign_in}: PKCE verified"),
            Self::PkceRefused { sign_in } => write!(f, "sign-in {sign_in}: PKCE refused"),
            Self::TokenIssued { sign_in, grant } => write!(f, "sign-in {sign_in}: tokens issued for {grant}"),
            Self::Replayed { sign_in, grant } => {
                write!(f, "sign-in {sign_in}: {grant} replayed, sign-in revoked")
            }
            Self::Prompted { sign_in } => write!(f, "sign-in {sign_in}: a prompt"),
            Self::Answered { sign_in } => write!(f, "sign-in {sign_in}: answered"),
            Self::HungUp { sign_in } => write!(f, "sign-in {sign_in}: hung up before the whole answer"),
            Self::Refused { endpoint, reason } => write!(f, "{endpoint:?} refused: {reason}"),
            // Debug quotes what a hostile client may have put there.
            Self::NotFound { method, path } => write!(f, "nothing at {method:?} {path:?}"),
            Self::TunnelRefused { authority } => write!(f, "no tunnel to {authority:?}"),
        }
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorizationCode => "authorization code",
            Self::DeviceCode => "device code",
            Self::RefreshToken => "refresh token",
            Self::TokenExchange => "token exchange",
        })
    }
}

/// A handle on the one log; clones share it.
#[derive(Debug, Clone)]
pub struct Log {
    kept: Arc<Mutex<VecDeque<Event>>>,
    /// How many events there ever were. A watch, because a late listener needs the newest number and not each one.
    count: watch::Sender<u64>,
}

impl Default for Log {
    fn default() -> Self {
        Self { kept: Arc::default(), count: watch::Sender::new(0) }
    }
}

impl Log {
    pub fn record(&self, event: Event) {
        let mut kept = self.kept();
        if kept.len() == CAPACITY {
            kept.pop_front();
        }
        kept.push_back(event);
        // Under the lock, so that number and content agree.
        self.count.send_modify(|count| *count += 1);
    }

    /// All events that are still remembered.
    pub fn events(&self) -> Vec<Event> {
        self.kept().iter().cloned().collect()
    }

    /// Waits for events after the `seen` first ones. Returns them and the number seen then.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is consumed.
    pub async fn after(&self, seen: u64) -> (u64, Vec<Event>) {
        // Cannot fail: `self` holds the sender.
        let _ = self.count.subscribe().wait_for(|&count| count > seen).await;
        let kept = self.kept();
        let count = *self.count.borrow();
        let new = usize::try_from(count.saturating_sub(seen)).unwrap_or(usize::MAX);
        (count, kept.iter().skip(kept.len().saturating_sub(new)).cloned().collect())
    }

    /// Waits for the first event, past or future, that `matches`.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is consumed.
    pub async fn wait_for(&self, matches: impl Fn(&Event) -> bool) -> Event {
        let mut seen = 0;
        loop {
            let (now_seen, events) = self.after(seen).await;
            if let Some(event) = events.into_iter().find(&matches) {
                return event;
            }
            seen = now_seen;
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
