//! Hibernation of QEMU: everything that a machine is, its memory among it, goes through a pipe to the daemon, and comes back through
//! one. QEMU itself writes nothing to the disk and reads nothing from there.
//!
//! ```text
//!  hibernated:  vsock taken out ─▶ stop ─▶ all of it into the pipe (migrate)
//!  woken:       all of it out of the pipe (migrate-incoming) ─▶ vsock put in ─▶ the machine stands still ─▶ cont
//! ```

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    control::{self, plug_vsock, switch, unplug_vsock},
    qmp::{Qmp, QmpError},
};

/// The name under which QEMU gets its end of the pipe.
const PIPE: &str = "pipe";
/// Gigabytes, sealed on one processor and written to a slow disk.
const TRANSFER: Duration = Duration::from_secs(300);
/// In bytes per second: as fast as the pipe takes it. By default QEMU thinks of a network, and of who else is on it.
const UNBOUNDED: u64 = 1 << 40;

/// Afterwards the machine stands still, or, after an error, may do so.
pub(super) async fn hibernate(directory: &Path, into: OwnedFd) -> Result<(), QmpError> {
    let mut qemu = control::connect(directory).await?;
    // A machine that began with a snapshot has it on.
    switch(&mut qemu, "x-ignore-shared", false).await?;
    qemu.execute("migrate-set-parameters", json!({ "max-bandwidth": UNBOUNDED })).await?;
    unplug_vsock(&mut qemu).await?;
    qemu.execute("stop", json!({})).await?;
    qemu.lend(PIPE, &into).await?;
    // Whoever reads sees the end when QEMU has written all.
    drop(into);
    qemu.execute("migrate", json!({ "uri": format!("fd:{PIPE}") })).await?;
    transferred(&mut qemu, TRANSFER).await
}

/// Afterwards the machine is whole and stands still.
pub(super) async fn wake(directory: &Path, from: BorrowedFd<'_>) -> Result<(), QmpError> {
    let mut qemu = control::connect(directory).await?;
    qemu.lend(PIPE, from.as_fd()).await?;
    qemu.execute("migrate-incoming", json!({ "uri": format!("fd:{PIPE}") })).await?;
    transferred(&mut qemu, TRANSFER).await?;
    plug_vsock(&mut qemu).await
}

/// Lets a machine run that stands still.
pub(super) async fn go_on(directory: &Path) -> Result<(), QmpError> {
    let mut qemu = control::connect(directory).await?;
    plug_vsock(&mut qemu).await?;
    qemu.execute("cont", json!({})).await.map(drop)
}

pub(super) async fn transferred(qemu: &mut Qmp, patience: Duration) -> Result<(), QmpError> {
    let end = |event: &str, data: &Value| match (event, data["status"].as_str()) {
        ("MIGRATION", Some("completed")) => Some(true),
        ("MIGRATION", Some("failed")) => Some(false),
        _ => None,
    };
    match qemu.event("the transfer of the state", patience, end).await? {
        true => Ok(()),
        false => {
            Err(QmpError::Refused { command: "migrate", reason: "the state cannot be transferred".into() })
        }
    }
}
