//! Which limit of time a session meets next.

use std::time::Duration;

use anteroom_protocol::agent::{ServiceState, ServiceStatus};
use tokio::time::Instant;

use crate::{config::SessionLimits, failure::Failure};

/// The moments that limits count from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) started: Instant,
    /// When the desktop became usable.
    pub(super) ready: Option<Instant>,
    /// When somebody was last there.
    pub(super) active: Instant,
    /// When the last attempt failed, if no other is under way.
    pub(super) failed: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Start,
    SignIn,
    Idle,
    /// Nobody tried again: the session ends with what the attempt failed of.
    Retry,
}

/// The limit that is met first, and when.
pub(super) fn next(limits: &SessionLimits, moments: &Moments) -> (Instant, Limit) {
    let stage = match moments.ready {
        None => (moments.started + limits.start, Limit::Start),
        Some(ready) => (ready + limits.sign_in, Limit::SignIn),
    };
    let idle = (moments.active + limits.idle, Limit::Idle);
    let retry = moments.failed.map(|failed| (failed + limits.retry, Limit::Retry));
    [Some(stage), Some(idle), retry].into_iter().flatten().min_by_key(|(moment, _)| *moment).unwrap_or(stage)
}

impl Limit {
    pub(super) fn failure(self, limits: &SessionLimits) -> Failure {
        match self {
            Self::Start => Failure::new(
                "start_limit",
                format!("the desktop was not usable after {}", words(limits.start)),
            ),
            Self::SignIn => {
                Failure::new("sign_in_limit", format!("nobody signed in within {}", words(limits.sign_in)))
            }
            Self::Idle => Failure::new("idle_limit", format!("nobody was there for {}", words(limits.idle))),
            Self::Retry => {
                Failure::new("retry_limit", format!("nobody tried again within {}", words(limits.retry)))
            }
        }
    }
}

/// What a VM that has not been launched is waiting for.
pub(super) fn not_begun(starts_ahead: Option<usize>) -> Option<String> {
    starts_ahead.map(|ahead| format!("it was waiting for its turn to start, with {ahead} starts ahead of it"))
}

/// What a desktop that does not come is waiting for.
pub(super) fn not_ready(services: &[ServiceStatus]) -> Vec<String> {
    let words = |service: &ServiceStatus| {
        let state = match &service.state {
            ServiceState::Ready | ServiceState::Stopped => return None,
            ServiceState::Waiting => "waits for others".to_owned(),
            ServiceState::Starting => "is starting".to_owned(),
            ServiceState::BackOff { cause, .. } => format!("ended and is started again: {cause}"),
            ServiceState::Failed { cause, .. } => format!("has given up: {cause}"),
        };
        Some(format!("{} {state}", service.name))
    };
    services.iter().filter_map(words).collect()
}

fn words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds >= 120 && seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SessionLimits = SessionLimits {
        start: Duration::from_secs(600),
        sign_in: Duration::from_secs(900),
        idle: Duration::from_secs(300),
        retry: Duration::from_secs(60),
    };

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_earliest_limit_counts_and_a_sign_of_life_puts_the_idle_one_off() {
        let started = Instant::now();
        let moments = |ready: Option<u64>, active: u64| Moments {
            started,
            ready: ready.map(|seconds| started + after(seconds)),
            active: started + after(active),
            failed: None,
        };
        assert_eq!(next(&LIMITS, &moments(None, 0)), (started + after(300), Limit::Idle));
        assert_eq!(next(&LIMITS, &moments(None, 400)), (started + after(600), Limit::Start));
        assert_eq!(next(&LIMITS, &moments(Some(100), 400)), (started + after(700), Limit::Idle));
        assert_eq!(next(&LIMITS, &moments(Some(100), 900)), (started + after(1000), Limit::SignIn));
    }

    #[test]
    fn a_failed_attempt_has_a_limit_of_its_own() {
        let started = Instant::now();
        let failed = Some(started + after(100));
        let moments = Moments { started, ready: Some(started), active: started, failed };
        assert_eq!(next(&LIMITS, &moments), (started + after(160), Limit::Retry));
    }

    #[test]
    fn a_limit_says_how_long_it_was_and_what_a_vm_that_had_not_begun_was_waiting_for() {
        assert_eq!(Limit::Start.failure(&LIMITS).message, "the desktop was not usable after 10 minutes");
        let short = SessionLimits { idle: Duration::from_secs(5), ..LIMITS };
        assert_eq!(not_begun(None), None);
        assert!(not_begun(Some(3)).unwrap().ends_with("with 3 starts ahead of it"));
        assert_eq!(Limit::Idle.failure(&short).message, "nobody was there for 5 seconds");
    }
}
