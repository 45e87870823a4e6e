//! How much the network has still to take, as far as it can be told, and which pictures are therefore left out.
//!
//! ```text
//!            too much waits             little waits: a keyframe is asked for
//!  Flowing ────────────────▶ Draining ─────────────────────────────────────▶ Waiting ──keyframe──▶ Flowing
//! ```
//! Pictures are sent whole or not at all, and after a gap only a keyframe can be understood. The encoder follows the
//! estimate, but it is shared with viewers on better networks, and a new estimate takes a moment to have effect.

use std::time::{Duration, Instant};

/// More than this much sending time waits: what would come behind it would be old.
const TOO_MUCH: Duration = Duration::from_millis(600);
/// So little that a keyframe will come through at once.
const LITTLE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    Draining,
    Waiting,
}

/// What is to be done with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    LeaveOut,
    /// And ask for a keyframe.
    LeaveOutAndAsk,
}

#[derive(Debug)]
pub(super) struct Backlog {
    waiting_bits: f64,
    rate_bps: f64,
    counted_at: Instant,
    state: State,
}

impl Backlog {
    /// Begins with a keyframe.
    pub(super) fn new(rate_bps: u64, now: Instant) -> Self {
        Self { waiting_bits: 0.0, rate_bps: as_rate(rate_bps), counted_at: now, state: State::Waiting }
    }

    /// The network takes so much from now on, in bit/s.
    pub(super) fn set_rate(&mut self, rate_bps: u64, now: Instant) {
        self.pass(now);
        self.rate_bps = as_rate(rate_bps);
    }

    /// What to do with a picture of so many bytes, which counts as sent when it is to be.
    pub(super) fn judge(&mut self, key: bool, bytes: usize, now: Instant) -> Verdict {
        self.pass(now);
        let waits = Duration::from_secs_f64(self.waiting_bits / self.rate_bps);
        self.state = match self.state {
            State::Flowing if waits > TOO_MUCH => State::Draining,
            State::Draining if waits < LITTLE && !key => {
                self.state = State::Waiting;
                return Verdict::LeaveOutAndAsk;
            }
            State::Draining if waits < LITTLE => State::Flowing,
            State::Waiting if key => State::Flowing,
            same => same,
        };
        if self.state != State::Flowing {
            return Verdict::LeaveOut;
        }
        #[expect(clippy::cast_precision_loss, reason = "no picture has 2^52 bytes")]
        let bits = bytes as f64 * 8.0;
        self.waiting_bits += bits;
        Verdict::Send
    }

    fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        self.waiting_bits = (self.waiting_bits - passed * self.rate_bps).max(0.0);
        self.counted_at = now;
    }
}

/// Never zero, so that what waits can be a time.
#[expect(clippy::cast_precision_loss, reason = "no network takes 2^52 bit/s")]
fn as_rate(bps: u64) -> f64 {
    bps.max(10_000) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn nothing_goes_out_before_a_keyframe() {
        let now = Instant::now();
        let mut backlog = Backlog::new(1_000_000, now);
        assert_eq!(backlog.judge(false, 1000, now), Verdict::LeaveOut);
        assert_eq!(backlog.judge(true, 50_000, now), Verdict::Send);
        assert_eq!(backlog.judge(false, 1000, now), Verdict::Send);
    }

    #[test]
    fn what_the_network_does_not_take_is_left_out_until_a_keyframe_has_room() {
        let start = Instant::now();
        let mut backlog = Backlog::new(1_000_000, start);
        // 800 ms of sending.
        assert_eq!(backlog.judge(true, 100_000, start), Verdict::Send);
        assert_eq!(backlog.judge(false, 1000, after(start, 10)), Verdict::LeaveOut);
        assert_eq!(backlog.judge(true, 1000, after(start, 20)), Verdict::LeaveOut, "it would be late");
        assert_eq!(backlog.judge(false, 1000, after(start, 750)), Verdict::LeaveOutAndAsk);
        assert_eq!(backlog.judge(false, 1000, after(start, 760)), Verdict::LeaveOut);
        assert_eq!(backlog.judge(true, 1000, after(start, 770)), Verdict::Send);
        assert_eq!(backlog.judge(false, 1000, after(start, 780)), Verdict::Send);
    }

    #[test]
    fn a_better_network_is_believed() {
        let start = Instant::now();
        let mut backlog = Backlog::new(1_000_000, start);
        assert_eq!(backlog.judge(true, 100_000, start), Verdict::Send);
        backlog.set_rate(8_000_000, start);
        assert_eq!(backlog.judge(false, 1000, start), Verdict::Send);
    }
}
