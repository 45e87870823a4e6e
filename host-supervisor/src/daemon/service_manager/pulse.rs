//! Keeps the service manager informed: how much there is to do, and, where it has a watchdog, that the daemon lives.
//!
//! A sign of life is sent from a task of the runtime that serves, after the store was read and the sessions were counted: a
//! daemon whose runtime stands still, whose store does not answer or whose sessions are locked for good sends none, and is
//! replaced.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::notify::{Notifier, State};
use crate::{failure::causes, session::Sessions, store::Store};

#[cfg(test)]
mod tests;

/// How old the status line may become.
const NEWS: Duration = Duration::from_secs(5);
/// How many signs of life are due within the watchdog's time, so that one that is late does no harm.
const SIGNS: u32 = 3;

pub(in crate::daemon) struct Pulse {
    pub(super) notifier: Arc<Notifier>,
    pub(super) watchdog: Option<Duration>,
    pub(super) store: Store,
    pub(super) load: Box<dyn Fn() -> Load + Send + Sync>,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// That have not ended.
    sessions: usize,
    /// Every session has one, which is taken down after the session's end.
    vms: usize,
}

impl Load {
    pub(super) fn of(sessions: &Sessions) -> Self {
        let living = sessions.all_living();
        let going_on = living.iter().filter(|session| !session.view().record.status.is_final()).count();
        Self { sessions: going_on, vms: living.len() }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let Self { sessions, vms } = *self;
        write!(f, "{sessions} session{}, {vms} VM{}", plural(sessions), plural(vms))
    }
}

impl Pulse {
    /// Until `stop`.
    pub(in crate::daemon) async fn run(self, stop: CancellationToken) {
        let beats = async {
            let mut times = interval(self.pause());
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut told = None;
            loop {
                times.tick().await;
                self.beat(&mut told).await;
            }
        };
        stop.run_until_cancelled(beats).await;
    }

    fn pause(&self) -> Duration {
        // Not zero, however little time there is.
        self.watchdog.map_or(NEWS, |within| NEWS.min(within / SIGNS).max(Duration::from_millis(1)))
    }

    async fn beat(&self, told: &mut Option<Load>) {
        let load = (self.load)();
        if *told != Some(load) {
            self.notifier.tell(&[State::Status(&load.to_string())]);
            *told = Some(load);
        }
        if let Some(within) = self.watchdog
            && self.store_answers(within / SIGNS).await
        {
            self.notifier.tell(&[State::Watchdog]);
        }
    }

    async fn store_answers(&self, patience: Duration) -> bool {
        match timeout(patience, self.store.ping()).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::error!(cause = causes(&error), "no sign of life: the store"),
            Err(_) => tracing::error!("no sign of life: the store does not answer within {patience:?}"),
        }
        false
    }
}
