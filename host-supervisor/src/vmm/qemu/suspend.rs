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
    os::{
        fd::{OwnedFd, RawFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::Path,
    time::Duration,
};

use serde_json::json;
use tokio_util::task::AbortOnDropHandle;

use super::{
    control::{self, plug_vsock, switch, unplug_vsock},
    hibernate::transferred,
    memory::{self, GuestMemory},
    qmp::QmpError,
};
use crate::vmm::{LaunchError, SnapshotError, SnapshotFiles};

/// State without memory is half a megabyte.
const TRANSFER: Duration = Duration::from_secs(10);
/// The name under which QEMU gets the file of the state.
const STATE: &str = "state";

/// Before QEMU is started.
#[derive(Debug)]
pub(super) struct Prepared {
    memory: GuestMemory,
    memory_file: OwnedFd,
}

/// What stays here of it.
#[derive(Debug)]
pub(super) struct Suspend {
    memory: GuestMemory,
}

impl Prepared {
    pub(super) fn new(memory_mib: u32) -> Result<Self, LaunchError> {
        let make = || {
            let memory = GuestMemory::new(memory_mib)?;
            Ok(Self { memory_file: memory.file()?, memory })
        };
        make().map_err(|source: io::Error| LaunchError::Snapshot(format!("the guest's memory: {source}")))
    }

    /// Of the memory's file.
    pub(super) fn number(&self) -> RawFd {
        memory::number_of(&self.memory_file)
    }

    /// For QEMU to inherit, and for us to keep.
    pub(super) fn split(self) -> (OwnedFd, Suspend) {
        (self.memory_file, Suspend { memory: self.memory })
    }

    /// Begins to fill the memory, which goes on while QEMU starts.
    pub(super) fn fill(&self, files: &SnapshotFiles) -> AbortOnDropHandle<io::Result<()>> {
        let (memory, path) = (self.memory.clone(), files.memory.clone());
        AbortOnDropHandle::new(tokio::spawn(async move { memory.fill_from(&path).await }))
    }
}

/// # Errors
/// When QEMU refuses the state, for example because it is of another machine.
pub(super) async fn restore(
    directory: &Path,
    files: &SnapshotFiles,
    filled: AbortOnDropHandle<io::Result<()>>,
) -> Result<(), LaunchError> {
    let failed = |error: QmpError| LaunchError::Snapshot(crate::failure::causes(&error));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| LaunchError::Io { path, source }
    };
    let mut qemu = control::connect(directory).await.map_err(failed)?;
    filled.await.map_err(io::Error::other).and_then(|filled| filled).map_err(io(&files.memory))?;
    let state = File::open(&files.state).map_err(io(&files.state))?;
    let transfer = async {
        switch(&mut qemu, "x-ignore-shared", true).await?;
        qemu.lend(STATE, &state).await?;
        qemu.execute("migrate-incoming", json!({ "uri": format!("fd:{STATE}") })).await?;
        transferred(&mut qemu, TRANSFER).await?;
        plug_vsock(&mut qemu).await?;
        qemu.execute("cont", json!({})).await
    };
    transfer.await.map(drop).map_err(failed)
}

impl Suspend {
    /// Afterwards the machine stands still.
    pub(super) async fn snapshot(self, directory: &Path, files: &SnapshotFiles) -> Result<(), SnapshotError> {
        let state = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&files.state)
            .map_err(|source| SnapshotError::Io { path: files.state.clone(), source })?;
        let transfer = async {
            let mut qemu = control::connect(directory).await?;
            switch(&mut qemu, "x-ignore-shared", true).await?;
            unplug_vsock(&mut qemu).await?;
            qemu.execute("stop", json!({})).await?;
            qemu.lend(STATE, &state).await?;
            qemu.execute("migrate", json!({ "uri": format!("fd:{STATE}") })).await?;
            transferred(&mut qemu, TRANSFER).await
        };
        transfer.await.map_err(|error| SnapshotError::Vmm(crate::failure::causes(&error)))?;
        let saved = self.memory.save_to(&files.memory).await;
        saved.map_err(|source| SnapshotError::Io { path: files.memory.clone(), source })
    }
}
