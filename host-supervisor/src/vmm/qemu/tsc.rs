//! The frequency of this machine's time stamp counter.
//!
//! Under TCG a guest reads the host's counter as it is. Its kernel finds the frequency out by a calibration against
//! emulated timers, which hangs in about one of four boots; it is told the frequency instead.

use std::time::{Duration, Instant};

/// How long is measured. The clock is read in some tens of nanoseconds, so the error is below 0.01 %.
const SPAN: Duration = Duration::from_millis(50);

/// In kHz; takes 50 ms. `None` when the counter does not run like a clock.
pub(super) async fn measure_khz() -> Option<u32> {
    tokio::task::spawn_blocking(|| khz(SPAN)).await.ok().flatten()
}

fn khz(span: Duration) -> Option<u32> {
    let (first, begin) = sample();
    std::thread::sleep(span);
    let (last, end) = sample();
    let ticks = last.checked_sub(first)?;
    let nanos = end.duration_since(begin).as_nanos();
    let khz = u32::try_from(u128::from(ticks) * 1_000_000 / nanos).ok()?;
    // Slower or faster than any processor: virtualised away.
    (100_000..=10_000_000).contains(&khz).then_some(khz)
}

/// Counter and clock at nearly the same moment: of a few tries the one with the least time between.
fn sample() -> (u64, Instant) {
    let try_once = || {
        let before = Instant::now();
        let ticks = counter();
        (before.elapsed(), ticks, before)
    };
    let (spent, ticks, before) = (0..8).map(|_| try_once()).min().unwrap_or_else(try_once);
    (ticks, before + spent / 2)
}

#[expect(unsafe_code, reason = "the counter is read by an instruction")]
fn counter() -> u64 {
    // SAFETY: RDTSC exists on every x86-64 processor and touches no memory.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_measurements_agree() {
        let [a, b] = [40, 60].map(|ms| f64::from(khz(Duration::from_millis(ms)).unwrap()));
        assert!((a - b).abs() / a < 0.001, "{a} kHz and {b} kHz");
    }
}
