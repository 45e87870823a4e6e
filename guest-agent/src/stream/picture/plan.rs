//! When the next frame of a codec is due and what it is to be: a pure state machine.
//!
//! ```text
//!            change                    quiet for 100 ms
//!   sharp ────────────▶ in motion ───────────────────────▶ refined once or twice ──▶ sharp: a sign of life now and then
//!     ▲  little enough     │  ▲                                    │
//!     └────────────────────┘  └──────────── change ────────────────┘
//! ```
//! A change that is small is sent sharp at once (typing), so that what is written never looks worse first. On a link that is too
//! slow to make everything sharp at once, all of it becomes legible first; then a codec that can do so makes one part of the
//! picture sharp after the other.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::{
    budget::{Budget, Purpose},
    encoder::{Kind, Quantizer},
    tiles::{Size, Tiles},
};

/// After so long without a frame in motion the picture is refined.
const QUIET: Duration = Duration::from_millis(100);
/// Key frames that viewers ask for come no faster than this; each may cost a hundred kilobytes.
const KEY_INTERVAL: Duration = Duration::from_millis(250);
/// A refinement that would fill the link for longer is made in parts, or waits for a better link.
const MAX_REFINEMENT: Duration = Duration::from_secs(2);
/// How long the link may be filled by one part.
const PART: Duration = Duration::from_millis(600);

/// A picture that rests is sent once more, without any change, before this is over: libwebrtc, which every browser has, takes a
/// stream for broken that has sent something within 5 s but no frame for 3 s, and asks for a key frame
/// (`VideoReceiveStream2::HandleFrameBufferTimeout`), again and again. It also brings to light what was lost at the end.
const ALIVE: Duration = Duration::from_millis(2500);

/// A frame to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) purpose: Purpose,
    pub(super) quantizer: Quantizer,
    /// What the encoder has to look at.
    pub(super) tiles: Tiles,
}

impl Order {
    pub(super) fn kind(&self) -> Kind {
        if self.purpose == Purpose::Key { Kind::Key } else { Kind::Inter }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    Now(Order),
    /// Earlier only by a change or a wish.
    At(Instant),
}

#[derive(Debug)]
pub(super) struct Plan {
    interval: Duration,
    /// Whether the encoder leaves alone what it has not to look at.
    in_parts: bool,
    /// Changed since the last frame.
    changed: Tiles,
    /// In the decoder's picture, but not sharp.
    blurred: Tiles,
    /// The coarsest quantizer of those.
    coarsest: Quantizer,
    key_wanted: bool,
    last_key: Option<Instant>,
    last_frame: Option<Instant>,
    last_motion: Option<Instant>,
    last_sign_of_life: Option<Instant>,
    pub(super) budget: Budget,
}

impl Plan {
    /// `interval` is the shortest time from frame to frame. Begins with the wish for a key frame.
    pub(super) fn new(size: Size, interval: Duration, in_parts: bool, budget: Budget) -> Self {
        Self {
            interval,
            in_parts,
            changed: Tiles::none(size),
            blurred: Tiles::none(size),
            coarsest: Quantizer::SHARP,
            key_wanted: true,
            last_key: None,
            last_frame: None,
            last_motion: None,
            last_sign_of_life: None,
            budget,
        }
    }

    /// The picture differs here from what the last frame showed.
    pub(super) fn change(&mut self, tiles: &Tiles) {
        self.changed.add(tiles);
    }

    pub(super) fn want_key(&mut self) {
        self.key_wanted = true;
    }

    /// From when on a change would be sent. A picture that is captured earlier is captured in vain.
    pub(super) fn open_at(&self) -> Instant {
        self.paced(self.budget.clear_at())
    }

    /// This time, or that at which a frame may follow the last one.
    fn paced(&self, at: Instant) -> Instant {
        self.last_frame.map_or(at, |last| at.max(last + self.interval))
    }

    pub(super) fn due(&self, now: Instant) -> Due {
        let key_at = self.last_key.map_or(now, |last| last + KEY_INTERVAL).max(self.open_at());
        if self.key_wanted && key_at <= now {
            return Due::Now(self.key(now));
        }
        let later = if !self.changed.is_empty() {
            if self.open_at() <= now {
                return Due::Now(self.motion(now));
            }
            Some(self.open_at())
        } else if self.blurred.is_empty() {
            None
        } else {
            // It does not wait for the link to be clear: nothing is behind it, and what is owed is counted.
            let at = self.paced(self.last_motion.map_or(now, |last| last + QUIET));
            match (at <= now).then(|| self.refinement(now)) {
                Some(Some(order)) => return Due::Now(order),
                Some(None) => Some(self.open_at()).filter(|clear| *clear > now),
                None => Some(at),
            }
        };
        // A change that waits for the link will be one itself.
        let last = self.last_frame.max(self.last_sign_of_life).filter(|_| self.changed.is_empty());
        let alive_at = last.map(|last| last + ALIVE);
        if alive_at.is_some_and(|at| at <= now) {
            return Due::Now(self.sign_of_life());
        }
        let key = self.key_wanted.then_some(key_at);
        Due::At([key, later, alive_at].into_iter().flatten().min().unwrap_or(key_at))
    }

    /// The order was carried out, begun at `begin`. A codec may have made a key frame unasked.
    pub(super) fn done(&mut self, begin: Instant, now: Instant, order: &Order, kind: Kind, bytes: usize) {
        if order.purpose == Purpose::SignOfLife && kind == Kind::Inter {
            self.budget.owe(now, bytes);
            // No change that comes now has to keep a distance from it.
            self.last_sign_of_life = Some(begin);
            return;
        }
        self.budget.spend(now, order.purpose, order.tiles.count(), order.quantizer, bytes);
        // The time that the encoder takes is part of the interval.
        self.last_frame = Some(begin);
        if kind == Kind::Key {
            self.key_wanted = false;
            self.last_key = Some(now);
        }
        if order.quantizer <= Quantizer::SHARP {
            self.blurred.remove(&order.tiles);
            if self.blurred.is_empty() {
                self.coarsest = Quantizer::SHARP;
            }
        } else if order.purpose == Purpose::Refinement {
            self.coarsest = order.quantizer;
        } else {
            self.blurred.add(&order.tiles);
            self.coarsest = self.coarsest.max(order.quantizer);
            self.last_motion = Some(now);
        }
        self.changed.clear();
    }

    fn key(&self, now: Instant) -> Order {
        let mut tiles = self.changed.clone();
        tiles.fill();
        let fitting = self.budget.fitting(now, Purpose::Key, tiles.count());
        Order { purpose: Purpose::Key, quantizer: Quantizer::in_motion(fitting), tiles }
    }

    /// As coarse as what is there, so that a codec that looks for itself finds nothing to do.
    fn sign_of_life(&self) -> Order {
        let mut tiles = self.changed.clone();
        tiles.clear();
        Order { purpose: Purpose::SignOfLife, quantizer: self.coarsest, tiles }
    }

    fn motion(&self, now: Instant) -> Order {
        // A sharp frame makes sharp whatever is not.
        let mut all = self.changed.clone();
        all.add(&self.blurred);
        if self.budget.affords(now, Purpose::Motion, all.count(), Quantizer::SHARP) {
            return Order { purpose: Purpose::Motion, quantizer: Quantizer::SHARP, tiles: all };
        }
        let fitting = self.budget.fitting(now, Purpose::Motion, self.changed.count());
        Order {
            purpose: Purpose::Motion,
            quantizer: Quantizer::in_motion(fitting),
            tiles: self.changed.clone(),
        }
    }

    /// Sharp, if the link carries that soon; else something between, if it is worth a frame; else sharp, if the link
    /// carries that at all; else, so that text can be read before it is sharp, the finest of what comes between.
    fn refinement(&self, now: Instant) -> Option<Order> {
        let tiles = self.blurred.clone();
        let order = |quantizer| Some(Order { purpose: Purpose::Refinement, quantizer, tiles: tiles.clone() });
        let count = tiles.count();
        if self.budget.affords(now, Purpose::Refinement, count, Quantizer::SHARP) {
            return order(Quantizer::SHARP);
        }
        let between = Quantizer::in_motion(self.budget.fitting(now, Purpose::Refinement, count));
        if between.value() + Quantizer::REFINEMENT <= self.coarsest.value() {
            return order(between);
        }
        let sharp = self.budget.time_for(now, Purpose::Refinement, count, Quantizer::SHARP);
        if sharp <= MAX_REFINEMENT {
            return order(Quantizer::SHARP);
        }
        let legible = Quantizer::FINEST_IN_MOTION;
        if legible.value() + Quantizer::REFINEMENT <= self.coarsest.value()
            && self.budget.time_for(now, Purpose::Refinement, count, legible) <= MAX_REFINEMENT
        {
            return order(legible);
        }
        self.in_parts.then(|| self.part(now)).flatten()
    }

    /// As many tiles as the link carries in a while; none before it has carried what it was given.
    fn part(&self, now: Instant) -> Option<Order> {
        let (purpose, quantizer) = (Purpose::Refinement, Quantizer::SHARP);
        if self.open_at() > now {
            return None;
        }
        let time = |count| self.budget.time_for(now, purpose, count, quantizer);
        let (owed, one) = (time(0), time(1) - time(0));
        let room = PART.saturating_sub(owed).div_duration_f64(one.max(Duration::from_nanos(1)));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither negative nor large"
        )]
        let tiles = self.blurred.first((room as usize).max(1));
        Some(Order { purpose, quantizer, tiles })
    }
}
