//! Snapshots of Firecracker: what it is asked to make one, and to begin with one.
//!
//! ```text
//!  made:      console quiet ─▶ paused ─▶ /snapshot/create, into the VM's own place ─▶ brought out, without what is zero
//!  restored:  a new process in another VM's place ─▶ /snapshot/load ─▶ resumed
//! ```
//! What is written in a snapshot are names in Firecracker's working directory ([`super::names`]), so that each clone has a disk
//! and sockets of its own; only its TAP has a name that is nobody else's, and is named anew (`network_overrides`). The memory is
//! mapped privately and never copied: what no clone has written is once in the host's page cache.

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

pub(super) async fn quiet(console: &Console) {
    // An error means that it was never quiet.
    let _ = tokio::time::timeout(PATIENCE, console.quiet_for(QUIET)).await;
}

pub(super) fn making() -> [Request; 2] {
    [
        Request::Vm(Vm { state: VmState::Paused }),
        Request::CreateSnapshot(SnapshotCreateParams {
            mem_file_path: MEMORY.into(),
            snapshot_path: STATE.into(),
            snapshot_type: SnapshotType::Full,
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
fn open(path: &Path, fits: impl Fn(u64) -> bool) -> io::Result<File> {
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

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt as _};

    use serde_json::json;

    use super::*;
    use crate::net::TapNetwork;

    fn body(request: &Request) -> (String, String, serde_json::Value) {
        (request.method().to_string(), request.path(), serde_json::to_value(request).unwrap())
    }

    #[test]
    fn a_machine_is_paused_and_written_to_names_in_its_own_place() {
        let [pause, create] = making();
        assert_eq!(body(&pause), ("PATCH".into(), "/vm".into(), json!({ "state": "Paused" })));
        let files = json!({ "mem_file_path": "memory", "snapshot_path": "state", "snapshot_type": "Full" });
        assert_eq!(body(&create), ("PUT".into(), "/snapshot/create".into(), files));
    }

    #[test]
    fn a_clone_is_loaded_with_a_private_mapping_and_its_own_network_device_and_goes_on_when_told() {
        let files = SnapshotFiles { memory: "/s/memory".into(), state: "/s/state".into() };
        let memory = json!({ "backend_type": "File", "backend_path": "/s/memory" });
        let mut expected = json!({ "snapshot_path": "/s/state", "mem_backend": memory, "resume_vm": false });
        let load = |network| body(&loading(&files, &network).unwrap());
        assert_eq!(load(Network::None), ("PUT".into(), "/snapshot/load".into(), expected.clone()));
        expected["network_overrides"] = json!([{ "iface_id": "eth0", "host_dev_name": "fc-vm-3f2a51c4" }]);
        assert_eq!(load(Network::Tap(TapNetwork::example())).2, expected);
        assert_eq!(body(&resuming()), ("PATCH".into(), "/vm".into(), json!({ "state": "Resumed" })));
    }

    /// Of a machine with a megabyte.
    fn written(place: &Path) {
        let mut memory = vec![0; 1 << 20];
        memory[700_000] = 7;
        fs::write(place.join(MEMORY), memory).unwrap();
        fs::write(place.join(STATE), "registers").unwrap();
    }

    #[test]
    fn what_is_brought_out_has_holes_and_stays_out_of_others_sight_unless_they_are_jailed() {
        for (readers, mode) in [(Readers::Owner, 0o600), (Readers::Jailed, 0o444)] {
            let (place, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            written(place.path());
            let [memory, state] = ["m", "s"].map(|name| shelf.path().join(name));
            let files = SnapshotFiles { memory, state };
            bring_out(place.path(), 1, &files, readers).unwrap();
            let metadata = files.memory.metadata().unwrap();
            assert_eq!((metadata.len(), metadata.blocks() * 512), (1 << 20, 4096));
            assert_eq!(fs::read(&files.memory).unwrap()[700_000], 7);
            assert_eq!(fs::read(&files.state).unwrap(), b"registers");
            for file in [&files.memory, &files.state] {
                assert_eq!(file.metadata().unwrap().mode() & 0o777, mode, "{readers:?}");
            }
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left there");
        }
    }

    #[test]
    fn what_is_no_snapshot_of_the_machine_is_not_brought_out() {
        let refused = |change: fn(&Path)| {
            let (place, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            written(place.path());
            change(place.path());
            let [memory, state] = ["m", "s"].map(|name| shelf.path().join(name));
            bring_out(place.path(), 1, &SnapshotFiles { memory, state }, Readers::Owner).unwrap_err()
        };
        let short = refused(|place| fs::write(place.join(MEMORY), "short").unwrap());
        assert!(crate::failure::causes(&short).contains("5 bytes"), "{short}");
        refused(|place| {
            remove_file(place.join(STATE)).unwrap();
            std::os::unix::fs::symlink("/etc/hostname", place.join(STATE)).unwrap();
        });
        refused(|place| {
            remove_file(place.join(MEMORY)).unwrap();
            nix::unistd::mkfifo(&place.join(MEMORY), nix::sys::stat::Mode::S_IRWXU).unwrap();
        });
        refused(|place| fs::write(place.join(STATE), "").unwrap());
    }
}
