//! How many bits a frame may take: a pure model of the link and of what pictures cost.
//!
//! What is sent is a debt that the link pays off at its bitrate. A frame is sent once the debt is small, and is quantized
//! so that it is likely to be paid off within a window: a short one in motion, for latency, longer ones where nothing waits.
//! What a tile costs is learnt from the frames before; six steps of the quantizer halve it.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::encoder::Quantizer;

/// Bits per second that are believed; below, nothing can be shown, above, the link is no longer the limit.
const SLOWEST: u32 = 100_000;
const FASTEST: u32 = 100_000_000;
/// Six steps of the quantizer double the step size, and about so much become the bits.
const STEPS_PER_DOUBLING: f64 = 6.0;
/// A frame may follow when so much of the link's time is still owed.
const MAX_DEBT: Duration = Duration::from_millis(33);
/// How much of the old estimate stays when a frame was cheaper than that; a dearer one counts at once.
const INERTIA: f64 = 0.8;

/// Why a frame is made, which decides what it costs and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Key,
    Motion,
    Refinement,
    /// Shows nothing new.
    SignOfLife,
}

impl Purpose {
    /// Within this time the link should have carried it.
    fn window(self) -> Duration {
        Duration::from_millis(match self {
            Self::Motion => 66,
            Self::Key => 250,
            Self::Refinement | Self::SignOfLife => 300,
        })
    }
}

#[derive(Debug, Clone)]
pub(super) struct Budget {
    bits_per_second: f64,
    /// Bits that the link has not carried yet, at `since`.
    debt: f64,
    since: Instant,
    /// Bits per tile at the finest quantizer in motion, for each purpose.
    cost: [f64; 4],
}

impl Budget {
    pub(super) fn new(now: Instant, bits_per_second: u32) -> Self {
        let mut budget =
            Self { bits_per_second: 1.0, debt: 0.0, since: now, cost: [150.0, 150.0, 60.0, 1.0] };
        budget.set_bitrate(now, bits_per_second);
        budget
    }

    pub(super) fn set_bitrate(&mut self, now: Instant, bits_per_second: u32) {
        self.debt = self.debt_at(now);
        self.since = now;
        self.bits_per_second = f64::from(bits_per_second.clamp(SLOWEST, FASTEST));
    }

    /// From when on a frame may be sent.
    pub(super) fn clear_at(&self) -> Instant {
        let over = self.debt - self.bits_in(MAX_DEBT);
        self.since + Duration::from_secs_f64((over / self.bits_per_second).max(0.0))
    }

    /// The quantizer at which a frame that changes `tiles` tiles is likely to be carried in its window, not clipped.
    pub(super) fn fitting(&self, now: Instant, purpose: Purpose, tiles: usize) -> f64 {
        // At least a bit for each tile, so that the logarithm stays one.
        let room = (self.bits_in(purpose.window()) - self.debt_at(now)).max(1.0 + count(tiles));
        let finest = f64::from(Quantizer::FINEST_IN_MOTION.value());
        finest + (count(tiles).max(1.0) * self.cost(purpose) / room).log2() * STEPS_PER_DOUBLING
    }

    /// How long the link is likely to carry these tiles at this quantizer, and what is owed before them.
    pub(super) fn time_for(
        &self,
        now: Instant,
        purpose: Purpose,
        tiles: usize,
        quantizer: Quantizer,
    ) -> Duration {
        let bits = count(tiles) * self.cost(purpose) / coarseness(quantizer) + self.debt_at(now);
        Duration::from_secs_f64(bits / self.bits_per_second)
    }

    /// Whether that is within the purpose's window.
    pub(super) fn affords(&self, now: Instant, purpose: Purpose, tiles: usize, quantizer: Quantizer) -> bool {
        self.time_for(now, purpose, tiles, quantizer) <= purpose.window()
    }

    /// A frame of so many bytes was sent.
    pub(super) fn spend(
        &mut self,
        now: Instant,
        purpose: Purpose,
        tiles: usize,
        quantizer: Quantizer,
        bytes: usize,
    ) {
        let bits = self.owe(now, bytes);
        let seen = bits / count(tiles).max(1.0) * coarseness(quantizer);
        let known = &mut self.cost[purpose as usize];
        *known = if seen > *known { seen } else { *known * INERTIA + seen * (1.0 - INERTIA) }.max(1.0);
    }

    /// So many bytes were sent, from which nothing is learnt; as bits.
    pub(super) fn owe(&mut self, now: Instant, bytes: usize) -> f64 {
        let bits = count(bytes) * 8.0;
        self.debt = self.debt_at(now) + bits;
        self.since = now;
        bits
    }

    fn cost(&self, purpose: Purpose) -> f64 {
        self.cost[purpose as usize]
    }

    fn bits_in(&self, time: Duration) -> f64 {
        self.bits_per_second * time.as_secs_f64()
    }

    fn debt_at(&self, now: Instant) -> f64 {
        (self.debt - self.bits_in(now.saturating_duration_since(self.since))).max(0.0)
    }
}

/// By how much fewer bits are needed than at the finest quantizer in motion.
fn coarseness(quantizer: Quantizer) -> f64 {
    let steps = f64::from(quantizer.value()) - f64::from(Quantizer::FINEST_IN_MOTION.value());
    (steps / STEPS_PER_DOUBLING).exp2()
}

fn count(of: usize) -> f64 {
    u32::try_from(of).map_or(f64::from(u32::MAX), f64::from)
}
