//! Captured credentials, sealed by the vault: this layer cannot read them.

use anteroom_protocol::SessionId;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::{
    Store, StoreError,
    column::{Columns, millis},
};

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
    /// Stores credentials and, in the same transaction, forgets those that they replace.
    ///
    /// # Errors
    /// When the database does not answer; then nothing has changed.
    pub async fn credentials_put(
        &self,
        credentials: &CredentialRecord,
        replaces: Replaces,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "DELETE FROM credentials WHERE session_id = $1 OR ($2 = 1 AND user_id = $3 AND provider = $4)",
        )
        .bind(credentials.session_id.to_string())
        .bind(i64::from(replaces == Replaces::Everything))
        .bind(&credentials.user_id)
        .bind(&credentials.provider)
        .execute(&mut *transaction)
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
        transaction.commit().await?;
        Ok(())
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

fn read(row: &SqliteRow) -> Result<CredentialRecord, StoreError> {
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
