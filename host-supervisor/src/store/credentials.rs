//! Captured credentials, sealed by the vault: this layer cannot read them.

use std::collections::BTreeMap;

use anteroom_protocol::SessionId;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::{
    Store, StoreError,
    column::{Columns, millis},
    outbox::{Announcement, OutboxEvent},
};

/// How many rows are in memory while all of them are sealed anew.
const RESEALED_AT_ONCE: i64 = 64;

/// One row of `credentials`.
#[derive(Debug, Clone)]
pub struct CredentialRecord {
    pub session_id: SessionId,
    pub user_id: String,
    pub provider: String,
    /// Grows when the CLI writes its files again while the VM lives.
    pub generation: u64,
    /// The file that proves the sign-in, relative to the home directory.
    pub path: String,
    /// When the guest says that the CLI wrote it.
    pub modified_at: OffsetDateTime,
    pub created_at: OffsetDateTime,
    /// Names the key that opens `sealed`.
    pub key_id: String,
    pub sealed: Vec<u8>,
}

/// What happens to older credentials of the same user and provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaces {
    /// Only those of the same session.
    ThisSession,
    /// All of them: a rotation.
    Everything,
}

impl Store {
    /// Stores credentials and, in the same transaction, forgets those that they replace and notes who has to be told.
    ///
    /// # Errors
    /// When the database does not answer; then nothing has changed.
    pub async fn credentials_put(
        &self,
        credentials: &CredentialRecord,
        replaces: Replaces,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let gone = sqlx::query(
            "DELETE FROM credentials WHERE session_id = $1 OR ($2 = 1 AND user_id = $3 AND provider = $4) \
             RETURNING session_id",
        )
        .bind(credentials.session_id.to_string())
        .bind(i64::from(replaces == Replaces::Everything))
        .bind(&credentials.user_id)
        .bind(&credentials.provider)
        .fetch_all(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO credentials (session_id, user_id, provider, generation, path, modified_at, created_at, key_id, \
             sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(credentials.session_id.to_string())
        .bind(&credentials.user_id)
        .bind(&credentials.provider)
        .bind(i64::try_from(credentials.generation).unwrap_or(i64::MAX))
        .bind(&credentials.path)
        .bind(millis(credentials.modified_at))
        .bind(millis(credentials.created_at))
        .bind(&credentials.key_id)
        .bind(&credentials.sealed)
        .execute(&mut *transaction)
        .await?;
        let event = match replaces {
            Replaces::ThisSession => OutboxEvent::Captured,
            Replaces::Everything => OutboxEvent::Rotated,
        };
        let replaced = others(&gone, credentials.session_id)?;
        self.announce(&mut transaction, credentials.announcement(event, &replaced)).await?;
        transaction.commit().await?;
        self.announced();
        if !gone.is_empty() {
            self.scrub().await;
        }
        Ok(())
    }

    /// Puts a newer version of the same session's credentials in the place of that `generation`, and notes who has to be told. The
    /// sign-in stays as old as it was. Says whether that generation was still the one that is stored.
    ///
    /// # Errors
    /// When the database does not answer; then nothing has changed.
    pub async fn credentials_refresh(
        &self,
        newer: &CredentialRecord,
        generation: u64,
    ) -> Result<bool, StoreError> {
        let number = |generation| i64::try_from(generation).unwrap_or(i64::MAX);
        let mut transaction = self.pool.begin().await?;
        let updated = sqlx::query(
            "UPDATE credentials SET generation = $3, path = $4, modified_at = $5, key_id = $6, sealed = $7 \
             WHERE session_id = $1 AND generation = $2",
        )
        .bind(newer.session_id.to_string())
        .bind(number(generation))
        .bind(number(newer.generation))
        .bind(&newer.path)
        .bind(millis(newer.modified_at))
        .bind(&newer.key_id)
        .bind(&newer.sealed)
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        self.announce(&mut transaction, newer.announcement(OutboxEvent::Refreshed, &[])).await?;
        transaction.commit().await?;
        self.announced();
        self.scrub().await;
        Ok(true)
    }

    /// Forgets every credential of this user and provider, and notes who has to be told; returns how many that were.
    ///
    /// # Errors
    /// When the database does not answer; then nothing has changed.
    pub async fn credentials_delete(&self, user_id: &str, provider: &str) -> Result<usize, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let gone = sqlx::query("DELETE FROM credentials WHERE user_id = $1 AND provider = $2 RETURNING *")
            .bind(user_id)
            .bind(provider)
            .fetch_all(&mut *transaction)
            .await?;
        for row in &gone {
            let credentials = read(row)?;
            self.announce(&mut transaction, credentials.announcement(OutboxEvent::Deleted, &[])).await?;
        }
        transaction.commit().await?;
        self.announced();
        if !gone.is_empty() {
            self.scrub().await;
        }
        Ok(gone.len())
    }

    /// The newest sign-in's of this user and provider.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn credentials_newest(
        &self,
        user_id: &str,
        provider: &str,
    ) -> Result<Option<CredentialRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM credentials WHERE user_id = $1 AND provider = $2 \
             ORDER BY created_at DESC, session_id LIMIT 1",
        )
        .bind(user_id)
        .bind(provider)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Seals everything that another key than `key_id` has sealed once more, all of it or nothing; returns how much that
    /// was. `reseal` makes new sealed bytes of a row, under the key `key_id`.
    ///
    /// # Errors
    /// When `reseal` refuses a row or the database does not answer; then nothing has changed.
    pub async fn credentials_reseal<E: From<StoreError>>(
        &self,
        key_id: &str,
        mut reseal: impl FnMut(&CredentialRecord) -> Result<Vec<u8>, E>,
    ) -> Result<u64, E> {
        let broken = StoreError::from;
        let mut transaction = self.pool.begin().await.map_err(broken)?;
        let mut resealed = 0;
        loop {
            let rows =
                sqlx::query("SELECT * FROM credentials WHERE key_id <> $1 ORDER BY session_id LIMIT $2")
                    .bind(key_id)
                    .bind(RESEALED_AT_ONCE)
                    .fetch_all(&mut *transaction)
                    .await
                    .map_err(broken)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let record = read(row)?;
                sqlx::query("UPDATE credentials SET key_id = $2, sealed = $3 WHERE session_id = $1")
                    .bind(record.session_id.to_string())
                    .bind(key_id)
                    .bind(reseal(&record)?)
                    .execute(&mut *transaction)
                    .await
                    .map_err(broken)?;
                resealed += 1;
            }
        }
        transaction.commit().await.map_err(broken)?;
        self.scrub().await;
        Ok(resealed)
    }

    /// How many credentials each key seals, by the key's id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn credentials_by_key(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows = sqlx::query(
            "SELECT key_id, COUNT(*) AS credentials FROM credentials GROUP BY key_id ORDER BY key_id",
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |row: &SqliteRow| {
            let columns = Columns::of(row, "credentials of key", "key_id")?;
            Ok((columns.text("key_id")?, columns.number("credentials")?))
        };
        rows.iter().map(count).collect()
    }

    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn credentials_of_session(
        &self,
        id: SessionId,
    ) -> Result<Option<CredentialRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM credentials WHERE session_id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn credentials_of_user(&self, user_id: &str) -> Result<Vec<CredentialRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM credentials WHERE user_id = $1 ORDER BY created_at DESC, session_id LIMIT 1000",
        )
        .bind(user_id)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }
}

impl CredentialRecord {
    pub(super) fn announcement<'a>(
        &'a self,
        event: OutboxEvent,
        replaced: &'a [SessionId],
    ) -> Announcement<'a> {
        Announcement {
            event,
            session_id: self.session_id,
            user_id: &self.user_id,
            provider: &self.provider,
            generation: self.generation,
            replaced,
        }
    }
}

/// The sessions of these rows but for this one.
fn others(rows: &[SqliteRow], session: SessionId) -> Result<Vec<SessionId>, StoreError> {
    let id = |row| Columns::of(row, "credentials of session", "session_id")?.parsed("session_id");
    let mut ids = rows.iter().map(id).collect::<Result<Vec<SessionId>, StoreError>>()?;
    ids.retain(|id| *id != session);
    Ok(ids)
}

pub(super) fn read(row: &SqliteRow) -> Result<CredentialRecord, StoreError> {
    let columns = Columns::of(row, "credentials of session", "session_id")?;
    Ok(CredentialRecord {
        session_id: columns.parsed("session_id")?,
        user_id: columns.text("user_id")?,
        provider: columns.text("provider")?,
        generation: columns.number("generation")?,
        path: columns.text("path")?,
        modified_at: columns.time("modified_at")?,
        created_at: columns.time("created_at")?,
        key_id: columns.text("key_id")?,
        sealed: columns.bytes("sealed")?,
    })
}
