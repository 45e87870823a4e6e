//! Snapshots of Firecracker: what it is asked to make one, and to begin with one.
//!
//! ```text
//!  made:      console quiet ─▶ paused ─▶ /snapshot/create, into the VM's own place ─▶ brought out, without what is zero
//!  restored:  a new process in another VM's place ─▶ /snapshot/load ─▶ resumed
//! ```
//! What is written in a snapshot are names in Firecracker's working directory ([`super::names`]), so that each clone has a disk
//! and sockets of its own; only its TAP has a name that is nobody else's, and is named anew (`network_overrides`). The memory is
//! mapped privately and never copied: what no clone has written is once in the host's page cache.

#[cfg(test)]
mod tests;

use std::{
    fs::{File, OpenOptions, Permissions, remove_file},
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use nix::fcntl::OFlag;

use super::{
    body::{
        BackendType, DeviceId, MemoryBackend, NetworkOverride, SnapshotCreateParams, SnapshotLoadParams,
        SnapshotType, Vm, VmState,
    },
    names::{MEMORY, STATE},
    plan::INTERFACE,
    request::Request,
};
use crate::{
    net::Network,
    sparse,
    vmm::{LaunchError, SnapshotError, SnapshotFiles, console::Console},
};

/// A guest's serial port that is in the middle of a line when it is copied never speaks again in the copy, and blocks who
/// writes there (until v1.16; <https://github.com/firecracker-microvm/firecracker/blob/v1.16.0/CHANGELOG.md>).
const QUIET: Duration = Duration::from_millis(50);
/// A guest that babbles is copied all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of devices and processors it is some ten kilobytes.
const MOST_STATE_BYTES: u64 = 64 << 20;

/// Who may read the files of a snapshot; its directory is its owner's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    Owner,
    /// Users of VMs, to whom a file is shown in their jails.
    Jailed,
}

/// In Firecracker's own place.
pub(super) fn files() -> SnapshotFiles {
    SnapshotFiles { memory: MEMORY.into(), state: STATE.into() }
}

pub(super) async fn quiet(console: &Console) {
    // An error means that it was never quiet.
    let _ = tokio::time::timeout(PATIENCE, console.quiet_for(QUIET)).await;
}

/// Into files whose names are Firecracker's to see.
pub(super) fn making(files: SnapshotFiles, snapshot_type: SnapshotType) -> [Request; 2] {
    [
        Request::Vm(Vm { state: VmState::Paused }),
        Request::CreateSnapshot(SnapshotCreateParams {
            mem_file_path: files.memory,
            snapshot_path: files.state,
            snapshot_type,
        }),
    ]
}

/// With the files' names as Firecracker sees them. The machine that it makes stands still.
pub(super) fn loading(files: &SnapshotFiles, network: &Network) -> Result<Request, LaunchError> {
    let network_overrides = match network {
        Network::Tap(tap) => {
            let iface_id =
                DeviceId::new(INTERFACE).map_err(|error| LaunchError::Snapshot(error.to_string()))?;
            vec![NetworkOverride { iface_id, host_dev_name: tap.device.clone() }]
        }
        Network::None | Network::User(_) => Vec::new(),
    };
    Ok(Request::LoadSnapshot(SnapshotLoadParams {
        snapshot_path: files.state.clone(),
        mem_backend: MemoryBackend { backend_type: BackendType::File, backend_path: files.memory.clone() },
        resume_vm: false,
        network_overrides,
    }))
}

pub(super) fn resuming() -> Request {
    Request::Vm(Vm { state: VmState::Resumed })
}

/// What Firecracker has written in its place goes to where the snapshot is. Reads and writes much, so not on the runtime's
/// threads.
///
/// # Errors
/// When it is not what was asked for: it lies where the VM's user can put anything.
pub(super) fn bring_out(
    place: &Path,
    memory_mib: u32,
    files: &SnapshotFiles,
    readers: Readers,
) -> Result<(), SnapshotError> {
    let memory_bytes = u64::from(memory_mib) << 20;
    bring(&place.join(MEMORY), &files.memory, readers, |length| length == memory_bytes)?;
    bring(&place.join(STATE), &files.state, readers, |length| (1..=MOST_STATE_BYTES).contains(&length))
}

fn bring(from: &Path, to: &Path, readers: Readers, fits: impl Fn(u64) -> bool) -> Result<(), SnapshotError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| SnapshotError::Io { path, source }
    };
    let source = open(from, fits).map_err(at(from))?;
    let copy = || {
        let target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        sparse::copy_what_is_not_zero(&source, &target)?;
        match readers {
            Readers::Owner => Ok(()),
            Readers::Jailed => target.set_permissions(Permissions::from_mode(0o444)),
        }
    };
    copy().map_err(at(to))?;
    remove_file(from).map_err(at(from))
}

/// No link to somewhere else, and nothing that would be waited for.
pub(super) fn open(path: &Path, fits: impl Fn(u64) -> bool) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no regular file"));
    }
    if !fits(metadata.len()) {
        let words = format!("{} bytes are not what it should have", metadata.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    Ok(file)
}
