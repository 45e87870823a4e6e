use std::{fs, os::unix::fs::MetadataExt as _};

use serde_json::json;

use super::*;
use crate::net::TapNetwork;

fn body(request: &Request) -> (String, String, serde_json::Value) {
    (request.method().to_string(), request.path(), serde_json::to_value(request).unwrap())
}

#[test]
fn a_machine_is_paused_and_written_to_names_in_its_own_place() {
    let [pause, create] = making(files(), SnapshotType::Full);
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
