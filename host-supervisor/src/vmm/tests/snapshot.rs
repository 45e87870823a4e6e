//! What a VMM promises of snapshots and of hibernation, where a guest of a few instructions can be snapshotted: QEMU's has to give a device back
//! first, which takes a real one.

use std::{
    fs,
    io::{Read as _, Write as _, pipe},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use anteroom_protocol::VmId;

use super::{
    Bench, BootFiles, GREETING, Guest, Jailed, LaunchError, ProcessId, SnapshotError, SnapshotFiles,
    Transport, Vm, VmSpec, greets, mappings, within,
};

/// Of a guest that spells, and the letter that it was at.
struct Golden {
    bench: Bench,
    shelf: tempfile::TempDir,
    letter: char,
}

impl Golden {
    async fn make(bench: Bench) -> Self {
        let (shelf, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let spec = VmSpec { golden: true, ..machine(&bench, shelf.path(), scratch.path()) };
        let mut vm = bench.vmm.launch(&spec).await.unwrap();
        greets(vm.as_ref()).await;
        let golden = Self { bench, shelf, letter: '?' };
        within(60, vm.snapshot(&golden.files())).await.unwrap();
        let again = vm.snapshot(&golden.files()).await;
        assert!(
            matches!(again, Err(SnapshotError::Unsupported)),
            "it is good for nothing any more: {again:?}"
        );
        within(10, vm.kill()).await;
        within(10, vm.console().ended()).await;
        let letter = vm.console().tail().iter().rev().find_map(|line| letter(line)).unwrap();
        golden.bench.vmm.clear(spec.id).await;
        Self { letter, ..golden }
    }

    fn files(&self) -> SnapshotFiles {
        let file = |name| self.shelf.path().join(name);
        SnapshotFiles { memory: file("memory"), state: file("state") }
    }

    fn machine(&self, directory: &Path) -> VmSpec {
        machine(&self.bench, self.shelf.path(), directory)
    }

    async fn restore(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        let begin = Instant::now();
        let restored = within(30, self.bench.vmm.restore(spec, &self.files())).await;
        eprintln!("{} after {:?}", if restored.is_ok() { "restored" } else { "given up" }, begin.elapsed());
        restored
    }

    fn next_letter(&self) -> char {
        if self.letter == 'Z' { 'A' } else { char::from(self.letter as u8 + 1) }
    }
}

/// With the agent's disk and a layer that all share, and a disk of its own.
fn machine(bench: &Bench, shelf: &Path, directory: &Path) -> VmSpec {
    let (agent, layer, disk) = (shelf.join("agent"), shelf.join("layer"), directory.join("own.img"));
    for shared in [&agent, &layer] {
        fs::write(shared, [7; 4096]).unwrap();
    }
    fs::write(&disk, [0; 8192]).unwrap();
    let spec = bench.spec(VmId::random(), directory, Guest::Spells);
    let boot = BootFiles { agent: Some(agent), ..spec.boot };
    VmSpec { boot, layers: vec![layer], disk: Some(disk), ..spec }
}

fn letter(line: &str) -> Option<char> {
    let mut letters = line.trim().chars();
    letters.next().filter(|letter| letter.is_ascii_uppercase() && letters.next().is_none())
}

/// Whether a process has this file open.
fn has_open(pid: i32, file: &Path) -> bool {
    let of = |path: PathBuf| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    let wanted = of(file.to_owned()).unwrap();
    let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    files.flatten().any(|entry| of(entry.path()) == Some(wanted))
}

async fn clones_go_on_where_the_first_machine_stood_each_with_a_disk_and_a_socket_of_its_own(bench: Bench) {
    let golden = Golden::make(bench).await;
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // Of a VM that was killed there.
    fs::write(places[1].path().join("v.sock"), "").unwrap();
    let mut clones = Vec::new();
    for place in &places {
        clones.push(golden.restore(&golden.machine(place.path())).await.unwrap());
    }
    for ((clone, place), other) in clones.iter().zip(&places).zip(places.iter().rev()) {
        let console = clone.console();
        within(30, console.wait_for(|line| letter(line).is_some())).await.unwrap();
        let said = fs::read_to_string(place.path().join("console.log")).unwrap();
        assert_eq!(said.lines().find_map(letter), Some(golden.next_letter()), "{said}");
        assert!(!said.contains(GREETING), "it has not begun anew");
        let pid = clone.processes()[0].pid;
        assert!(has_open(pid, &place.path().join("own.img")), "its own disk");
        assert!(!has_open(pid, &other.path().join("own.img")), "another's disk");
        assert!(has_open(pid, &golden.shelf.path().join("layer")));
        let address = golden.bench.vmm.agent_address(place.path());
        assert!(place.path().join(address.socket).exists());
        let memory = mappings(pid, "/memory");
        assert!(!memory.is_empty() && memory.iter().all(|mapping| mapping.contains(" rw-p ")), "{memory:?}");
    }
    for mut clone in clones {
        within(10, clone.kill()).await;
    }
}

async fn what_cannot_be_restored_is_a_clear_error_and_its_directory_is_good_for_a_boot(bench: Bench) {
    type Damage = fn(&Golden, &mut VmSpec);
    let golden = Golden::make(bench).await;
    let damages: [(&str, Damage); 4] = [
        // What Firecracker answers by a panic, where there is PCI.
        ("snapshot cannot be restored", |_, spec| spec.layers.clear()),
        ("snapshot cannot be restored", |golden, _| {
            fs::OpenOptions::new().write(true).open(golden.files().memory).unwrap().set_len(1 << 20).unwrap();
        }),
        ("snapshot cannot be restored", |golden, _| fs::write(golden.files().state, "nonsense").unwrap()),
        ("the snapshot's state", |golden, _| fs::remove_file(golden.files().state).unwrap()),
    ];
    for (expected, damage) in damages {
        let place = tempfile::tempdir().unwrap();
        let mut spec = golden.machine(place.path());
        damage(&golden, &mut spec);
        let error = golden.restore(&spec).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        golden.bench.vmm.clear(spec.id).await;
        assert!(ProcessId::unrecorded(spec.id, place.path()).is_empty(), "something is left running");
        let mut vm = golden.bench.vmm.launch(&spec).await.unwrap();
        greets(vm.as_ref()).await;
        within(10, vm.kill()).await;
    }
}

/// What the guest has spelled so far, in however many processes.
fn spelled(directory: &Path) -> String {
    fs::read_to_string(directory.join("console.log")).unwrap().lines().filter_map(letter).collect()
}

async fn spells_on(vm: &dyn Vm, directory: &Path) {
    let before = spelled(directory).len();
    let more = async {
        while spelled(directory).len() < before + 2 {
            vm.console().wait_for(|line| letter(line).is_some()).await;
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    within(30, more).await;
}

async fn a_machine_goes_to_the_disk_through_a_pipe_and_goes_on_where_it_stood(bench: Bench) {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED a_machine_goes_to_the_disk: this is not root");
    }
    let (shelf, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spec = machine(&bench, shelf.path(), place.path());
    assert!(bench.vmm.capabilities().hibernation);
    let mut vm = bench.vmm.launch(&spec).await.unwrap();
    greets(vm.as_ref()).await;
    spells_on(vm.as_ref(), place.path()).await;
    let (nobody, into) = pipe().unwrap();
    drop(nobody);
    let broken = within(60, vm.hibernate(into.into())).await.unwrap_err();
    assert!(broken.to_string().contains("pipe"), "{broken}");
    within(10, vm.go_on()).await.unwrap();
    spells_on(vm.as_ref(), place.path()).await;

    let (mut from, into) = pipe().unwrap();
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map(|_| bytes)
    });
    within(60, vm.hibernate(into.into())).await.unwrap();
    let bytes = reading.join().unwrap().unwrap();
    eprintln!("{} KiB of {} MiB", bytes.len() >> 10, spec.memory_mib);
    assert!(bytes.windows(GREETING.len()).any(|window| window == GREETING.as_bytes()), "its memory");
    let seen =
        std::process::Command::new("find").arg(place.path()).args(["-path", "*/hibernation/*"]).output();
    assert_eq!(String::from_utf8(seen.unwrap().stdout).unwrap(), "", "nothing of it lies in its directory");
    within(10, vm.kill()).await;
    within(10, vm.console().ended()).await;
    drop(vm);
    bench.vmm.clear(spec.id).await;
    let before = spelled(place.path());

    let wake = async |bytes: Vec<u8>| {
        let (from, mut into) = pipe().unwrap();
        // An error means that nobody wants the rest.
        let writing = thread::spawn(move || drop(into.write_all(&bytes)));
        let woken = within(60, bench.vmm.wake(&spec, from.into())).await;
        writing.join().unwrap();
        woken
    };
    let half = wake(bytes[..bytes.len() / 2].to_vec()).await.unwrap_err();
    assert!(matches!(half, LaunchError::Snapshot(_)), "{half}");
    assert!(ProcessId::unrecorded(spec.id, place.path()).is_empty(), "something is left running");
    bench.vmm.clear(spec.id).await;
    let mut vm = wake(bytes).await.unwrap();
    assert_eq!(spelled(place.path()), before, "it stands still");
    within(10, vm.go_on()).await.unwrap();
    spells_on(vm.as_ref(), place.path()).await;
    // All of it, this time: what is not resident may be in what it was woken with.
    let (mut from, into) = pipe().unwrap();
    let reading = thread::spawn(move || std::io::copy(&mut from, &mut std::io::sink()));
    within(60, vm.hibernate(into.into())).await.unwrap();
    assert!(reading.join().unwrap().unwrap() > 0);
    within(10, vm.go_on()).await.unwrap();
    spells_on(vm.as_ref(), place.path()).await;
    let all = spelled(place.path());
    let follows = |pair: &[u8]| pair[1] == if pair[0] == b'Z' { b'A' } else { pair[0] + 1 };
    assert!(all.as_bytes().windows(2).all(follows), "{before} and then {all}");
    within(10, vm.kill()).await;
}

macro_rules! on_firecracker {
    ($($module:ident, $transport:expr, $jailed:expr);*) => {
        $(mod $module {
            on_firecracker! { @$module, $transport, $jailed,
                clones_go_on_where_the_first_machine_stood_each_with_a_disk_and_a_socket_of_its_own
                what_cannot_be_restored_is_a_clear_error_and_its_directory_is_good_for_a_boot
                a_machine_goes_to_the_disk_through_a_pipe_and_goes_on_where_it_stood }
        })*
    };
    (@$module:ident, $transport:expr, $jailed:expr, $($check:ident)*) => {
        $(#[tokio::test] async fn $check() {
            match super::Bench::firecracker($transport, $jailed).await {
                Some(bench) => super::$check(bench).await,
                None => super::super::skipped(stringify!($module::$check)),
            }
        })*
    };
}

on_firecracker! {
    on_firecracker, super::Transport::Pci, super::Jailed::No;
    on_firecracker_without_pci, super::Transport::Mmio, super::Jailed::No;
    on_jailed_firecracker, super::Transport::Pci, super::Jailed::Yes
}
