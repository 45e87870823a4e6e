//! What a VMM promises of snapshots, where a guest of a few instructions can be snapshotted: QEMU's has to give a device back
//! first, which takes a real one.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anteroom_protocol::VmId;

use super::{
    Bench, GREETING, Guest, Jailed, LaunchError, ProcessId, SnapshotError, SnapshotFiles, Transport, Vm,
    VmSpec, greets, mappings, within,
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

/// With a layer that all share, and a disk of its own.
fn machine(bench: &Bench, shelf: &Path, directory: &Path) -> VmSpec {
    let (layer, disk) = (shelf.join("layer"), directory.join("own.img"));
    fs::write(&layer, [7; 4096]).unwrap();
    fs::write(&disk, [0; 8192]).unwrap();
    let spec = bench.spec(VmId::random(), directory, Guest::Spells);
    VmSpec { layers: vec![layer], disk: Some(disk), ..spec }
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

macro_rules! on_firecracker {
    ($($module:ident, $transport:expr, $jailed:expr);*) => {
        $(mod $module {
            on_firecracker! { @$module, $transport, $jailed,
                clones_go_on_where_the_first_machine_stood_each_with_a_disk_and_a_socket_of_its_own
                what_cannot_be_restored_is_a_clear_error_and_its_directory_is_good_for_a_boot }
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
