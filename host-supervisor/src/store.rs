//! What must survive the daemon: VMs and what they own, sessions, sealed credentials, what has to be told of them;
//! keys of the API, and who did what with them.
//!
//! One SQL layer, SQLite built in. Statements use only what PostgreSQL understands as well (`$1`, TEXT, BIGINT), so
//! that hosts that share their sessions need a connection address, not another layer. Every call is one transaction
//! and is on disk when it returns.
//!
//! Sign-in addresses hold `state` and never come here; credentials come sealed.

mod addresses;
mod api_keys;
mod audit;
mod changes;
mod column;
mod credentials;
mod hibernations;
mod idempotency;
mod outbox;
mod page;
mod prompts;
mod sessions;
mod vms;

#[cfg(test)]
mod tests;

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Row as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};

use tokio::sync::Notify;

use self::changes::Changes;
use crate::failure::causes;
pub use addresses::AddressRecord;
pub use api_keys::{ApiKeyId, ApiKeyRecord, Scope, Scopes};
pub use audit::{AuditEntry, AuditPage, AuditRecord};
pub use changes::Change;
pub use credentials::{CredentialRecord, Replaces};
pub use hibernations::HibernationRecord;
pub use idempotency::StartedRecord;
pub use outbox::{EventId, OutboxEvent, OutboxRecord, OutboxStatus, Tried};
pub use page::Page;
pub use prompts::{PromptId, PromptRecord, PromptStatus};
pub use sessions::{SessionPlan, SessionPurpose, SessionRecord, SessionStatus};
pub use vms::{VmKind, VmRecord, VmStatus};

/// The open store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    /// Told when something was put into the outbox; without it nothing is.
    outbox: Option<Arc<Notify>>,
    changes: Changes,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database {path}")]
    Open {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the database {path} is readable by others (mode {mode:o}); it must be 600")]
    TooOpen { path: PathBuf, mode: u32 },
    #[error("the tables of the database")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database")]
    Database(#[from] sqlx::Error),
    #[error("no random numbers from the kernel")]
    NoRandomness(#[source] getrandom::Error),
    #[error("{table} {id} has an unreadable {column} in the database")]
    Corrupt { table: &'static str, column: &'static str, id: String },
}

impl Store {
    pub const FILE_NAME: &str = "anteroom.db";

    /// Opens the database in this directory; makes it, readable by its owner only, and its tables where they are
    /// missing.
    ///
    /// # Errors
    /// When the file cannot be opened, is open to others, or was written by a newer Anteroom.
    pub async fn open(state_directory: &Path) -> Result<Self, StoreError> {
        let path = state_directory.join(Self::FILE_NAME);
        make_private(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL, because a captured credential is nowhere else once the VM is gone.
            .synchronous(SqliteSynchronous::Full)
            // What is deleted is overwritten, not only unlinked from its page.
            .pragma("secure_delete", "ON")
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        migrations().run(&pool).await?;
        Ok(Self { pool, outbox: None, changes: Changes::default() })
    }

    /// Opens the database to read it beside a daemon that may be at work; `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn look(state_directory: &Path) -> Result<Option<Self>, StoreError> {
        let path = state_directory.join(Self::FILE_NAME);
        if !path.exists() {
            return Ok(None);
        }
        let options =
            SqliteConnectOptions::new().filename(&path).read_only(true).busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        Ok(Some(Self { pool, outbox: None, changes: Changes::default() }))
    }

    /// Reads something: whether the database still answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM vms LIMIT 1").fetch_optional(&self.pool).await?;
        Ok(())
    }

    /// Takes what was deleted out of the write-ahead log as well. The deletion itself is committed before; when somebody
    /// reads just now, the log is emptied by the next one, or by the last connection's end.
    pub(super) async fn scrub(&self) {
        match sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.pool).await {
            Ok(row) if row.try_get::<i64, _>(0).is_ok_and(|busy| busy == 0) => {}
            Ok(_) => tracing::warn!("the database's log is in use: what was deleted leaves it later"),
            Err(error) => {
                tracing::warn!(cause = causes(&error), "what was deleted is still in the database's log")
            }
        }
    }

    /// Every connection is taken as long as this is held: whoever wants to read waits.
    #[cfg(test)]
    pub(crate) async fn busy(&self) -> Vec<sqlx::pool::PoolConnection<sqlx::Sqlite>> {
        let mut taken = Vec::new();
        for _ in 0..self.pool.options().get_max_connections() {
            taken.push(self.pool.acquire().await.unwrap());
        }
        taken
    }

    /// Waits for running statements and closes the files.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// SQLite gives its `-wal` and `-shm` files the mode of the database.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let mode = file.and_then(|file| file.metadata()).map_err(open)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(StoreError::TooOpen { path: path.to_owned(), mode }) }
}

fn migrations() -> Migrator {
    let scripts = [
        ("start", include_str!("store/migrations/0001_start.sql")),
        ("outbox", include_str!("store/migrations/0002_outbox.sql")),
        ("addresses", include_str!("store/migrations/0003_addresses.sql")),
        ("taking over", include_str!("store/migrations/0004_taking_over.sql")),
        ("access", include_str!("store/migrations/0005_access.sql")),
        ("hibernation", include_str!("store/migrations/0006_hibernation.sql")),
        ("prompts", include_str!("store/migrations/0007_prompts.sql")),
    ];
    let migration = |(version, (name, script)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, script.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(scripts).map(migration).collect())
}
