//! The outbox grows no older than it must: what waits for a receiver that nobody has set any more expires, and what is
//! finished is forgotten. So no user's id stays in it for ever.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::causes,
    store::{Store, StoreError},
};

/// How long finished events are kept, for whoever wants to know how it went.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const PAUSE: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub struct Tidy {
    pub store: Store,
    /// How long an event waits while there is no receiver. With one, its courier gives up.
    pub without_receiver: Option<Duration>,
}

impl Tidy {
    /// Tidies now and every hour until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let tidy = async {
            let mut hours = interval(PAUSE);
            hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                hours.tick().await;
                if let Err(error) = self.round(OffsetDateTime::now_utc()).await {
                    tracing::error!(cause = causes(&error), "the outbox of the webhook is not tidied");
                }
            }
        };
        stop.run_until_cancelled(tidy).await;
    }

    pub(super) async fn round(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        if let Some(patience) = self.without_receiver {
            let expired = self.store.outbox_expire(now - patience).await?;
            if expired > 0 {
                tracing::warn!(expired, "webhook events are given up: webhook.url is not set");
            }
        }
        self.store.outbox_prune(now - KEPT).await?;
        Ok(())
    }
}
