//! Each test plays the daemon in a process of its own: this program once more, told so by a variable.

use std::{
    env,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Output},
};

use anteroom_protocol::{VmId, desk::Directions};
use nix::sys::resource::getrlimit;

use super::*;
use crate::{
    net::Network,
    vmm::{BootFiles, VmSpec, Vmm as _, fake::FakeVmm},
};

const PART: &str = "ANTEROOM_TEST_CORE_FILE_PART";
const THIS: &str = "core_file::tests::a_daemon_and_its_vmm_leave_no_core";

/// Plays one part of this test, in this directory.
fn play(part: &str, directory: &Path) -> Output {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", THIS, "--nocapture"])
        .env(PART, part)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// A daemon with one VM, which then fails an assertion in C, so to speak.
async fn daemon(forbids: bool) {
    let (_, most) = getrlimit(Resource::RLIMIT_CORE).unwrap();
    setrlimit(Resource::RLIMIT_CORE, most, most).unwrap();
    if forbids {
        forbid().unwrap();
    }
    let directory = env::current_dir().unwrap();
    let kernel = directory.join("kernel");
    fs::write(&kernel, "exec sleep 600\n").unwrap();
    let spec = VmSpec {
        id: VmId::random(),
        vcpus: 1,
        memory_mib: 64,
        boot: BootFiles { kernel, initrd: None, agent: None },
        layers: Vec::new(),
        disk: None,
        network: Network::None,
        clipboard: Directions::BOTH,
        directory,
        golden: false,
    };
    let vm = FakeVmm::default().launch(&spec).await.unwrap();
    for pid in vm.processes().iter().map(|process| process.pid.to_string()).chain(["self".to_owned()]) {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        let limits = read("limits");
        let limit = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let limit: Vec<&str> = limit.split_whitespace().skip(4).take(2).collect();
        println!("core of {}: {limit:?}, {}", read("comm").trim(), read("coredump_filter").trim());
    }
    drop(vm);
    std::process::abort();
}

fn cores(directory: &Path) -> usize {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("core")).count()
}

#[tokio::test]
async fn a_daemon_and_its_vmm_leave_no_core() {
    if let Ok(part) = env::var(PART) {
        return daemon(part == "forbids").await;
    }
    let scratch = tempfile::tempdir().unwrap();
    let ended = play("forbids", scratch.path());
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!((ended.status.signal(), ended.status.core_dumped()), (Some(6), false), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("core of ")).collect();
    assert!(
        lines.len() == 2 && lines.iter().all(|line| line.ends_with(r#": ["0", "0"], 00000000"#)),
        "{said}"
    );
    assert_eq!(cores(scratch.path()), 0);
}

/// What the test above is worth; only where the kernel writes core files to where a process runs.
#[tokio::test]
async fn a_daemon_that_may_leaves_one() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let (_, most) = getrlimit(Resource::RLIMIT_CORE).unwrap();
    if !pattern.starts_with("core") || pattern.contains('/') || most < 1 << 30 {
        return eprintln!("SKIPPED: no core file would be written here: {}", pattern.trim());
    }
    let scratch = tempfile::tempdir().unwrap();
    let ended = play("may", scratch.path());
    assert!(ended.status.core_dumped());
    assert_eq!(cores(scratch.path()), 1);
}
