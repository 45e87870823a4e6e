use super::*;

const RATE: u32 = 1_000_000;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn a_frame_waits_until_the_link_has_carried_most_of_the_last_one() {
    let start = Instant::now();
    let mut budget = Budget::new(start, RATE);
    assert!(budget.clear_at() <= start);
    // 25 kB are 200 kbit: 200 ms at this rate.
    budget.spend(start, Purpose::Motion, 100, Quantizer::SHARP, 25_000);
    let wait = budget.clear_at() - start;
    assert!(wait > ms(160) && wait < ms(170), "{wait:?}");
    budget.set_bitrate(start, 2 * RATE);
    let wait = budget.clear_at() - start;
    assert!(wait > ms(60) && wait < ms(70), "{wait:?}");
}

#[test]
fn a_dear_picture_makes_the_next_one_coarser_and_cheap_ones_make_it_finer_again() {
    let mut now = Instant::now();
    let mut budget = Budget::new(now, RATE);
    let before = budget.fitting(now, Purpose::Motion, 1000);
    budget.spend(now, Purpose::Motion, 1000, Quantizer::FINEST_IN_MOTION, 200_000);
    now += ms(5000);
    let after = budget.fitting(now, Purpose::Motion, 1000);
    assert!(after > before + 6.0, "{before} then {after}");
    for _ in 0..30 {
        now += ms(1000);
        budget.spend(now, Purpose::Motion, 1000, Quantizer::FINEST_IN_MOTION, 1000);
    }
    now += ms(1000);
    assert!(budget.fitting(now, Purpose::Motion, 1000) < before);
}

#[test]
fn more_tiles_and_a_slower_link_are_coarser() {
    let now = Instant::now();
    let budget = Budget::new(now, RATE);
    let few = budget.fitting(now, Purpose::Motion, 10);
    assert!(budget.fitting(now, Purpose::Motion, 4000) > few);
    assert!(Budget::new(now, RATE / 4).fitting(now, Purpose::Motion, 10) > few);
    assert!(budget.affords(now, Purpose::Motion, 10, Quantizer::SHARP));
    assert!(!budget.affords(now, Purpose::Motion, 4000, Quantizer::SHARP));
}

#[test]
fn an_absurd_bitrate_is_no_division_by_nothing() {
    let now = Instant::now();
    for rate in [0, 1, u32::MAX] {
        let mut budget = Budget::new(now, rate);
        budget.spend(now, Purpose::Key, 0, Quantizer::COARSEST, usize::MAX);
        assert!(budget.fitting(now, Purpose::Key, usize::MAX).is_finite());
        assert!(budget.clear_at() >= now);
    }
}
