//! How much one viewer may send: a bucket of tokens, one for each packet.

use std::time::Instant;

/// What a viewer sends is checks, reports of what came, and input: some hundred packets in a second, and a pasted text at
/// once, of which what is lost is sent again. The line to a guest has places for more than a burst
/// (`WAITING_PACKETS` in `line.rs`).
const PER_SECOND: f64 = 1000.0;
pub(super) const BURST: u32 = 256;

#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn full(now: Instant) -> Self {
        Self { tokens: BURST.into(), at: now }
    }

    /// Whether one more packet may pass.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = passed.mul_add(PER_SECOND, self.tokens).min(BURST.into());
        let takes = self.tokens >= 1.0;
        if takes {
            self.tokens -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_no_more_than_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        let mut passed = |now: Instant, tries: u32| (0..tries).filter(|_| bucket.take(now)).count();
        assert_eq!(passed(start, 10_000), BURST as usize);
        assert_eq!(passed(start + Duration::from_millis(50), 10_000), 50);
        assert_eq!(passed(start + Duration::from_secs(3600), 10_000), BURST as usize, "it does not overflow");
        assert_eq!(passed(start, 10), 0, "a clock that goes back fills nothing");
    }
}
