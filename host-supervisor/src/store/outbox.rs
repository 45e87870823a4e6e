//! What has happened to credentials and has to be told: rows that wait for their delivery, and how it went.
//!
//! ```text
//!  written with what it tells ─▶ pending ─┬─▶ delivered ─┬─▶ forgotten
//!                                  ▲   │  └─▶ failed ────┘
//!                                  └───┘ tried in vain
//! ```
//! Nothing is written when nobody has to be told. What was written before fails when its time is over. This layer does not
//! deliver.

use std::sync::Arc;

use anteroom_protocol::SessionId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, Sqlite, Transaction, sqlite::SqliteRow};
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::{
    Change, Store, StoreError,
    column::{Columns, json, millis, word},
};

/// Bytes of an event's id, before they are written as hexadecimal digits.
const ID_BYTES: usize = 16;
/// How many rows that are due are read at once.
const DUE_AT_ONCE: u32 = 16;

/// Names an event for good: every try to deliver it has the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventId(String);

impl EventId {
    /// # Errors
    /// When the kernel gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().fold("evt_".to_owned(), |text, byte| text + &format!("{byte:02x}"))))
    }

    #[cfg(test)]
    pub(crate) fn named(id: &str) -> Self {
        Self(id.to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OutboxEvent {
    #[serde(rename = "credentials.captured")]
    Captured,
    /// New ones were captured, and older ones of the same user and provider are gone.
    #[serde(rename = "credentials.rotated")]
    Rotated,
    /// A CLI has renewed its tokens.
    #[serde(rename = "credentials.refreshed")]
    Refreshed,
    #[serde(rename = "credentials.deleted")]
    Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutboxStatus {
    Pending,
    Delivered,
    /// Nobody tries any more.
    Failed,
}

/// One row of `outbox`.
#[derive(Debug, Clone)]
pub struct OutboxRecord {
    pub id: EventId,
    pub event: OutboxEvent,
    pub session_id: SessionId,
    /// Empty once a deletion has been told.
    pub user_id: String,
    pub provider: String,
    pub generation: u64,
    /// The sessions whose credentials were replaced.
    pub replaced: Vec<SessionId>,
    pub created_at: OffsetDateTime,
    pub status: OutboxStatus,
    pub attempts: u32,
    pub next_try_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
    pub last_answer: Option<String>,
}

/// How a try went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    Delivered,
    Again { at: OffsetDateTime },
    Failed,
}

/// What is put into the outbox.
pub(super) struct Announcement<'a> {
    pub(super) event: OutboxEvent,
    pub(super) session_id: SessionId,
    pub(super) user_id: &'a str,
    pub(super) provider: &'a str,
    pub(super) generation: u64,
    pub(super) replaced: &'a [SessionId],
}

impl Store {
    /// From now on what happens to credentials is written to the outbox, and `written` is told after it.
    #[must_use]
    pub fn announcing(self, written: Arc<Notify>) -> Self {
        Self { outbox: Some(written), ..self }
    }

    /// Puts something into the outbox, in the transaction of what it tells; not when nobody has to be told.
    pub(super) async fn announce(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        what: Announcement<'_>,
    ) -> Result<(), StoreError> {
        if self.outbox.is_none() {
            return Ok(());
        }
        let id = EventId::random().map_err(StoreError::NoRandomness)?;
        let now = millis(OffsetDateTime::now_utc());
        sqlx::query(
            "INSERT INTO outbox (id, event, session_id, user_id, provider, generation, replaced, created_at, status, \
             next_try_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $8)",
        )
        .bind(id.as_str())
        .bind(word(&what.event)?)
        .bind(what.session_id.to_string())
        .bind(what.user_id)
        .bind(what.provider)
        .bind(i64::try_from(what.generation).unwrap_or(i64::MAX))
        .bind(json(&what.replaced)?)
        .bind(now)
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    /// After the transaction's end.
    pub(super) fn announced(&self) {
        if let Some(written) = &self.outbox {
            written.notify_one();
            self.tell(Change::Deliveries);
        }
    }

    /// What is to be tried now, oldest first; not all of it at once.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn outbox_due(&self, now: OffsetDateTime) -> Result<Vec<OutboxRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM outbox WHERE status = 'pending' AND next_try_at <= $1 ORDER BY created_at, id LIMIT $2",
        )
        .bind(millis(now))
        .bind(i64::from(DUE_AT_ONCE))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// How many wait for their delivery.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn outbox_pending(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS waiting FROM outbox WHERE status = 'pending'");
        let waiting: i64 = row.fetch_one(&self.pool).await?.try_get("waiting")?;
        Ok(waiting.unsigned_abs())
    }

    /// When the next try is due; `None` when nothing waits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn outbox_next_try(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        let row = sqlx::query(
            "SELECT id, next_try_at FROM outbox WHERE status = 'pending' ORDER BY next_try_at LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Columns::of(&row, "event", "id")?.time("next_try_at")).transpose()
    }

    /// Stores how a try went. A deletion that nobody has to be told any more forgets whose it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn outbox_tried(&self, id: &EventId, tried: Tried, answer: &str) -> Result<(), StoreError> {
        let now = OffsetDateTime::now_utc();
        let (status, next_try_at, finished_at) = match tried {
            Tried::Delivered => (OutboxStatus::Delivered, now, Some(now)),
            Tried::Failed => (OutboxStatus::Failed, now, Some(now)),
            Tried::Again { at } => (OutboxStatus::Pending, at, None),
        };
        sqlx::query(
            "UPDATE outbox SET status = $2, attempts = attempts + 1, next_try_at = $3, finished_at = $4, \
             last_answer = $5, \
             user_id = CASE WHEN $4 IS NOT NULL AND event = 'credentials.deleted' THEN '' ELSE user_id END \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(word(&status)?)
        .bind(millis(next_try_at))
        .bind(finished_at.map(millis))
        .bind(answer)
        .execute(&self.pool)
        .await?;
        self.tell(Change::Deliveries);
        if finished_at.is_some() {
            self.scrub().await;
        }
        Ok(())
    }

    /// Gives up what has happened before this time and waits still; as a try that failed for good does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn outbox_expire(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let expired = sqlx::query(
            "UPDATE outbox SET status = $2, finished_at = $3, \
             user_id = CASE WHEN event = 'credentials.deleted' THEN '' ELSE user_id END \
             WHERE status = 'pending' AND created_at < $1",
        )
        .bind(millis(before))
        .bind(word(&OutboxStatus::Failed)?)
        .bind(millis(OffsetDateTime::now_utc()));
        self.scrubbed(expired.execute(&self.pool).await?.rows_affected()).await
    }

    /// Forgets what was finished before this time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn outbox_prune(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM outbox WHERE finished_at < $1").bind(millis(before));
        self.scrubbed(done.execute(&self.pool).await?.rows_affected()).await
    }

    async fn scrubbed(&self, rows: u64) -> Result<u64, StoreError> {
        if rows > 0 {
            self.tell(Change::Deliveries);
            self.scrub().await;
        }
        Ok(rows)
    }

    /// Newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn outbox_list(&self, limit: u32) -> Result<Vec<OutboxRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM outbox ORDER BY created_at DESC, id LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<OutboxRecord, StoreError> {
    let columns = Columns::of(row, "event", "id")?;
    Ok(OutboxRecord {
        id: EventId(columns.text("id")?),
        event: columns.word("event")?,
        session_id: columns.parsed("session_id")?,
        user_id: columns.text("user_id")?,
        provider: columns.text("provider")?,
        generation: columns.number("generation")?,
        replaced: columns.json("replaced")?.unwrap_or_default(),
        created_at: columns.time("created_at")?,
        status: columns.word("status")?,
        attempts: columns.number("attempts")?,
        next_try_at: columns.time("next_try_at")?,
        finished_at: columns.time_option("finished_at")?,
        last_answer: columns.parsed_option("last_answer")?,
    })
}
