//! When a delivery that failed is tried again: pure, no clock, no randomness of its own.

use std::time::Duration;

use time::OffsetDateTime;

/// Pauses that grow by a factor up to a longest one, each a little shorter or longer by chance so that many events do
/// not come back at once.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pub first: Duration,
    pub factor: u32,
    pub longest: Duration,
    /// Counted from the event.
    pub give_up_after: Duration,
}

/// What comes after a delivery that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    At(OffsetDateTime),
    GiveUp,
}

impl Schedule {
    /// 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, then every 4 h until three days are over.
    pub const USUAL: Self = Self {
        first: Duration::from_secs(5),
        factor: 4,
        longest: Duration::from_secs(4 * 3600),
        give_up_after: Duration::from_secs(3 * 24 * 3600),
    };

    /// After so many tries, one at least. `chance` moves the pause: 0 makes it a fifth shorter, 255 a fifth longer.
    #[must_use]
    pub fn after(&self, tries: u32, event: OffsetDateTime, now: OffsetDateTime, chance: u8) -> Next {
        let growth = self.factor.saturating_pow(tries.saturating_sub(1));
        let pause = self.first.saturating_mul(growth).min(self.longest);
        let next = now + pause.mul_f64(0.8 + 0.4 * f64::from(chance) / 255.0);
        if next > event + self.give_up_after { Next::GiveUp } else { Next::At(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    /// Neither shorter nor longer.
    const MIDDLE: u8 = 127;

    fn pauses(chance: u8) -> Vec<f64> {
        let (mut now, mut pauses) = (START, Vec::new());
        for tries in 1.. {
            let Next::At(next) = Schedule::USUAL.after(tries, START, now, chance) else { break };
            pauses.push((next - now).as_seconds_f64());
            now = next;
        }
        pauses
    }

    #[test]
    fn pauses_grow_to_the_longest_and_end_after_three_days() {
        let pauses = pauses(MIDDLE);
        let rounded: Vec<f64> = pauses.iter().take(8).map(|pause| pause.round()).collect();
        assert_eq!(rounded[..3], [5.0, 20.0, 80.0]);
        assert!(rounded[6..].iter().all(|pause| (14_300.0..14_500.0).contains(pause)), "{rounded:?}");
        let total: f64 = pauses.iter().sum();
        assert!((68.0 * 3600.0..=72.0 * 3600.0).contains(&total), "{total}");
        assert_eq!(pauses.len(), 23);
    }

    #[test]
    fn chance_moves_a_pause_by_a_fifth_at_most() {
        assert_eq!([pauses(0)[0], pauses(255)[0]], [4.0, 6.0]);
    }

    #[test]
    fn any_number_of_tries_is_no_overflow() {
        let next = Schedule::USUAL.after(u32::MAX, START, START, 255);
        assert!(matches!(next, Next::At(at) if at - START < Duration::from_secs(5 * 3600)));
        assert!(matches!(Schedule::USUAL.after(0, START, START, 0), Next::At(_)));
    }
}
