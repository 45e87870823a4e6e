//! How much the network has still to take, as far as it can be told, and which pictures are therefore left out.
//!
//! ```text
//!            too much waits             little waits: a keyframe is asked for
//!  Flowing ────────────────▶ Draining ─────────────────────────────────────▶ Waiting ──keyframe──▶ Flowing
//! ```
//! Pictures are sent whole or not at all, and after a gap only a keyframe can be understood. The encoder follows the
//! estimate, but it is shared with viewers on better networks, and a new estimate takes a moment to have effect.
//!
//! A gap costs a keyframe, which is large. So a keyframe is no reason for one, and what comes behind it is left out only when
//! more of it waits than another keyframe would cost: otherwise a slow network would see nothing but keyframes.

use std::time::{Duration, Instant};

/// More than this much sending time waits: what would come behind it would be old. Or the time of a keyframe, when that is
/// longer.
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
    /// The last keyframe and what was before it.
    key_bits: f64,
    /// What came after it.
    waiting_bits: f64,
    last_key_bits: f64,
    rate_bps: f64,
    counted_at: Instant,
    state: State,
}

impl Backlog {
    /// Begins with a keyframe.
    pub(super) fn new(rate_bps: u64, now: Instant) -> Self {
        Self {
            key_bits: 0.0,
            waiting_bits: 0.0,
            last_key_bits: 0.0,
            rate_bps: as_rate(rate_bps),
            counted_at: now,
            state: State::Waiting,
        }
    }

    /// The network takes so much from now on, in bit/s.
    pub(super) fn set_rate(&mut self, rate_bps: u64, now: Instant) {
        self.pass(now);
        self.rate_bps = as_rate(rate_bps);
    }

    /// When the network has taken what was sent.
    pub(super) fn clear_at(&self, now: Instant) -> Instant {
        now.max(
            self.counted_at + Duration::from_secs_f64((self.key_bits + self.waiting_bits) / self.rate_bps),
        )
    }

    /// What to do with a picture of so many bytes, which counts as sent when it is to be.
    pub(super) fn judge(&mut self, key: bool, bytes: usize, now: Instant) -> Verdict {
        self.pass(now);
        let time = |bits: f64| Duration::from_secs_f64(bits / self.rate_bps);
        let too_much = time(self.waiting_bits) > TOO_MUCH.max(time(self.last_key_bits));
        let little = time(self.key_bits + self.waiting_bits) < LITTLE;
        self.state = match self.state {
            State::Flowing if too_much && !key => State::Draining,
            State::Draining if little && !key => {
                self.state = State::Waiting;
                return Verdict::LeaveOutAndAsk;
            }
            State::Draining if little => State::Flowing,
            State::Waiting if key => State::Flowing,
            same => same,
        };
        if self.state != State::Flowing {
            return Verdict::LeaveOut;
        }
        #[expect(clippy::cast_precision_loss, reason = "no picture has 2^52 bytes")]
        let bits = bytes as f64 * 8.0;
        if key {
            self.key_bits += self.waiting_bits + bits;
            (self.waiting_bits, self.last_key_bits) = (0.0, bits);
        } else {
            self.waiting_bits += bits;
        }
        Verdict::Send
    }

    fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        let sent = passed * self.rate_bps;
        self.waiting_bits = (self.waiting_bits - (sent - self.key_bits).max(0.0)).max(0.0);
        self.key_bits = (self.key_bits - sent).max(0.0);
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
        // 200 ms of sending, and 800 ms behind it.
        assert_eq!(backlog.judge(true, 25_000, start), Verdict::Send);
        assert_eq!(backlog.judge(false, 100_000, start), Verdict::Send);
        assert_eq!(backlog.judge(false, 1000, after(start, 10)), Verdict::LeaveOut);
        assert_eq!(backlog.judge(true, 1000, after(start, 20)), Verdict::LeaveOut, "it would be late");
        assert_eq!(backlog.judge(false, 1000, after(start, 950)), Verdict::LeaveOutAndAsk);
        assert_eq!(backlog.judge(false, 1000, after(start, 960)), Verdict::LeaveOut);
        assert_eq!(backlog.judge(true, 1000, after(start, 970)), Verdict::Send);
        assert_eq!(backlog.judge(false, 1000, after(start, 980)), Verdict::Send);
    }

    #[test]
    fn a_large_keyframe_is_no_reason_to_leave_out_what_follows_it() {
        let start = Instant::now();
        let mut backlog = Backlog::new(1_000_000, start);
        // Two seconds of sending; the pictures behind it are as fast as the network.
        assert_eq!(backlog.judge(true, 250_000, start), Verdict::Send);
        for picture in 1..=150 {
            let now = after(start, picture * 33);
            assert_eq!(backlog.judge(false, 4000, now), Verdict::Send, "picture {picture}");
        }
    }

    #[test]
    fn a_better_network_is_believed() {
        let start = Instant::now();
        let mut backlog = Backlog::new(1_000_000, start);
        assert_eq!(backlog.judge(true, 1000, start), Verdict::Send);
        assert_eq!(backlog.judge(false, 100_000, start), Verdict::Send);
        backlog.set_rate(8_000_000, start);
        assert_eq!(backlog.judge(false, 1000, start), Verdict::Send);
    }
}
