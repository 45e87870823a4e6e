use std::collections::BTreeMap;

use anteroom_protocol::{VmId, desk::Directions};
use serde_json::Value;

use super::{
    super::{
        body::{NetworkInterface, RateLimiter, SnapshotType},
        suspend,
    },
    *,
};
use crate::{
    net::{TapNetwork, UserNetwork},
    vmm::{BootFiles, SnapshotFiles},
};

/// Fields of the definitions in `firecracker.yaml` of v1.13.2: those that are required, and the others.
const DEFINITIONS: [(&str, &[&str], &[&str]); 11] = [
    (
        "/machine-config",
        &["mem_size_mib", "vcpu_count"],
        &["cpu_template", "smt", "track_dirty_pages", "huge_pages"],
    ),
    ("/boot-source", &["kernel_image_path"], &["boot_args", "initrd_path"]),
    (
        "/drives/",
        &["drive_id", "is_root_device"],
        &["partuuid", "cache_type", "is_read_only", "path_on_host", "rate_limiter", "io_engine", "socket"],
    ),
    (
        "/network-interfaces/",
        &["host_dev_name", "iface_id"],
        &["guest_mac", "rx_rate_limiter", "tx_rate_limiter"],
    ),
    ("/vsock", &["guest_cid", "uds_path"], &["vsock_id"]),
    ("/entropy", &[], &["rate_limiter"]),
    ("/balloon", &["amount_mib", "deflate_on_oom"], &["stats_polling_interval_s"]),
    ("/actions", &["action_type"], &[]),
    ("/vm", &["state"], &[]),
    ("/snapshot/create", &["mem_file_path", "snapshot_path"], &["snapshot_type"]),
    (
        "/snapshot/load",
        &["snapshot_path"],
        &[
            "enable_diff_snapshots",
            "track_dirty_pages",
            "mem_file_path",
            "mem_backend",
            "resume_vm",
            "network_overrides",
        ],
    ),
];
const RATE: Rate = Rate { bytes: Some(1_000_000), operations: Some(100) };
const RATES: Rates = Rates { disk: RATE, network: Rate { bytes: Some(2_000_000), operations: None } };
const RATE_LIMITER: &[&str] = &["bandwidth", "ops"];
const TOKEN_BUCKET: (&[&str], &[&str]) = (&["refill_time", "size"], &["one_time_burst"]);

fn spec() -> VmSpec {
    VmSpec {
        id: VmId::random(),
        vcpus: 2,
        memory_mib: 1024,
        boot: BootFiles {
            kernel: "/k/vmlinux".into(),
            initrd: Some("/k/initrd".into()),
            agent: Some("/i/agent.erofs".into()),
        },
        layers: vec!["/i/a.erofs".into(), "/i/b.erofs".into()],
        disk: Some("/v/disk".into()),
        network: Network::None,
        clipboard: Directions::BOTH,
        directory: "/v".into(),
        golden: false,
    }
}

fn bodies(requests: &[Request]) -> BTreeMap<String, Value> {
    requests.iter().map(|request| (request.path(), serde_json::to_value(request).unwrap())).collect()
}

#[test]
fn every_body_has_the_fields_of_its_definition_and_no_other() {
    let limiter = RateLimiter::of(RATE);
    let mut all = requests(&spec(), Transport::Pci, RATES).unwrap();
    all.push(Request::NetworkInterface(NetworkInterface {
        iface_id: DeviceId::new("eth0").unwrap(),
        host_dev_name: "fc-vm-1".into(),
        guest_mac: "06:00:00:00:00:01".into(),
        rx_rate_limiter: limiter,
        tx_rate_limiter: limiter,
    }));
    all.extend(suspend::making(suspend::files(), SnapshotType::Full));
    let files = SnapshotFiles { memory: "/s/memory".into(), state: "/s/state".into() };
    all.push(suspend::loading(&files, &Network::Tap(TapNetwork::example())).unwrap());
    let bodies = bodies(&all);
    let load = &bodies["/snapshot/load"];
    check("MemoryBackend", &load["mem_backend"], &["backend_type", "backend_path"], &[]);
    check("NetworkOverride", &load["network_overrides"][0], &["iface_id", "host_dev_name"], &[]);
    for (prefix, required, optional) in DEFINITIONS {
        let of_this = bodies.iter().filter(|(path, _)| path.starts_with(prefix));
        assert!(of_this.clone().count() > 0, "nothing is sent to {prefix}");
        for (path, body) in of_this {
            check(path, body, required, optional);
            for limiter in ["rate_limiter", "rx_rate_limiter", "tx_rate_limiter"].map(|name| &body[name]) {
                let Some(limiter) = limiter.as_object() else { continue };
                for (name, bucket) in limiter {
                    assert!(RATE_LIMITER.contains(&name.as_str()), "{path}: {name}");
                    check(path, bucket, TOKEN_BUCKET.0, TOKEN_BUCKET.1);
                }
            }
        }
    }
}

fn check(path: &str, body: &Value, required: &[&str], optional: &[&str]) {
    let body = body.as_object().unwrap();
    let known = |name: &&String| required.contains(&name.as_str()) || optional.contains(&name.as_str());
    assert!(body.keys().all(|name| known(&name)), "{path}: {body:?}");
    assert!(required.iter().all(|name| body.contains_key(*name)), "{path}: {body:?}");
}

#[test]
fn a_guest_on_the_hosts_network_gets_its_device_and_its_address() {
    let tap = TapNetwork::example();
    let spec = VmSpec { network: Network::Tap(tap.clone()), ..spec() };
    let bodies = bodies(&requests(&spec, Transport::Pci, RATES).unwrap());
    let interface = &bodies["/network-interfaces/eth0"];
    for limiter in ["rx_rate_limiter", "tx_rate_limiter"].map(|name| &interface[name]) {
        assert_eq!(limiter["bandwidth"]["size"], 2_000_000);
        assert!(limiter["ops"].is_null());
    }
    assert_eq!(interface["host_dev_name"], "fc-vm-3f2a51c4");
    assert_eq!(interface["guest_mac"], tap.mac.to_string());
    let line = bodies["/boot-source"]["boot_args"].as_str().unwrap();
    assert!(line.contains("ip=192.168.100.2::192.168.100.1:255.255.255.0::eth0:off:"), "{line}");
}

#[test]
fn the_start_comes_last_and_drives_come_in_the_order_of_their_names() {
    let requests = requests(&spec(), Transport::Pci, RATES).unwrap();
    assert_eq!(requests.last().unwrap().path(), "/actions");
    let drives: Vec<_> = requests
        .iter()
        .filter_map(|request| match request {
            Request::Drive(drive) => Some((drive.path_on_host.to_str().unwrap(), drive.is_read_only)),
            _ => None,
        })
        .collect();
    assert_eq!(
        drives,
        [("/i/agent.erofs", true), ("/i/a.erofs", true), ("/i/b.erofs", true), ("/v/disk", false)]
    );
    let boot = &bodies(&requests)["/boot-source"];
    let line = boot["boot_args"].as_str().unwrap();
    assert!(line.contains(" root=/dev/vda "), "{line}");
    assert!(line.contains("anteroom.layers=/dev/vdb,/dev/vdc anteroom.disk=/dev/vdd"), "{line}");
    assert!(line.contains("reboot=k") && !line.contains("pci=off"), "{line}");
}

#[test]
fn without_pci_the_kernel_is_told_not_to_look_for_it() {
    let requests = requests(&spec(), Transport::Mmio, Rates::default()).unwrap();
    let boot = &bodies(&requests)["/boot-source"];
    assert!(boot["boot_args"].as_str().unwrap().contains("pci=off"));
}

#[test]
fn what_firecracker_would_take_and_no_guest_survives_is_refused_before() {
    let refused = |change: fn(&mut VmSpec)| {
        let mut spec = spec();
        change(&mut spec);
        requests(&spec, Transport::Pci, Rates::default()).unwrap_err().to_string()
    };
    assert!(refused(|spec| spec.memory_mib = MAX_MEMORY_MIB + 1).contains("MiB of memory"));
    assert!(refused(|spec| spec.vcpus = 3).contains("even number of processors"));
    assert!(refused(|spec| spec.vcpus = 0).contains("processors"));
    assert!(refused(|spec| spec.network = Network::User(UserNetwork::default())).contains("user-mode"));
}

#[test]
fn no_file_is_two_drives() {
    assert!(no_drive_twice(&spec()).is_ok());
    let twice = VmSpec { disk: Some("/i/a.erofs".into()), ..spec() };
    assert!(no_drive_twice(&twice).unwrap_err().to_string().contains("twice"));
}

#[test]
fn a_device_has_a_name_of_letters_digits_and_underscores() {
    assert!(DeviceId::new("drive_0").is_ok());
    for wrong in ["", "drive-0", "a/b", "ä"] {
        assert!(DeviceId::new(wrong).is_err(), "{wrong}");
    }
}
