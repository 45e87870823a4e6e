//! How long a viewer's task may sleep when nothing happens.

use std::time::{Duration, Instant};

use str0m::{PacerReason, Reason};

/// How often the library is given time while the picture rests.
const AT_REST: Duration = Duration::from_millis(250);

/// When the library is to be given time, which wants it at `wanted` for the reason `why`.
///
/// Its pacing and its estimation ask for it every 25 to 40 ms, also when there is nothing to send and nothing to estimate:
/// while the picture rests they get it as often as `AT_REST` says, counted from the last time, and a desktop at which
/// somebody just looks costs next to nothing. Another timer that they hide is late by as much, which none of them minds.
pub(super) fn until(wanted: Instant, why: Reason, resting_since: Option<Instant>) -> Instant {
    match (why, resting_since) {
        (Reason::Pacer(PacerReason::Handle) | Reason::BweDelayControl, Some(last)) => {
            wanted.max(last + AT_REST)
        }
        _ => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_wait_is_put_off_and_only_at_rest() {
        let now = Instant::now();
        let soon = now + Duration::from_millis(25);
        for idle in [Reason::BweDelayControl, Reason::Pacer(PacerReason::Handle)] {
            assert_eq!(until(soon, idle, Some(now)), now + AT_REST);
            assert_eq!(until(soon, idle, None), soon);
        }
        for needed in [Reason::Ice, Reason::DTLS, Reason::Sctp, Reason::Pacer(PacerReason::Paced)] {
            assert_eq!(until(soon, needed, Some(now)), soon);
        }
    }

    #[test]
    fn nothing_is_brought_forward() {
        let now = Instant::now();
        let late = now + Duration::from_secs(5);
        assert_eq!(until(late, Reason::BweDelayControl, Some(now)), late);
    }
}
