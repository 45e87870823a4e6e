//! Sign-ins of clients without a browser (RFC 8628): the device code that the client asks with, the user code that the person
//! types, and what has become of both. No page and no request is in here.
//!
//! ```text
//!   begin ──▶ pending ──the person allows──▶ allowed ──the client asks──▶ used up
//!                │ └────the person denies───▶ denied
//!                └──(expired, forgotten)
//! ```

pub(crate) mod endpoint;
pub(crate) mod page;
mod user_code;

use std::time::{Duration, Instant};

use crate::idp::authorize::Granted;
use crate::idp::profile::DeviceFlow;
use crate::idp::tickets::{Redeemed, SignInNumber, Tickets};
use crate::secret::{NoRandomness, Secret};

/// A guest's clock may run ahead of ours by so much of the interval: 1/4.
const EARLY: u32 = 4;

/// A sign-in that waits for its person.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) client_id: &'static str,
    pub(crate) scope: Granted,
    user_code: Secret,
    decision: Decision,
    polled: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Pending,
    Allowed,
    Denied,
}

/// What the client is told when it asks.
#[derive(Debug)]
pub(crate) enum Poll {
    Pending,
    TooSoon,
    Denied,
    /// Unknown ones too: nobody remembers which expired.
    Expired,
    Done(Redeemed<Device>),
}

#[derive(Debug)]
pub(crate) struct Devices {
    by_device_code: Tickets<Device>,
    /// None where there is no such flow.
    flow: Option<DeviceFlow>,
}

impl Devices {
    pub(crate) fn new(flow: Option<DeviceFlow>, capacity: usize) -> Self {
        let lifetime = flow.map_or(Duration::ZERO, |flow| flow.lifetime);
        Self { by_device_code: Tickets::new(lifetime, capacity), flow }
    }

    /// The device code and the user code of a new sign-in.
    ///
    /// # Errors
    /// When the kernel has no random numbers to give.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        number: SignInNumber,
        client_id: &'static str,
        scope: Granted,
    ) -> Result<(Secret, Secret), NoRandomness> {
        let shape = self.flow.map_or([4, 4], |flow| flow.user_code);
        let mut user_code = user_code::random(shape)?;
        while self.find(now, user_code.reveal()).is_some() {
            user_code = user_code::random(shape)?;
        }
        let device = Device {
            client_id,
            scope,
            user_code: user_code.clone(),
            decision: Decision::Pending,
            polled: None,
        };
        Ok((self.by_device_code.issue(now, number, device)?, user_code))
    }

    /// The sign-in that shows this code and waits for its person.
    pub(crate) fn find(&mut self, now: Instant, typed: &str) -> Option<(SignInNumber, &mut Device)> {
        self.by_device_code.find_by(now, |device| {
            device.decision == Decision::Pending && user_code::same(typed, &device.user_code)
        })
    }

    /// The client asks; `its_own` says whether this is what it began.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        device_code: &Secret,
        its_own: impl Fn(&Device) -> bool,
    ) -> Poll {
        let interval = self.flow.map_or(Duration::ZERO, |flow| flow.interval);
        match self.by_device_code.find(now, device_code) {
            Some((_, device)) if !its_own(device) => Poll::Expired,
            Some((_, device)) => {
                let last = device.polled.replace(now);
                let soonest = last.map(|last| last + interval - interval / EARLY);
                match device.decision {
                    Decision::Denied => Poll::Denied,
                    _ if soonest.is_some_and(|soonest| now < soonest) => Poll::TooSoon,
                    Decision::Pending => Poll::Pending,
                    Decision::Allowed => Poll::Done(self.by_device_code.redeem(now, device_code)),
                }
            }
            None => match self.by_device_code.redeem(now, device_code) {
                Redeemed::Unknown => Poll::Expired,
                used => Poll::Done(used),
            },
        }
    }
}

impl Device {
    pub(crate) fn decide(&mut self, decision: Decision) {
        self.decision = decision;
    }

    /// Whether the client shows the code that it was given for the person as well.
    pub(crate) fn shows(&self, user_code: &Secret) -> bool {
        self.user_code == *user_code
    }
}

#[cfg(test)]
mod tests;
