//! The task that empties the outbox: one request at a time, oldest event first.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Schedule, Webhook,
    event::{self, Files},
    post::{Answer, Verdict},
    schedule::Next,
};
use crate::{
    config::Enclosure,
    credentials::{self, OpenError},
    failure::causes,
    store::{OutboxEvent, OutboxRecord, Store, StoreError, Tried},
    vault::Vault,
};

/// Longest time between two looks at the outbox.
const LONGEST_REST: Duration = Duration::from_secs(3600);
/// After the store did not answer.
const AFTER_FAULT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Courier {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub webhook: Arc<Webhook>,
    /// Told by the store that something was put into the outbox.
    pub written: Arc<Notify>,
    pub schedule: Schedule,
}

#[derive(Debug, thiserror::Error)]
enum CourierError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the credentials of the event")]
    Credentials(#[from] OpenError),
    #[error("the event's text")]
    Text(#[from] serde_json::Error),
    #[error("no random numbers from the kernel")]
    NoRandomness(#[from] getrandom::Error),
}

impl Courier {
    /// Delivers until `stop`. What is under way then is delivered again after the next start.
    pub async fn run(self, stop: CancellationToken) {
        let deliver = async {
            loop {
                let rest = match self.round().await {
                    Ok(rest) => rest,
                    Err(error) => {
                        tracing::error!(cause = causes(&error), "the outbox of the webhook");
                        AFTER_FAULT
                    }
                };
                // Either way there may be something to do.
                let _ = tokio::time::timeout(rest, self.written.notified()).await;
            }
        };
        stop.run_until_cancelled(deliver).await;
    }

    /// Delivers everything that is due; returns how long nothing will be.
    async fn round(&self) -> Result<Duration, CourierError> {
        loop {
            let due = self.store.outbox_due(OffsetDateTime::now_utc()).await?;
            if due.is_empty() {
                break;
            }
            for record in &due {
                self.deliver(record).await?;
            }
        }
        let next = self.store.outbox_next_try().await?;
        let rest = next.map_or(LONGEST_REST, |at| {
            // A time that has just passed is no time to rest.
            Duration::try_from(at - OffsetDateTime::now_utc()).unwrap_or_default()
        });
        Ok(rest.min(LONGEST_REST))
    }

    async fn deliver(&self, record: &OutboxRecord) -> Result<(), CourierError> {
        let tries = record.attempts + 1;
        let (answer, verdict) = match self.send(record).await {
            Ok(answer) => {
                let verdict = answer.verdict();
                (answer.to_string(), verdict)
            }
            // The next event may be a better one; this one gets its other tries.
            Err(error @ (CourierError::Credentials(_) | CourierError::Text(_))) => {
                (format!("not sent: {}", causes(&error)), Verdict::Later)
            }
            Err(error) => return Err(error),
        };
        let tried = match verdict {
            Verdict::Delivered => Tried::Delivered,
            Verdict::Never => Tried::Failed,
            Verdict::Later => self.later(record, tries)?,
        };
        let (id, session) = (record.id.as_str(), record.session_id);
        match tried {
            Tried::Delivered => tracing::info!(id, %session, tries, "webhook delivered"),
            Tried::Again { at } => tracing::warn!(id, %session, tries, answer, again = %at, "webhook"),
            Tried::Failed => tracing::error!(id, %session, tries, answer, "webhook given up"),
        }
        Ok(self.store.outbox_tried(&record.id, tried, &answer).await?)
    }

    async fn send(&self, record: &OutboxRecord) -> Result<Answer, CourierError> {
        let receiver = self.webhook.receiver();
        let files = match receiver.enclosure {
            Enclosure::Nothing => None,
            Enclosure::Credentials => self.files(record).await?,
        };
        let body = event::of(record, files.as_ref())?;
        Ok(receiver.post.send(&record.id, OffsetDateTime::now_utc(), body).await)
    }

    /// The credentials of this event, unless newer ones have taken their place or they are gone.
    async fn files(&self, record: &OutboxRecord) -> Result<Option<Files>, CourierError> {
        if record.event == OutboxEvent::Deleted {
            return Ok(None);
        }
        let stored = self.store.credentials_of_session(record.session_id).await?;
        let Some(stored) = stored.filter(|stored| stored.generation == record.generation) else {
            return Ok(None);
        };
        Ok(Some(credentials::contents_by_path(&credentials::open(&self.vault, &stored)?)))
    }

    fn later(&self, record: &OutboxRecord, tries: u32) -> Result<Tried, CourierError> {
        let mut chance = [0];
        getrandom::fill(&mut chance)?;
        let next = self.schedule.after(tries, record.created_at, OffsetDateTime::now_utc(), chance[0]);
        Ok(match next {
            Next::At(at) => Tried::Again { at },
            Next::GiveUp => Tried::Failed,
        })
    }
}
