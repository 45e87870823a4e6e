//! Who moves pointer and keys: one page at a time. Pure; the room asks, and tells the pages.
//!
//! ```text
//!            a player joins, or asks                 releases, leaves
//!   free ────────────────────────────▶ held by A ─────────────────────▶ free
//!                                        │    ▲
//!              B asks, A idle for IDLE   ▼    │  A asks, B idle for IDLE
//!                                      held by B
//! ```
//! Who asks gets control at once when nobody has it or when its holder has sent nothing for [`IDLE`]. A holder at work
//! keeps it: two people's keys in one password field help neither, and a person who stops typing to talk about it is idle
//! soon enough. What nobody holds is not given to anybody who has not asked, since a page that is not looked at would keep
//! it. A page that was cut off and comes back is a new one to the desktop and takes over from its own silent predecessor.
//! A page that may only view never gets it.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anteroom_protocol::desk::ControlIs;

/// A holder that has sent no input for so long lets another take over.
pub(super) const IDLE: Duration = Duration::from_secs(3);

/// One page, by the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat(pub(super) u64);

/// What a page may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Looks only.
    Viewer,
    /// May have control.
    Player,
}

/// Why a page does not get control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error("this page may only view")]
    ViewOnly,
    #[error("another page has control and is at work")]
    AtWork,
}

#[derive(Debug, Default)]
pub(super) struct Control {
    holder: Option<(Seat, Instant)>,
}

impl Control {
    /// A player who comes first has control; nobody is thrown out for it.
    pub(super) fn join(&mut self, seat: Seat, role: Role, now: Instant) {
        if role == Role::Player && self.holder.is_none() {
            self.holder = Some((seat, now));
        }
    }

    /// # Errors
    /// When `seat` may not have control, or not now.
    pub(super) fn take(&mut self, seat: Seat, role: Role, now: Instant) -> Result<(), Denied> {
        if role == Role::Viewer {
            return Err(Denied::ViewOnly);
        }
        match self.holder {
            Some((holder, last)) if holder != seat && now.saturating_duration_since(last) < IDLE => {
                Err(Denied::AtWork)
            }
            _ => {
                self.holder = Some((seat, now));
                Ok(())
            }
        }
    }

    /// Gives control back, if `seat` has it.
    pub(super) fn release(&mut self, seat: Seat) {
        if self.has(seat) {
            self.holder = None;
        }
    }

    /// `seat` has sent input. Whether it may.
    pub(super) fn touch(&mut self, seat: Seat, now: Instant) -> bool {
        match &mut self.holder {
            Some((holder, last)) if *holder == seat => {
                *last = now;
                true
            }
            _ => false,
        }
    }

    pub(super) fn holder(&self) -> Option<Seat> {
        self.holder.map(|(seat, _)| seat)
    }

    pub(super) fn has(&self, seat: Seat) -> bool {
        self.holder() == Some(seat)
    }

    /// As `seat` sees it.
    pub(super) fn seen_by(&self, seat: Seat) -> ControlIs {
        match self.holder() {
            None => ControlIs::Free,
            Some(holder) if holder == seat => ControlIs::Mine,
            Some(_) => ControlIs::Other,
        }
    }
}
