//! Sign-in sessions: who asked for what, and how it went. Without addresses, codes or credentials.

use anteroom_protocol::{SessionId, VmId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::{
    Change, Store, StoreError,
    column::{Columns, json, millis, word},
    credentials,
    outbox::OutboxEvent,
    page::Page,
};
use crate::failure::Failure;

/// The words of the API, in the order in which a session passes through them; the diagram is in [`crate::session`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    Initializing,
    VmCreated,
    Ready,
    AwaitingUserAuth,
    Completed,
    Failed,
    Timeout,
    Cancelled,
}

impl SessionStatus {
    /// What it means, for people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Initializing => "the VM is being made",
            Self::VmCreated => "the VM boots",
            Self::Ready => "the desktop is ready, the CLI is starting",
            Self::AwaitingUserAuth => "waiting for somebody to sign in",
            Self::Completed => "the credentials are stored",
            Self::Failed => "failed",
            Self::Timeout => "out of time",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will come after it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Timeout | Self::Cancelled)
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::VmCreated => "vm_created",
            Self::Ready => "ready",
            Self::AwaitingUserAuth => "awaiting_user_auth",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What becomes of older credentials of the same user and provider when this session completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPurpose {
    /// They stay.
    SignIn,
    /// They are replaced.
    Rotate,
    /// They stay, and the new ones are not stored: somebody tries a definition.
    Test,
}

/// One row of `sessions`.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    pub id: SessionId,
    pub user_id: String,
    pub provider: String,
    pub purpose: SessionPurpose,
    pub status: SessionStatus,
    pub vm_id: Option<VmId>,
    pub created_at: OffsetDateTime,
    /// When it reached its final status, whichever that is.
    pub completed_at: Option<OffsetDateTime>,
    pub failure: Option<Failure>,
}

/// What a session is to do: enough for another daemon to go on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlan {
    /// The provider definition as JSON: this layer does not read it.
    pub definition: serde_json::Value,
    /// Which of the definition's ways to start.
    pub launch: String,
}

impl Store {
    /// # Errors
    /// When the database does not answer or has this id already.
    pub async fn session_create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sessions (id, user_id, provider, purpose, status, vm_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(session.id.to_string())
        .bind(&session.user_id)
        .bind(&session.provider)
        .bind(word(&session.purpose)?)
        .bind(session.status.as_str())
        .bind(session.vm_id.map(|id| id.to_string()))
        .bind(millis(session.created_at))
        .execute(&self.pool)
        .await?;
        self.tell(Change::Session(session.id));
        Ok(())
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn session_set_plan(&self, id: SessionId, plan: &SessionPlan) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET definition = $2, launch = $3 WHERE id = $1")
            .bind(id.to_string())
            .bind(json(&plan.definition)?)
            .bind(&plan.launch)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// `None` for a session of an older version, and for one that does not exist.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn session_plan(&self, id: SessionId) -> Result<Option<SessionPlan>, StoreError> {
        let row =
            sqlx::query("SELECT id, definition, launch FROM sessions WHERE id = $1 AND launch IS NOT NULL")
                .bind(id.to_string())
                .fetch_optional(&self.pool)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns::of(&row, "session", "id")?;
        let Some(definition) = columns.json("definition")? else { return Ok(None) };
        Ok(Some(SessionPlan { definition, launch: columns.text("launch")? }))
    }

    /// Stores what changes in the life of a session.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session_update(&self, session: &SessionRecord) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE sessions SET status = $2, vm_id = $3, completed_at = $4, failure = $5 WHERE id = $1",
        )
        .bind(session.id.to_string())
        .bind(session.status.as_str())
        .bind(session.vm_id.map(|id| id.to_string()))
        .bind(session.completed_at.map(millis))
        .bind(session.failure.as_ref().map(json).transpose()?)
        .execute(&self.pool)
        .await?;
        self.tell(Change::Session(session.id));
        Ok(())
    }

    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn session_get(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM sessions WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Sessions of everybody, or of one user, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn session_list(
        &self,
        user_id: Option<&str>,
        page: Page<SessionId>,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT sessions.* FROM sessions LEFT JOIN sessions AS last ON last.id = $2 \
             WHERE (CAST($1 AS TEXT) IS NULL OR sessions.user_id = $1) \
             AND (CAST($2 AS TEXT) IS NULL OR sessions.created_at < last.created_at \
                  OR (sessions.created_at = last.created_at AND sessions.id > last.id)) \
             ORDER BY sessions.created_at DESC, sessions.id LIMIT $3",
        )
        .bind(user_id)
        .bind(page.after.map(|id| id.to_string()))
        .bind(i64::from(page.most))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Those of which nothing is kept, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn session_trials(&self, most: u32) -> Result<Vec<SessionRecord>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM sessions WHERE purpose = $1 ORDER BY created_at DESC, id LIMIT $2")
                .bind(word(&SessionPurpose::Test)?)
                .bind(i64::from(most))
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(read).collect()
    }

    /// Forgets a session, its credentials, and what was to be told of them; instead it is told that they are gone.
    ///
    /// # Errors
    /// When the database does not answer; then nothing has changed.
    pub async fn session_delete(&self, id: SessionId) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let credentials = sqlx::query("DELETE FROM credentials WHERE session_id = $1 RETURNING *")
            .bind(id.to_string())
            .fetch_optional(&mut *transaction)
            .await?;
        for statement in ["DELETE FROM outbox WHERE session_id = $1", "DELETE FROM sessions WHERE id = $1"] {
            sqlx::query(statement).bind(id.to_string()).execute(&mut *transaction).await?;
        }
        if let Some(row) = credentials {
            let credentials = credentials::read(&row)?;
            self.announce(&mut transaction, credentials.announcement(OutboxEvent::Deleted, &[])).await?;
        }
        transaction.commit().await?;
        self.tell(Change::Session(id));
        self.announced();
        self.scrub().await;
        Ok(())
    }

    /// Sessions without a final status: after a start those that the last daemon left behind.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn session_unfinished(&self) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM sessions WHERE completed_at IS NULL ORDER BY created_at, id")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<SessionRecord, StoreError> {
    let columns = Columns::of(row, "session", "id")?;
    Ok(SessionRecord {
        id: columns.parsed("id")?,
        user_id: columns.text("user_id")?,
        provider: columns.text("provider")?,
        purpose: columns.word("purpose")?,
        status: columns.word("status")?,
        vm_id: columns.parsed_option("vm_id")?,
        created_at: columns.time("created_at")?,
        completed_at: columns.time_option("completed_at")?,
        failure: columns.json("failure")?,
    })
}
