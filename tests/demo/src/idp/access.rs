//! Access tokens that were issued, and whether one still opens what it is for. No request is in here.
//!
//! ```text
//!   issued ──▶ valid ──▶ expired
//!                └─────▶ revoked
//! ```

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::idp::profile::Strangers;
use crate::idp::tickets::SignInNumber;
use crate::secret::Secret;

/// The sign-in of a token that another process of this provider has issued: it has no number here.
pub(crate) const ELSEWHERE: SignInNumber = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAccess {
    #[error("no access token")]
    Missing,
    #[error("the access token is none of ours")]
    Unknown,
    #[error("the access token has expired")]
    Expired,
    #[error("the access token was revoked")]
    Revoked,
}

#[derive(Debug)]
struct Issued {
    sign_in: SignInNumber,
    /// None once it is revoked.
    expires: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct AccessTokens {
    strangers: Strangers,
    capacity: usize,
    by_token: HashMap<Secret, Issued>,
    by_age: VecDeque<Secret>,
}

impl AccessTokens {
    pub(crate) fn new(strangers: Strangers, capacity: usize) -> Self {
        Self { strangers, capacity, by_token: HashMap::new(), by_age: VecDeque::new() }
    }

    /// When the table is full, the oldest token gives way.
    pub(crate) fn enter(&mut self, now: Instant, sign_in: SignInNumber, token: &Secret, lifetime: Duration) {
        while self.by_age.len() >= self.capacity
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.by_token.remove(&oldest);
        }
        let issued = Issued { sign_in, expires: Some(now + lifetime) };
        if self.by_token.insert(token.clone(), issued).is_none() {
            self.by_age.push_back(token.clone());
        }
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// When it opens nothing.
    pub(crate) fn check(&self, now: Instant, token: &Secret) -> Result<SignInNumber, NoAccess> {
        match self.by_token.get(token) {
            None if self.strangers.take(token) => Ok(ELSEWHERE),
            None => Err(NoAccess::Unknown),
            Some(Issued { expires: None, .. }) => Err(NoAccess::Revoked),
            Some(Issued { expires: Some(expires), .. }) if *expires <= now => Err(NoAccess::Expired),
            Some(Issued { sign_in, .. }) => Ok(*sign_in),
        }
    }

    /// No token that was issued so far opens anything any more, here or elsewhere.
    pub(crate) fn revoke_all(&mut self) {
        self.strangers = Strangers::Refused;
        for issued in self.by_token.values_mut() {
            issued.expires = None;
        }
    }
}

#[cfg(test)]
mod tests;
