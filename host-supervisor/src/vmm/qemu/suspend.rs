//! Snapshots of QEMU: how one is made and restored.
//!
//! ```text
//!  made:      vsock taken out ─▶ stop ─▶ state to its file (migrate) ─▶ memory to its file
//!  restored:  memory filled ─▶ state from its file (migrate-incoming) ─▶ vsock put in ─▶ cont
//! ```
//! The memory is shared with the vsock device and goes its own way, so the migration leaves it out (`x-ignore-shared`, since
//! QEMU 3.1; the same way on all versions that we run on, while files of memory in the migration itself came with 9.0).
//! vsock comes from a vhost-user device, which cannot be saved: it is taken out of its slot before, and put in after.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{fd::AsFd, unix::fs::OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::{
    control::{self, plug_vsock, unplug_vsock},
    memory::GuestMemory,
    qmp::{Qmp, QmpError},
};
use crate::{
    failure::causes,
    vmm::{LaunchError, SnapshotError, SnapshotFiles},
};

/// State without memory is half a megabyte.
const TRANSFER: Duration = Duration::from_secs(10);
/// The name under which QEMU gets the file of the state.
const STATE: &str = "state";

/// # Errors
/// When QEMU refuses the state, for example because it is of another machine.
pub(super) async fn restore(
    directory: &Path,
    files: &SnapshotFiles,
    filled: AbortOnDropHandle<io::Result<()>>,
) -> Result<(), LaunchError> {
    let failed = |error: QmpError| LaunchError::Snapshot(causes(&error));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| LaunchError::Io { path, source }
    };
    let mut qemu = control::connect(directory).await.map_err(failed)?;
    filled.await.map_err(io::Error::other).and_then(|filled| filled).map_err(io(&files.memory))?;
    let state = File::open(&files.state).map_err(io(&files.state))?;
    take_state(&mut qemu, &state).await.map_err(failed)?;
    qemu.execute("cont", json!({})).await.map(drop).map_err(failed)
}

/// Afterwards the machine stands still.
pub(super) async fn snapshot(
    directory: &Path,
    memory: &GuestMemory,
    files: &SnapshotFiles,
) -> Result<(), SnapshotError> {
    let state = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&files.state)
        .map_err(|source| SnapshotError::Io { path: files.state.clone(), source })?;
    give_state(directory, &state).await.map_err(|error| SnapshotError::Vmm(causes(&error)))?;
    let saved = memory.save_to(&files.memory).await;
    saved.map_err(|source| SnapshotError::Io { path: files.memory.clone(), source })
}

/// Stops the machine and has it write down all that it is, but for memory and disks.
pub(super) async fn give_state(directory: &Path, state: impl AsFd) -> Result<(), QmpError> {
    let mut qemu = control::connect(directory).await?;
    unplug_vsock(&mut qemu).await?;
    qemu.execute("stop", json!({})).await?;
    qemu.lend(STATE, state).await?;
    qemu.execute("migrate", json!({ "uri": format!("fd:{STATE}") })).await?;
    transferred(&mut qemu).await
}

/// The same in the other direction. Afterwards the machine is whole and stands still.
pub(super) async fn take_state(qemu: &mut Qmp, state: impl AsFd) -> Result<(), QmpError> {
    qemu.lend(STATE, state).await?;
    qemu.execute("migrate-incoming", json!({ "uri": format!("fd:{STATE}") })).await?;
    transferred(qemu).await?;
    plug_vsock(qemu).await
}

async fn transferred(qemu: &mut Qmp) -> Result<(), QmpError> {
    let end = |event: &str, data: &Value| match (event, data["status"].as_str()) {
        ("MIGRATION", Some("completed")) => Some(true),
        ("MIGRATION", Some("failed")) => Some(false),
        _ => None,
    };
    match qemu.event("the transfer of the state", TRANSFER, end).await? {
        true => Ok(()),
        false => {
            Err(QmpError::Refused { command: "migrate", reason: "the state cannot be transferred".into() })
        }
    }
}
