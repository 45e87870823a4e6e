//! Prompts: what was asked of whose CLI, and what became of it. Neither the prompt nor the answer is kept.

use std::{fmt, str::FromStr};

use anteroom_protocol::VmId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Change, Store, StoreError,
    column::{Columns, json, millis, word},
    page::Page,
};
use crate::failure::Failure;

/// Names one prompt; nobody guesses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PromptId(Uuid);

impl PromptId {
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl From<Uuid> for PromptId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for PromptId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// ```text
/// queued ──▶ starting ──▶ running ──▶ done        (the CLI has ended by itself, whatever its exit code)
///    └───────────┴───────────┴──────▶ failed, cancelled
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptStatus {
    /// Others of the same user come first.
    Queued,
    /// Its VM starts or wakes, and gets the credentials.
    Starting,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl PromptStatus {
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One row of `prompts`.
#[derive(Debug, Clone)]
pub struct PromptRecord {
    pub id: PromptId,
    pub user_id: String,
    pub provider: String,
    pub vm_id: Option<VmId>,
    pub status: PromptStatus,
    pub created_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
    pub exit_code: Option<i32>,
    pub failure: Option<Failure>,
    /// In the CLI's own words.
    pub usage: Option<Value>,
}

impl Store {
    /// # Errors
    /// When the database does not answer or has this id already.
    pub async fn prompt_create(&self, prompt: &PromptRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO prompts (id, user_id, provider, vm_id, status, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(prompt.id.to_string())
        .bind(&prompt.user_id)
        .bind(&prompt.provider)
        .bind(prompt.vm_id.map(|id| id.to_string()))
        .bind(word(&prompt.status)?)
        .bind(millis(prompt.created_at))
        .execute(&self.pool)
        .await?;
        self.tell(Change::Prompt(prompt.id));
        Ok(())
    }

    /// Stores what changes in the life of a prompt.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prompt_update(&self, prompt: &PromptRecord) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE prompts SET vm_id = $2, status = $3, ended_at = $4, exit_code = $5, failure = $6, usage = $7 WHERE id = $1",
        )
        .bind(prompt.id.to_string())
        .bind(prompt.vm_id.map(|id| id.to_string()))
        .bind(word(&prompt.status)?)
        .bind(prompt.ended_at.map(millis))
        .bind(prompt.exit_code.map(i64::from))
        .bind(prompt.failure.as_ref().map(json).transpose()?)
        .bind(prompt.usage.as_ref().map(json).transpose()?)
        .execute(&self.pool)
        .await?;
        self.tell(Change::Prompt(prompt.id));
        Ok(())
    }

    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn prompt_get(&self, id: PromptId) -> Result<Option<PromptRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM prompts WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Prompts of everybody, or of one user, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn prompt_list(
        &self,
        user_id: Option<&str>,
        page: Page<PromptId>,
    ) -> Result<Vec<PromptRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT prompts.* FROM prompts LEFT JOIN prompts AS last ON last.id = $2 \
             WHERE (CAST($1 AS TEXT) IS NULL OR prompts.user_id = $1) \
             AND (CAST($2 AS TEXT) IS NULL OR prompts.created_at < last.created_at \
                  OR (prompts.created_at = last.created_at AND prompts.id > last.id)) \
             ORDER BY prompts.created_at DESC, prompts.id LIMIT $3",
        )
        .bind(user_id)
        .bind(page.after.map(|id| id.to_string()))
        .bind(i64::from(page.most))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Gives every prompt that has not ended this end: after a start, those that the last daemon has left. Returns how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prompts_end_all(&self, failure: &Failure) -> Result<u64, StoreError> {
        let ended =
            sqlx::query("UPDATE prompts SET status = $1, failure = $2, ended_at = $3 WHERE ended_at IS NULL")
                .bind(word(&PromptStatus::Failed)?)
                .bind(json(failure)?)
                .bind(millis(OffsetDateTime::now_utc()))
                .execute(&self.pool)
                .await?;
        Ok(ended.rows_affected())
    }

    /// Forgets prompts that have ended before that.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prompts_forget_before(&self, moment: OffsetDateTime) -> Result<u64, StoreError> {
        let gone = sqlx::query("DELETE FROM prompts WHERE ended_at < $1")
            .bind(millis(moment))
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }
}

fn read(row: &SqliteRow) -> Result<PromptRecord, StoreError> {
    let columns = Columns::of(row, "prompt", "id")?;
    Ok(PromptRecord {
        id: columns.parsed("id")?,
        user_id: columns.text("user_id")?,
        provider: columns.text("provider")?,
        vm_id: columns.parsed_option("vm_id")?,
        status: columns.word("status")?,
        created_at: columns.time("created_at")?,
        ended_at: columns.time_option("ended_at")?,
        exit_code: columns.number_option("exit_code")?,
        failure: columns.json("failure")?,
        usage: columns.json("usage")?,
    })
}
