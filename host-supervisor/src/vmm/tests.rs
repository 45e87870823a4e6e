//! What every VMM promises, checked on each of them with real processes.

mod snapshot;
mod tiny_elf;
mod tiny_kernel;

use std::{path::Path, sync::Arc, time::Duration};

use anteroom_protocol::{VmId, desk::Directions};

use super::{
    BootFiles, LaunchError, ProcessId, Rate, SnapshotError, SnapshotFiles, Survivor, Vm, VmSpec, Vmm,
    fake::FakeVmm,
    firecracker::{Firecracker, FirecrackerSettings, JailerChoice, Rates, Transport},
    qemu::{Qemu, QemuSettings, Wanted},
};
use crate::net::{Network, UserNetwork};

/// What a guest does after it has said [`GREETING`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guest {
    Lives,
    /// Says one letter after another, one a line; of Firecracker's guests.
    Spells,
    /// Ends by itself, in order.
    Ends,
    /// Is nothing that the VMM could run; it says nothing.
    Broken,
}

const GREETING: &str = "the guest is here";

/// A VMM, and what it takes for a kernel.
struct Bench {
    vmm: Arc<dyn Vmm>,
    kernel: fn(Guest) -> Vec<u8>,
    network: Network,
    program: &'static str,
}

impl Bench {
    fn fake() -> Self {
        let kernel = |guest| match guest {
            Guest::Lives | Guest::Spells => format!("echo {GREETING}; exec sleep 600\n").into(),
            Guest::Ends => format!("echo {GREETING}\n").into(),
            Guest::Broken => b"echo 'no such machine' >&2; exit 1\n".into(),
        };
        Self { vmm: Arc::new(FakeVmm::default()), kernel, network: Network::None, program: "sh" }
    }

    async fn qemu() -> Self {
        let settings = QemuSettings { wanted: Wanted::Tcg, ..QemuSettings::new(cache()) };
        let qemu =
            Qemu::open(settings).await.expect("QEMU and vhost-device-vsock: run `anteroom doctor --fix`");
        let kernel = |guest| match guest {
            Guest::Lives | Guest::Spells => tiny_kernel::image(GREETING, tiny_kernel::Then::Halt),
            Guest::Ends => tiny_kernel::image(GREETING, tiny_kernel::Then::Reset),
            Guest::Broken => b"no kernel at all".into(),
        };
        let network = Network::User(UserNetwork::default());
        Self { vmm: Arc::new(qemu), kernel, network, program: "qemu-system-x86_64" }
    }

    /// The one that `FIRECRACKER` names, on a machine with KVM; in the jail of the one that `JAILER` names.
    async fn firecracker(transport: Transport, jail: Jailed) -> Option<Self> {
        let program = std::env::var("FIRECRACKER").ok()?;
        let jailer = match jail {
            Jailed::No => JailerChoice::Never,
            Jailed::Yes => JailerChoice::Program(std::env::var("JAILER").ok()?),
        };
        let (rates, host_disk) = (Rates::default(), Rate::default());
        let settings = FirecrackerSettings { program, transport, jailer, rates, host_disk };
        let firecracker = Firecracker::open(settings).await.unwrap();
        let kernel = |guest| match guest {
            Guest::Lives => tiny_elf::image(GREETING, tiny_elf::HALT),
            Guest::Spells => tiny_elf::image(GREETING, tiny_elf::SPELL),
            Guest::Ends => tiny_elf::image(GREETING, tiny_elf::RESET),
            Guest::Broken => b"no kernel at all".into(),
        };
        Some(Self { vmm: Arc::new(firecracker), kernel, network: Network::None, program: "firecracker" })
    }

    async fn launch(&self, guest: Guest) -> Scene {
        let scratch = tempfile::tempdir().unwrap();
        let vm = self.launch_in(scratch.path(), guest).await;
        Scene { scratch, vm }
    }

    async fn launch_in(&self, directory: &Path, guest: Guest) -> Box<dyn Vm> {
        self.try_launch_in(directory, guest).await.unwrap()
    }

    async fn try_launch_in(&self, directory: &Path, guest: Guest) -> Result<Box<dyn Vm>, LaunchError> {
        self.try_launch_as(VmId::random(), directory, guest).await
    }

    async fn try_launch_as(
        &self,
        id: VmId,
        directory: &Path,
        guest: Guest,
    ) -> Result<Box<dyn Vm>, LaunchError> {
        self.vmm.launch(&self.spec(id, directory, guest)).await
    }

    fn spec(&self, id: VmId, directory: &Path, guest: Guest) -> VmSpec {
        let kernel = directory.join("kernel");
        std::fs::write(&kernel, (self.kernel)(guest)).unwrap();
        VmSpec {
            id,
            vcpus: 1,
            memory_mib: 64,
            boot: BootFiles { kernel, initrd: None, agent: None },
            layers: Vec::new(),
            disk: None,
            network: self.network.clone(),
            clipboard: Directions::BOTH,
            directory: directory.to_owned(),
            golden: false,
        }
    }
}

struct Scene {
    scratch: tempfile::TempDir,
    vm: Box<dyn Vm>,
}

/// Where `anteroom doctor --fix` puts tools.
fn cache() -> std::path::PathBuf {
    let set = |name| std::env::var_os(name).map(std::path::PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_default().join("anteroom")
}

async fn within<T>(seconds: u64, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), what).await.expect("it takes too long")
}

async fn greets(vm: &dyn Vm) {
    let console = vm.console();
    let said = within(30, console.wait_for(|line| line.contains(GREETING))).await;
    assert!(said.is_some(), "{:?}", console.tail());
}

async fn a_killed_vm_leaves_no_process(bench: Bench) {
    let Scene { mut vm, scratch: _scratch } = bench.launch(Guest::Lives).await;
    greets(vm.as_ref()).await;
    let processes = vm.processes();
    assert!(!processes.is_empty() && processes.iter().all(ProcessId::is_alive));
    let exit = within(10, vm.kill()).await;
    assert_eq!((exit.code, exit.by_guest), (Some(128 + 9), false));
    assert!(!processes.iter().any(ProcessId::is_alive));
    assert_eq!(within(10, vm.kill()).await, exit, "a second end is the first one");
    assert_eq!(within(10, vm.wait()).await, exit);
}

async fn waiting_can_be_given_up_and_taken_up_again(bench: Bench) {
    let Scene { mut vm, scratch: _scratch } = bench.launch(Guest::Lives).await;
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(20), vm.wait()).await.is_err());
    }
    within(10, vm.kill()).await;
}

async fn a_guest_that_ends_by_itself_is_told_apart_and_its_words_stay(bench: Bench) {
    let Scene { mut vm, scratch } = bench.launch(Guest::Ends).await;
    let exit = within(30, vm.wait()).await;
    assert!(exit.by_guest && exit.code == Some(0), "{exit:?}");
    within(10, vm.console().ended()).await;
    assert!(vm.console().tail().iter().any(|line| line.contains(GREETING)));
    let log = std::fs::read_to_string(scratch.path().join("console.log")).unwrap();
    assert!(log.contains(GREETING));
}

/// At once, or as soon as it has tried.
async fn a_vmm_that_cannot_run_its_guest_says_why(bench: Bench) {
    let scratch = tempfile::tempdir().unwrap();
    let (program, said) = match bench.try_launch_in(scratch.path(), Guest::Broken).await {
        Ok(mut vm) => {
            let exit = within(30, vm.wait()).await;
            assert_eq!((exit.code, exit.by_guest), (Some(1), false));
            (exit.program, exit.stderr.join("\n"))
        }
        Err(LaunchError::Died { exit, .. }) => (exit.program, exit.stderr.join("\n")),
        Err(LaunchError::Refused { program, words }) => (program, words),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(program, bench.program);
    assert!(!said.is_empty());
    assert!(ProcessId::unrecorded(VmId::random(), scratch.path()).is_empty(), "its helpers are gone as well");
}

async fn a_dropped_vm_is_ended(bench: Bench) {
    let Scene { vm, scratch: _scratch } = bench.launch(Guest::Lives).await;
    let processes = vm.processes();
    drop(vm);
    let gone = async {
        while processes.iter().any(ProcessId::is_alive) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(10, gone).await;
}

async fn a_process_of_it_that_dies_ends_all_of_it(bench: Bench) {
    for victim in 0..bench.launch(Guest::Lives).await.vm.processes().len() {
        let Scene { mut vm, scratch: _scratch } = bench.launch(Guest::Lives).await;
        greets(vm.as_ref()).await;
        let processes = vm.processes();
        processes[victim].kill();
        let exit = within(10, vm.wait()).await;
        assert!(!exit.by_guest && exit.code == Some(128 + 9), "{exit:?}");
        assert!(!processes.iter().any(ProcessId::is_alive));
    }
}

async fn a_directory_in_which_a_vm_was_killed_can_be_used_again(bench: Bench) {
    let scratch = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut vm = bench.launch_in(scratch.path(), Guest::Lives).await;
        greets(vm.as_ref()).await;
        let address = bench.vmm.agent_address(scratch.path());
        assert_eq!(address.directory, scratch.path());
        assert!(scratch.path().join(&address.socket).exists());
        within(10, vm.kill()).await;
    }
}

async fn a_vm_that_was_not_launched_for_it_gives_no_snapshot(bench: Bench) {
    let Scene { mut vm, scratch } = bench.launch(Guest::Lives).await;
    greets(vm.as_ref()).await;
    let [memory, state] = ["memory", "state"].map(|name| scratch.path().join("snapshot").join(name));
    let refused = within(10, vm.snapshot(&SnapshotFiles { memory, state })).await;
    assert!(matches!(refused, Err(SnapshotError::Unsupported)), "{refused:?}");
    assert!(vm.processes().iter().all(ProcessId::is_alive), "it lives on");
    within(10, vm.kill()).await;
}

/// As if the daemon that had launched it were gone: its tasks end, and nothing ends the guest.
fn orphaned(bench: Bench, directory: &Path) -> (Bench, Survivor) {
    std::thread::scope(|scope| {
        let launched = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let survivor = runtime.block_on(async {
                let id = VmId::random();
                let vm = bench.try_launch_as(id, directory, Guest::Lives).await.unwrap();
                greets(vm.as_ref()).await;
                let processes = vm.processes();
                std::mem::forget(vm);
                Survivor { id, directory: directory.to_owned(), processes }
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
            (bench, survivor)
        });
        launched.join().unwrap()
    })
}

async fn a_vm_whose_daemon_is_gone_is_adopted_with_all_it_has_said(bench: Bench) {
    let scratch = tempfile::tempdir().unwrap();
    let (bench, survivor) = orphaned(bench, scratch.path());
    let processes = survivor.processes.clone();
    let mut vm = bench.vmm.adopt(&survivor).await.unwrap();
    assert_eq!(vm.processes(), processes);
    assert!(processes.iter().all(ProcessId::is_alive));
    greets(vm.as_ref()).await;
    assert!(tokio::time::timeout(Duration::from_millis(20), vm.wait()).await.is_err());
    let exit = within(10, vm.kill()).await;
    assert_eq!((exit.code, exit.by_guest), (Some(128 + 9), false));
    assert!(!processes.iter().any(ProcessId::is_alive));
    let gone = bench.vmm.adopt(&survivor).await;
    assert!(gone.is_err(), "there is nothing to adopt any more");
}

/// The lines of each mapping of a process, proc_pid_smaps(5), that mention this name.
fn mappings(pid: i32, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let starts_mapping = |line: &str| line.split_once(' ').is_some_and(|(range, _)| range.contains('-'));
    let mut mappings: Vec<String> = Vec::new();
    for line in text.lines() {
        match mappings.last_mut() {
            Some(mapping) if !starts_mapping(line) => *mapping += &format!("\n{line}"),
            _ => mappings.push(line.to_owned()),
        }
    }
    mappings.retain(|mapping| mapping.lines().next().is_some_and(|line| line.contains(name)));
    mappings
}

#[tokio::test]
async fn what_a_guest_knows_is_in_no_core_of_qemu() {
    let Scene { mut vm, scratch: _scratch } = Bench::qemu().await.launch(Guest::Lives).await;
    greets(vm.as_ref()).await;
    let name_of = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    let qemu = vm.processes().into_iter().find(|process| name_of(process.pid).starts_with("qemu")).unwrap();
    let memory = mappings(qemu.pid, "memfd:guest-memory");
    // "dd": MADV_DONTDUMP of madvise(2).
    let left_out =
        |mapping: &String| mapping.lines().last().unwrap().split_whitespace().any(|flag| flag == "dd");
    assert!(!memory.is_empty() && memory.iter().all(left_out), "{memory:#?}");
    within(10, vm.kill()).await;
}

/// What proc(5) tells of a process: a field of its status.
fn status(pid: i32, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    found.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_jailed_firecracker_is_nobody_in_a_root_of_its_own_and_has_little_to_call() {
    let Some(bench) = Bench::firecracker(Transport::Pci, Jailed::Yes).await else {
        return skipped("a_jailed_firecracker_is_nobody");
    };
    let Scene { mut vm, scratch } = bench.launch(Guest::Lives).await;
    let Scene { vm: mut other, scratch: _other } = bench.launch(Guest::Lives).await;
    greets(vm.as_ref()).await;
    let [pid, other_pid] = [&vm, &other].map(|vm| vm.processes()[0].pid);
    let uid: u32 = status(pid, "Uid").split(' ').next().unwrap().parse().unwrap();
    assert!(uid > 100_000, "{uid}");
    for (field, value) in
        [("Uid", format!("{uid} {uid} {uid} {uid}")), ("Gid", format!("{uid} {uid} {uid} {uid}"))]
    {
        assert_eq!(status(pid, field), value);
        assert_ne!(status(other_pid, field), value, "two VMs have the same {field}");
    }
    assert_eq!(status(pid, "Groups"), "");
    for capabilities in ["CapEff", "CapPrm", "CapInh"] {
        assert_eq!(status(pid, capabilities), "0000000000000000", "{capabilities}");
    }
    assert_eq!((status(pid, "Seccomp").as_str(), status(pid, "NoNewPrivs").as_str()), ("2", "1"));
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().collect::<Vec<_>>()[..2], ["256", "256"]);
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap();
    assert_ne!(namespace(&pid.to_string()), namespace("self"));
    let root = std::fs::read_dir(format!("/proc/{pid}/root")).unwrap();
    let seen: Vec<String> = root.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let own = [
        "firecracker",
        "firecracker.log",
        "firecracker.pid",
        "firecracker.sock",
        "hibernation",
        "kernel",
        "v.sock",
    ];
    assert!(
        seen.iter().all(|name| own.contains(&name.as_str()) || ["dev", "run"].contains(&name.as_str())),
        "{seen:?}"
    );
    let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let kernel = mounts.lines().find(|line| line.contains(" /kernel ")).unwrap();
    assert!(kernel.split(' ').nth(5).unwrap().split(',').any(|option| option == "ro"), "{kernel}");
    assert!(
        !std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(scratch.path().to_str().unwrap())
    );
    within(10, vm.kill()).await;
    within(10, other.kill()).await;
}

/// At whatever moment: before its socket is there, while it is told what to start, or just after.
#[tokio::test]
async fn a_firecracker_that_is_killed_while_it_begins_is_told_by_its_signal() {
    for (jailed, after) in
        [(Jailed::No, 0), (Jailed::No, 10), (Jailed::No, 20), (Jailed::Yes, 0), (Jailed::Yes, 20)]
    {
        let Some(bench) = Bench::firecracker(Transport::Pci, jailed).await else {
            return skipped("a_firecracker_that_is_killed_while_it_begins_is_told_by_its_signal");
        };
        let (id, scratch) = (VmId::random(), tempfile::tempdir().unwrap());
        let killed = async {
            let processes = loop {
                match ProcessId::unrecorded(id, scratch.path()) {
                    none if none.is_empty() => tokio::time::sleep(Duration::from_millis(1)).await,
                    processes => break processes,
                }
            };
            tokio::time::sleep(Duration::from_millis(after)).await;
            processes.iter().for_each(ProcessId::kill);
        };
        let (launched, ()) = tokio::join!(bench.try_launch_as(id, scratch.path(), Guest::Lives), killed);
        let exit = match launched {
            Ok(mut vm) => within(10, vm.wait()).await,
            Err(LaunchError::Died { exit, .. }) => exit,
            Err(error) => panic!("after {after} ms: {error}"),
        };
        assert_eq!((exit.code, exit.by_guest), (Some(128 + 9), false), "after {after} ms");
        assert!(exit.how().starts_with("was ended by SIGKILL"), "{}", exit.how());
        bench.vmm.clear(id).await;
    }
}

/// A resource limit of a process, as proc_pid_limits(5) has it.
fn limit(pid: i32, name: &str) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_qemu_that_root_starts_is_nobody_and_so_is_its_vsock_device() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED a_qemu_that_root_starts_is_nobody: this is not root");
    }
    // There has to be something to give up.
    let (ours, more) = (nix::unistd::getgroups().unwrap(), nix::unistd::Gid::from_raw(4711));
    nix::unistd::setgroups(&[more]).unwrap();
    let bench = Bench::qemu().await;
    let (id, scratch) = (VmId::random(), tempfile::tempdir().unwrap());
    let mut vm = bench.try_launch_as(id, scratch.path(), Guest::Lives).await.unwrap();
    let Scene { vm: mut other, scratch: _other } = bench.launch(Guest::Lives).await;
    nix::unistd::setgroups(&ours).unwrap();
    greets(vm.as_ref()).await;
    let [qemu, vsock_device] = vm.processes()[..] else { panic!("{:?}", vm.processes()) };
    let uid: u32 = status(qemu.pid, "Uid").split(' ').next().unwrap().parse().unwrap();
    assert!(super::confine::UIDS.contains(&uid), "{uid}");
    assert_ne!(status(other.processes()[0].pid, "Uid"), status(qemu.pid, "Uid"));
    for pid in [qemu.pid, vsock_device.pid] {
        for field in ["Uid", "Gid"] {
            assert_eq!(status(pid, field), format!("{uid} {uid} {uid} {uid}"), "{field}");
        }
        assert_eq!(status(pid, "Groups"), "");
        for capabilities in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status(pid, capabilities), "0000000000000000", "{capabilities}");
        }
        assert_eq!(status(pid, "NoNewPrivs"), "1");
        assert_eq!(limit(pid, "Max open files"), "4096 4096");
        assert_eq!(limit(pid, "Max processes"), "101 101");
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap();
        assert_ne!(namespace(&pid.to_string()), namespace("self"));
        if super::confine::group::controllers().is_some() {
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            assert!(groups.lines().any(|line| line == format!("0::/anteroom/{id}")), "{groups}");
        }
    }
    assert_eq!(status(qemu.pid, "Seccomp"), "2");
    let mounts = std::fs::read_to_string(format!("/proc/{}/mountinfo", qemu.pid)).unwrap();
    let kernel = mounts.lines().find(|line| line.contains("/run/kernel ")).unwrap();
    assert!(kernel.split(' ').nth(5).unwrap().split(',').any(|option| option == "ro"), "{kernel}");
    let ours = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!ours.contains(scratch.path().to_str().unwrap()), "{ours}");
    let owner = |path: &Path| std::os::unix::fs::MetadataExt::uid(&path.metadata().unwrap());
    assert_eq!((owner(scratch.path()), owner(&scratch.path().join("run"))), (0, uid));
    within(10, vm.kill()).await;
    within(10, other.kill()).await;
    assert!(!super::confine::group::exists(id), "its control group is gone as well");
}

/// Whether Firecracker is in its jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jailed {
    No,
    Yes,
}

fn skipped(test: &str) {
    eprintln!("SKIPPED {test}: FIRECRACKER, or JAILER, names no program");
}

macro_rules! contract {
    ($($check:ident)*) => {
        mod on_a_fake {
            use super::Bench;
            $(#[tokio::test] async fn $check() { super::$check(Bench::fake()).await; })*
        }
        mod on_qemu {
            use super::Bench;
            $(#[tokio::test] async fn $check() { super::$check(Bench::qemu().await).await; })*
        }
        contract! { @on_firecracker, super::Transport::Pci, super::Jailed::No; $($check)* }
        contract! { @on_firecracker_without_pci, super::Transport::Mmio, super::Jailed::No; $($check)* }
        contract! { @on_jailed_firecracker, super::Transport::Pci, super::Jailed::Yes; $($check)* }
    };
    (@$module:ident, $transport:expr, $jailed:expr; $($check:ident)*) => {
        mod $module {
            use super::Bench;
            $(#[tokio::test] async fn $check() {
                match Bench::firecracker($transport, $jailed).await {
                    Some(bench) => super::$check(bench).await,
                    None => super::skipped(stringify!($module::$check)),
                }
            })*
        }
    };
}

contract! {
    a_vm_whose_daemon_is_gone_is_adopted_with_all_it_has_said
    a_killed_vm_leaves_no_process
    waiting_can_be_given_up_and_taken_up_again
    a_guest_that_ends_by_itself_is_told_apart_and_its_words_stay
    a_vmm_that_cannot_run_its_guest_says_why
    a_dropped_vm_is_ended
    a_process_of_it_that_dies_ends_all_of_it
    a_directory_in_which_a_vm_was_killed_can_be_used_again
    a_vm_that_was_not_launched_for_it_gives_no_snapshot
}
