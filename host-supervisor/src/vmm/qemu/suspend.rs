//! Snapshots of QEMU: what a machine is given for them when it starts, and how one is made and restored.
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
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt as _},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

use super::{
    argv::{Suspendable, VSOCK_DEVICE, VSOCK_DRIVER, VSOCK_SLOT},
    memory::{self, GuestMemory},
    qmp::{Qmp, QmpError},
};
use crate::vmm::{LaunchError, SnapshotError, SnapshotFiles};

/// The guest has a say in giving a device back (measured: 60 ms under TCG).
const UNPLUG: Duration = Duration::from_secs(10);
/// State without memory is half a megabyte.
const TRANSFER: Duration = Duration::from_secs(10);
/// The name under which QEMU gets the file of the state.
const STATE: &str = "state";

/// Before QEMU is started.
#[derive(Debug)]
pub(super) struct Prepared {
    memory: GuestMemory,
    control: UnixStream,
    memory_file: OwnedFd,
    control_file: OwnedFd,
}

/// What stays here of it.
#[derive(Debug)]
pub(super) struct Suspend {
    memory: GuestMemory,
    control: UnixStream,
}

impl Prepared {
    pub(super) fn new(memory_mib: u32) -> Result<Self, LaunchError> {
        let make = || {
            let memory = GuestMemory::new(memory_mib)?;
            let (control, control_file) = Qmp::pair()?;
            Ok(Self { memory_file: memory.file()?, memory, control, control_file })
        };
        make().map_err(|source: io::Error| LaunchError::Snapshot(format!("the guest's memory: {source}")))
    }

    pub(super) fn numbers(&self, restored: bool) -> Suspendable {
        let [memory, control] = [&self.memory_file, &self.control_file].map(memory::number_of);
        Suspendable { memory, control, restored }
    }

    /// For QEMU to inherit, and for us to keep.
    pub(super) fn split(self) -> (Vec<OwnedFd>, Suspend) {
        let Self { memory, control, memory_file, control_file } = self;
        (vec![memory_file, control_file], Suspend { memory, control })
    }

    /// Begins to fill the memory, which goes on while QEMU starts.
    pub(super) fn fill(&self, files: &SnapshotFiles) -> AbortOnDropHandle<io::Result<()>> {
        let (memory, path) = (self.memory.clone(), files.memory.clone());
        AbortOnDropHandle::new(tokio::spawn(async move { memory.fill_from(&path).await }))
    }
}

impl Suspend {
    /// # Errors
    /// When QEMU refuses the state, for example because it is of another machine.
    pub(super) async fn restore(
        self,
        files: &SnapshotFiles,
        filled: AbortOnDropHandle<io::Result<()>>,
    ) -> Result<(), LaunchError> {
        let failed = |error: QmpError| LaunchError::Snapshot(crate::failure::causes(&error));
        let io = |path: &std::path::Path| {
            let path = path.to_owned();
            move |source| LaunchError::Io { path, source }
        };
        let mut qemu = connect(self.control).await.map_err(failed)?;
        filled.await.map_err(io::Error::other).and_then(|filled| filled).map_err(io(&files.memory))?;
        let state = File::open(&files.state).map_err(io(&files.state))?;
        let transfer = async {
            qemu.lend(STATE, &state).await?;
            qemu.execute("migrate-incoming", json!({ "uri": format!("fd:{STATE}") })).await?;
            transferred(&mut qemu).await?;
            let vsock = json!({
                "driver": VSOCK_DRIVER, "chardev": VSOCK_DEVICE, "id": VSOCK_DEVICE, "bus": VSOCK_SLOT
            });
            qemu.execute("device_add", vsock).await?;
            qemu.execute("cont", json!({})).await
        };
        // The connection ends here: nobody would read what QEMU tells later.
        transfer.await.map(drop).map_err(failed)
    }

    /// Afterwards the machine stands still.
    pub(super) async fn snapshot(self, files: &SnapshotFiles) -> Result<(), SnapshotError> {
        let failed = |error: QmpError| SnapshotError::Vmm(crate::failure::causes(&error));
        let state = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&files.state)
            .map_err(|source| SnapshotError::Io { path: files.state.clone(), source })?;
        let mut qemu = connect(self.control).await.map_err(failed)?;
        let transfer = async {
            qemu.execute("device_del", json!({ "id": VSOCK_DEVICE })).await?;
            let is_gone = |event: &str, data: &Value| {
                (event == "DEVICE_DELETED" && data["device"] == VSOCK_DEVICE).then_some(())
            };
            qemu.event("the guest's giving vsock back", UNPLUG, is_gone).await?;
            qemu.execute("stop", json!({})).await?;
            qemu.lend(STATE, &state).await?;
            qemu.execute("migrate", json!({ "uri": format!("fd:{STATE}") })).await?;
            transferred(&mut qemu).await
        };
        transfer.await.map_err(failed)?;
        let saved = self.memory.save_to(&files.memory).await;
        saved.map_err(|source| SnapshotError::Io { path: files.memory.clone(), source })
    }
}

async fn connect(control: UnixStream) -> Result<Qmp, QmpError> {
    let mut qemu = Qmp::open(control).await?;
    let on = |capability| json!({ "capability": capability, "state": true });
    let capabilities = json!({ "capabilities": [on("x-ignore-shared"), on("events")] });
    qemu.execute("migrate-set-capabilities", capabilities).await?;
    Ok(qemu)
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
