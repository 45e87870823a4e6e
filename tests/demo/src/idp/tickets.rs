//! Tickets: random handles that stand for something, for a while.
//!
//! Open consent pages, codes, device codes and refresh tokens are all tickets; all but the pages are good for one use. A
//! used ticket is remembered until it would have expired, because a second use means that somebody stole it (OAuth 2.1
//! section 4.1.3). The table is bounded: when it is full the oldest ticket gives way, so that a flood costs old sign-ins and
//! not the service.
//!
//! ```text
//!   issue ──▶ fresh ──redeem──▶ used ──▶ (expired, forgotten)
//!               └──────────────────────────▲
//! ```

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::secret::{NoRandomness, Secret};

/// Numbers the sign-ins of one provider, from 1.
pub type SignInNumber = u64;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Redeemed<T> {
    Fresh(SignInNumber, T),
    /// It was valid once.
    UsedBefore(SignInNumber),
    /// Never issued, expired or given way.
    Unknown,
}

#[derive(Debug)]
struct Ticket<T> {
    sign_in: SignInNumber,
    expires: Instant,
    /// `None` once it is used.
    value: Option<T>,
}

#[derive(Debug)]
pub(crate) struct Tickets<T> {
    lifetime: Duration,
    capacity: usize,
    by_handle: HashMap<Secret, Ticket<T>>,
    /// All lifetimes are equal, so the order of issue is the order of expiry.
    by_age: VecDeque<Secret>,
}

impl<T> Tickets<T> {
    pub(crate) fn new(lifetime: Duration, capacity: usize) -> Self {
        Self { lifetime, capacity, by_handle: HashMap::new(), by_age: VecDeque::new() }
    }

    /// # Errors
    /// When the kernel has no random numbers to give.
    pub(crate) fn issue(
        &mut self,
        now: Instant,
        sign_in: SignInNumber,
        value: T,
    ) -> Result<Secret, NoRandomness> {
        let handle = Secret::random()?;
        self.forget_expired(now);
        while self.by_age.len() >= self.capacity {
            self.forget_oldest();
        }
        let ticket = Ticket { sign_in, expires: now + self.lifetime, value: Some(value) };
        self.by_handle.insert(handle.clone(), ticket);
        self.by_age.push_back(handle.clone());
        Ok(handle)
    }

    pub(crate) fn redeem(&mut self, now: Instant, handle: &Secret) -> Redeemed<T> {
        self.forget_expired(now);
        match self.by_handle.get_mut(handle) {
            None => Redeemed::Unknown,
            Some(ticket) => match ticket.value.take() {
                Some(value) => Redeemed::Fresh(ticket.sign_in, value),
                None => Redeemed::UsedBefore(ticket.sign_in),
            },
        }
    }

    /// What a fresh ticket stands for, without using it up.
    pub(crate) fn find(&mut self, now: Instant, handle: &Secret) -> Option<(SignInNumber, &mut T)> {
        self.forget_expired(now);
        let ticket = self.by_handle.get_mut(handle)?;
        Some((ticket.sign_in, ticket.value.as_mut()?))
    }

    /// The fresh ticket that stands for something of this kind.
    pub(crate) fn find_by(
        &mut self,
        now: Instant,
        wanted: impl Fn(&T) -> bool,
    ) -> Option<(SignInNumber, &mut T)> {
        self.forget_expired(now);
        let fresh =
            self.by_handle.values_mut().filter_map(|ticket| Some((ticket.sign_in, ticket.value.as_mut()?)));
        fresh.into_iter().find(|(_, value)| wanted(value))
    }

    /// Makes every ticket of a sign-in a used one.
    pub(crate) fn revoke(&mut self, sign_in: SignInNumber) {
        for ticket in self.by_handle.values_mut().filter(|ticket| ticket.sign_in == sign_in) {
            ticket.value = None;
        }
    }

    /// As if none had ever been issued.
    pub(crate) fn forget_all(&mut self) {
        self.by_handle.clear();
        self.by_age.clear();
    }

    fn forget_expired(&mut self, now: Instant) {
        while let Some(oldest) = self.by_age.front()
            && self.by_handle.get(oldest).is_none_or(|ticket| ticket.expires <= now)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.by_age.pop_front() {
            self.by_handle.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
