//! Which session was started by which call, so that a call that is made again starts no second one.

use anteroom_protocol::SessionId;
use time::OffsetDateTime;

use super::{
    Store, StoreError,
    column::{Columns, millis},
};

/// One row of `started`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRecord {
    /// Whose key of idempotency it is.
    pub caller: String,
    pub key: String,
    /// What was asked for.
    pub fingerprint: String,
    pub session_id: SessionId,
    pub created_at: OffsetDateTime,
}

impl Store {
    /// Older rows are forgotten.
    ///
    /// # Errors
    /// When the database does not answer or has a row of that caller and key.
    pub async fn started_insert(
        &self,
        record: &StartedRecord,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM started WHERE created_at < $1")
            .bind(millis(forget_before))
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO started (caller, key, fingerprint, session_id, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&record.caller)
        .bind(&record.key)
        .bind(&record.fingerprint)
        .bind(record.session_id.to_string())
        .bind(millis(record.created_at))
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn started_get(&self, caller: &str, key: &str) -> Result<Option<StartedRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM started WHERE caller = $1 AND key = $2")
            .bind(caller)
            .bind(key)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns::of(&row, "idempotency key", "key")?;
        Ok(Some(StartedRecord {
            caller: columns.text("caller")?,
            key: columns.text("key")?,
            fingerprint: columns.text("fingerprint")?,
            session_id: columns.parsed("session_id")?,
            created_at: columns.time("created_at")?,
        }))
    }
}
