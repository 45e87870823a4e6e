//! VMs: what the host must know of each, and what it owns, before and after its life.

use std::path::PathBuf;

use anteroom_protocol::{SessionId, VmId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::{
    Change, Store, StoreError,
    column::{Columns, json, millis, word},
    page::Page,
};
use crate::{failure::Failure, vmm::ProcessId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VmKind {
    /// A desktop to sign in at.
    Browser,
    /// No desktop: runs a CLI with credentials that were captured before.
    Cli,
}

impl VmKind {
    /// The setting that says how much memory such a VM has.
    #[must_use]
    pub fn memory_setting(self) -> &'static str {
        match self {
            Self::Browser => "vm.browser.memory_mib",
            Self::Cli => "vm.cli.memory_mib",
        }
    }
}

/// The life of a VM; the diagram is in [`crate::vm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VmStatus {
    /// Disk, network and VMM are being made.
    Creating,
    /// The VMM runs; the agent has not answered yet.
    Booting,
    /// The agent answers.
    Running,
    /// Every service that a viewer needs answers.
    Ready,
    /// It is being put to disk.
    Hibernating,
    /// It is on the disk: nothing of it runs, and it takes no memory.
    Hibernated,
    /// It is read from the disk, and its agent has not answered yet.
    Waking,
    Stopping,
    /// Ended as asked; nothing of it is left.
    Destroyed,
    /// Ended with a cause; nothing of it is left but its console log.
    Failed,
}

impl VmStatus {
    /// Whether nothing will come after it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Destroyed | Self::Failed)
    }

    /// Whether it is on the disk, or on its way there or back.
    #[must_use]
    pub fn is_away(self) -> bool {
        matches!(self, Self::Hibernating | Self::Hibernated | Self::Waking)
    }
}

/// One row of `vms`.
#[derive(Debug, Clone)]
pub struct VmRecord {
    pub id: VmId,
    pub session_id: Option<SessionId>,
    /// Whose it is, of a VM that outlives any session.
    pub user_id: Option<String>,
    pub kind: VmKind,
    pub status: VmStatus,
    /// Belongs to this VM alone.
    pub directory: PathBuf,
    pub vcpus: u8,
    pub memory_mib: u32,
    pub image_digest: String,
    pub created_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
    pub failure: Option<Failure>,
    pub processes: Vec<ProcessId>,
    /// As JSON: this layer does not read it.
    pub timeline: Option<serde_json::Value>,
    /// What it was launched with, as JSON: this layer does not read it.
    pub machine: Option<serde_json::Value>,
    /// When its user last did something in it.
    pub used_at: Option<OffsetDateTime>,
}

impl Store {
    /// Must be called before anything of the VM exists on the host.
    ///
    /// # Errors
    /// When the database does not answer or has this id already.
    pub async fn vm_create(&self, vm: &VmRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO vms (id, session_id, kind, status, directory, vcpus, memory_mib, image_digest, created_at, \
             processes, user_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(vm.id.to_string())
        .bind(vm.session_id.map(|id| id.to_string()))
        .bind(word(&vm.kind)?)
        .bind(word(&vm.status)?)
        .bind(vm.directory.to_string_lossy().into_owned())
        .bind(i64::from(vm.vcpus))
        .bind(i64::from(vm.memory_mib))
        .bind(&vm.image_digest)
        .bind(millis(vm.created_at))
        .bind(json(&vm.processes)?)
        .bind(&vm.user_id)
        .execute(&self.pool)
        .await?;
        self.tell(Change::Vm(vm.id));
        Ok(())
    }

    /// Its user has just done something in it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn vm_used(&self, id: VmId, at: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("UPDATE vms SET used_at = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(millis(at))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn vm_set_processes(&self, id: VmId, processes: &[ProcessId]) -> Result<(), StoreError> {
        sqlx::query("UPDATE vms SET processes = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(json(&processes)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A VM that has waited for somebody belongs to this session from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn vm_set_session(&self, id: VmId, session: SessionId) -> Result<(), StoreError> {
        sqlx::query("UPDATE vms SET session_id = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(session.to_string())
            .execute(&self.pool)
            .await?;
        self.tell(Change::Vm(id));
        Ok(())
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn vm_set_status(&self, id: VmId, status: VmStatus) -> Result<(), StoreError> {
        sqlx::query("UPDATE vms SET status = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(word(&status)?)
            .execute(&self.pool)
            .await?;
        self.tell(Change::Vm(id));
        Ok(())
    }

    /// Says that nothing of the VM is left on the host: it is not among [`Store::vm_living`] any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn vm_end(
        &self,
        id: VmId,
        status: VmStatus,
        failure: Option<&Failure>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE vms SET status = $2, failure = $3, ended_at = $4, processes = '[]' WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(word(&status)?)
        .bind(failure.map(json).transpose()?)
        .bind(millis(OffsetDateTime::now_utc()))
        .execute(&self.pool)
        .await?;
        self.tell(Change::Vm(id));
        self.hibernation_forget(id).await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn vm_set_timeline(&self, id: VmId, timeline: &serde_json::Value) -> Result<(), StoreError> {
        sqlx::query("UPDATE vms SET timeline = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(json(timeline)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Must be called before the VM is launched.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn vm_set_machine(&self, id: VmId, machine: &serde_json::Value) -> Result<(), StoreError> {
        sqlx::query("UPDATE vms SET machine = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(json(machine)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// VMs of which something may be left on the host, oldest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn vm_living(&self) -> Result<Vec<VmRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM vms WHERE ended_at IS NULL ORDER BY created_at, id")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn vm_get(&self, id: VmId) -> Result<Option<VmRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM vms WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// How many VMs there are and have been, by kind and status.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn vm_counts(&self) -> Result<Vec<(VmKind, VmStatus, u64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT MIN(id) AS id, kind, status, COUNT(*) AS vms FROM vms GROUP BY kind, status ORDER BY kind, status",
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |row: &SqliteRow| {
            let columns = Columns::of(row, "vm", "id")?;
            Ok((columns.word("kind")?, columns.word("status")?, columns.number("vms")?))
        };
        rows.iter().map(count).collect()
    }

    /// VMs of everybody and nobody, or of one user, newest first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn vm_list(
        &self,
        user_id: Option<&str>,
        page: Page<VmId>,
    ) -> Result<Vec<VmRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT vms.* FROM vms LEFT JOIN vms AS last ON last.id = $2 \
             WHERE (CAST($1 AS TEXT) IS NULL OR vms.user_id = $1 \
                    OR vms.session_id IN (SELECT id FROM sessions WHERE user_id = $1)) \
             AND (CAST($2 AS TEXT) IS NULL OR vms.created_at < last.created_at \
                  OR (vms.created_at = last.created_at AND vms.id > last.id)) \
             ORDER BY vms.created_at DESC, vms.id LIMIT $3",
        )
        .bind(user_id)
        .bind(page.after.map(|id| id.to_string()))
        .bind(i64::from(page.most))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<VmRecord, StoreError> {
    let columns = Columns::of(row, "vm", "id")?;
    Ok(VmRecord {
        id: columns.parsed("id")?,
        session_id: columns.parsed_option("session_id")?,
        user_id: columns.text_option("user_id")?,
        kind: columns.word("kind")?,
        status: columns.word("status")?,
        directory: columns.text("directory")?.into(),
        vcpus: columns.number("vcpus")?,
        memory_mib: columns.number("memory_mib")?,
        image_digest: columns.text("image_digest")?,
        created_at: columns.time("created_at")?,
        ended_at: columns.time_option("ended_at")?,
        failure: columns.json("failure")?,
        processes: columns.json("processes")?.unwrap_or_default(),
        timeline: columns.json("timeline")?,
        machine: columns.json("machine")?,
        used_at: columns.time_option("used_at")?,
    })
}
