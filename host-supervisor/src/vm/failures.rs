//! The causes of a VM's failure, named: one function for each way a VM can fail, from what was seen to what is said.

use std::time::Duration;

use anteroom_sealed_stream::OpenError;
use serde_json::Value;

use crate::{
    agent::AgentError,
    disk::DiskError,
    failure::{Failure, causes},
    net::HostNetworkError,
    store::{StoreError, VmKind},
    vmm::{
        LaunchError, OutOfMemory, SnapshotError, VmExit,
        console::{Cause, diagnose},
    },
};

/// How much of the console goes into a failure.
const CONSOLE_LINES: usize = 30;

pub(super) fn store(error: &StoreError) -> Failure {
    Failure::new("store", causes(error))
}

pub(super) fn directory(error: &std::io::Error, path: &std::path::Path) -> Failure {
    Failure::new("state_directory", format!("{}: {error}", path.display()))
}

pub(super) fn disk(error: &DiskError) -> Failure {
    Failure::new("disk", format!("the VM's disk cannot be made: {}", causes(error)))
}

pub(super) fn network(error: &HostNetworkError) -> Failure {
    let code = match error {
        HostNetworkError::NoAddressLeft { .. } => "no_address_left",
        _ => "network",
    };
    Failure::new(code, format!("the guest gets no network: {}", causes(error)))
}

/// A VM of that kind does not begin.
pub(super) fn launch(error: &LaunchError, kind: VmKind, memory_mib: u32) -> Failure {
    let code = match error {
        LaunchError::Died { exit, console }
            if exit.by_guest || exit.by_signal() || exit.out_of_memory.is_some() =>
        {
            return ended(exit, console, kind, memory_mib);
        }
        LaunchError::Missing { .. } => "file_missing",
        LaunchError::NoAcceleration(_) => "no_acceleration",
        LaunchError::Snapshot(_) => "snapshot",
        LaunchError::Shape { .. } | LaunchError::CommandLine(_) | LaunchError::Network(_) => "bad_request",
        LaunchError::Start { .. }
        | LaunchError::Died { .. }
        | LaunchError::Refused { .. }
        | LaunchError::NoVersion { .. }
        | LaunchError::Late { .. }
        | LaunchError::Io { .. } => "vmm_not_started",
    };
    let failure = Failure::new(code, causes(error));
    match error {
        LaunchError::Died { exit, .. } => failure.with_lines(&exit.stderr),
        _ => failure,
    }
}

/// Whether memory was wanting, which is no fault of what the VM began with, and would be again.
pub(super) fn lacked_memory(failure: &Failure) -> bool {
    ["vmm_out_of_memory", "host_out_of_memory"].contains(&failure.code.as_str())
}

/// What a VM left on the disk is not there, or not what was written.
pub(super) fn memory(error: &OpenError) -> Failure {
    let code = match error {
        OpenError::Damaged => "hibernation_damaged",
        OpenError::Read(source) if source.kind() == std::io::ErrorKind::NotFound => "hibernation_damaged",
        OpenError::Read(_) => "hibernation_unread",
        // The VMM has hung up, and says why; without a word it is this.
        OpenError::Write(_) => "hibernation_refused",
    };
    Failure::new(code, format!("the VM's memory on the disk: {}", causes(error)))
}

/// A VMM does not take the memory, although it is what was written.
pub(super) fn not_woken(error: &LaunchError, kind: VmKind, memory_mib: u32) -> Failure {
    match error {
        LaunchError::Snapshot(why) => {
            Failure::new("hibernation_refused", format!("the VM cannot be woken: {why}"))
        }
        other => launch(other, kind, memory_mib),
    }
}

/// A VMM does not let its guest be put to disk.
pub(super) fn not_put_to_disk(error: &SnapshotError) -> Failure {
    let code = match error {
        SnapshotError::NoMemory { .. } => "no_memory_left",
        SnapshotError::Unsupported | SnapshotError::Vmm(_) | SnapshotError::Io { .. } => {
            "hibernation_refused"
        }
    };
    Failure::new(code, causes(error))
}

/// What it was put to disk by is not what is here now.
pub(super) fn other_conditions(then: Option<&Value>, now: Option<&Value>) -> Failure {
    let words = |conditions: Option<&Value>| conditions.map(Value::to_string).unwrap_or_default();
    let message =
        "the VM can only be woken by what has put it to disk: VMM, its version, machine and processor";
    let lines = [format!("then: {}", words(then)), format!("now: {}", words(now))];
    Failure::new("hibernation_refused", message).with_lines(lines)
}

/// In Firecracker's log; its exit code is the same 0 as when a guest powers off.
const SHUT_DOWN: &str = "KVM_EXIT_SHUTDOWN";
/// The exit code of a process that SIGKILL has ended.
const SIGKILLED: i32 = 128 + nix::libc::SIGKILL;
/// With less than this, a guest that does not come up most likely lacks memory.
const LITTLE_MEMORY_MIB: u32 = 256;

/// The VMM has ended although nobody asked for it.
pub(super) fn ended(exit: &VmExit, console: &[String], kind: VmKind, memory_mib: u32) -> Failure {
    let VmExit { program, code, stderr, by_guest, out_of_memory } = exit;
    // How somebody else's child has ended is not known.
    let was_killed = matches!(code, Some(SIGKILLED) | None);
    if !by_guest {
        if let Some(whose) = out_of_memory.filter(|_| was_killed) {
            return killed_for_memory(whose, program, kind, memory_mib).with_lines(stderr);
        }
        if code.is_none() && diagnose(console).is_some() {
            return guest_ended(console, stderr, memory_mib);
        }
        return Failure::new("vmm_died", format!("{program} {}", exit.how())).with_lines(stderr);
    }
    guest_ended(console, stderr, memory_mib)
}

/// The host's kernel has ended the VMM to get memory.
fn killed_for_memory(whose: OutOfMemory, program: &str, kind: VmKind, memory_mib: u32) -> Failure {
    let setting = kind.memory_setting();
    match whose {
        OutOfMemory::Vm { limit_mib } => {
            let all = limit_mib.map_or_else(|| "all".to_owned(), |limit| format!("all {limit} MiB"));
            Failure::new(
                "vmm_out_of_memory",
                format!(
                    "the kernel killed {program} because the VM had used {all} that its control group allows \
                     ({memory_mib} MiB for the guest, the rest for the VMM): raise {setting}"
                ),
            )
        }
        OutOfMemory::Host => Failure::new(
            "host_out_of_memory",
            format!(
                "the kernel killed {program} because the host ran out of memory; the VM had {memory_mib} MiB: lower \
                 vm.max, or {setting}"
            ),
        ),
    }
}

/// The guest has ended, and its VMM with it, which may have said why.
fn guest_ended(console: &[String], stderr: &[String], memory_mib: u32) -> Failure {
    let failure = match diagnose(console) {
        Some(cause) => Failure::new(cause.code(), cause.message()),
        // Without memory for its own page tables a kernel resets, which nobody could print.
        None if is_blank(console) => {
            let code = if memory_mib < LITTLE_MEMORY_MIB { "guest_out_of_memory" } else { "kernel_silent" };
            Failure::new(code, "the guest's kernel reset before it could write a word")
        }
        None if stderr.iter().any(|line| line.contains(SHUT_DOWN)) => Failure::new(
            "guest_triple_fault",
            "a processor of the guest gave up (a triple fault), which the guest could not say itself: its kernel's memory was \
             damaged, or the KVM that runs it is",
        ),
        None => Failure::new("guest_ended", "the guest powered off by itself"),
    };
    with_memory_hint(failure.with_lines(last(console).iter().chain(stderr)), memory_mib)
}

/// Says so when the guest has so little memory that it can fail in every way for want of it.
pub(super) fn with_memory_hint(mut failure: Failure, memory_mib: u32) -> Failure {
    if memory_mib < LITTLE_MEMORY_MIB {
        failure.message.push_str(&format!("; {memory_mib} MiB is very little memory for it"));
    }
    failure
}

/// A clone that was taken over from a daemon which had not told it yet who it is, and of which nobody knows that any more.
pub(super) fn never_introduced() -> Failure {
    Failure::new("restore_interrupted", "the daemon was restarted while the VM was being restored")
}

pub(super) fn no_answer(limit: Duration, console: &[String]) -> Failure {
    match diagnose(console) {
        Some(cause) => Failure::new(cause.code(), cause.message()),
        None => {
            let seconds = limit.as_secs();
            Failure::new(
                "boot_timeout",
                format!("the guest's agent did not answer within {seconds} s of the start"),
            )
        }
    }
    .with_lines(last(console))
}

pub(super) fn silent(limit: Duration, console: &[String]) -> Failure {
    let seconds = limit.as_secs();
    let message = match diagnose(console) {
        Some(cause) => format!("the guest went silent for {seconds} s; {}", cause.message()),
        None => format!("the guest went silent: no answer for {seconds} s"),
    };
    Failure::new("guest_silent", message).with_lines(last(console))
}

pub(super) fn no_desktop(limit: Duration, waiting_for: &[&str]) -> Failure {
    let seconds = limit.as_secs();
    let services =
        if waiting_for.is_empty() { "nothing that is known".to_owned() } else { waiting_for.join(", ") };
    Failure::new("desktop_timeout", format!("there was no desktop within {seconds} s; not ready: {services}"))
}

pub(super) fn desktop(service: &str, cause: &str, last_lines: &[String], console: &[String]) -> Failure {
    // A service that was killed for want of memory cannot tell.
    let why = match diagnose(console) {
        Some(Cause::OutOfMemory { line }) => format!("; the guest ran out of memory: {line}"),
        _ => String::new(),
    };
    Failure::new("desktop_failed", format!("the service {service} of the desktop failed: {cause}{why}"))
        .with_lines(last_lines)
}

pub(super) fn agent(error: &AgentError) -> Failure {
    let code = if matches!(error, AgentError::Protocol { .. }) { "agent_protocol" } else { "agent" };
    Failure::new(code, causes(error))
}

fn last(lines: &[String]) -> &[String] {
    &lines[lines.len().saturating_sub(CONSOLE_LINES)..]
}

fn is_blank(lines: &[String]) -> bool {
    lines.iter().all(|line| line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32, stderr: &[&str]) -> VmExit {
        VmExit {
            program: "qemu".into(),
            code: Some(code),
            stderr: stderr.iter().map(ToString::to_string).collect(),
            by_guest: code == 0,
            out_of_memory: None,
        }
    }

    fn ended(exit: &VmExit, console: &[String], memory_mib: u32) -> Failure {
        super::ended(exit, console, VmKind::Browser, memory_mib)
    }

    fn console(lines: &[&str]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_vmm_that_dies_is_told_with_its_last_words() {
        let failure = ended(&exit(1, &["warning: x", "qemu: could not load kernel"]), &[], 1024);
        assert_eq!(failure.code, "vmm_died");
        assert_eq!(failure.message, "qemu ended with exit code 1: qemu: could not load kernel");
        assert_eq!(failure.detail_lines.len(), 2);
        assert_eq!(ended(&exit(137, &[]), &[], 1024).message, "qemu was ended by SIGKILL");
    }

    #[test]
    fn a_vmm_that_was_killed_for_memory_is_told_with_whose_it_was_and_what_to_set() {
        let told = |code: Option<i32>, whose| {
            let exit = VmExit { code, by_guest: false, out_of_memory: Some(whose), ..exit(1, &["words"]) };
            super::ended(&exit, &[], VmKind::Cli, 2048)
        };
        let own = OutOfMemory::Vm { limit_mib: Some(2560) };
        for code in [Some(137), None] {
            let failure = told(code, own);
            assert_eq!(failure.code, "vmm_out_of_memory");
            assert_eq!(
                failure.message,
                "the kernel killed qemu because the VM had used all 2560 MiB that its control group allows (2048 MiB for \
                 the guest, the rest for the VMM): raise vm.cli.memory_mib"
            );
            assert_eq!(failure.detail_lines, ["words"]);
        }
        let failure = told(Some(137), OutOfMemory::Host);
        assert_eq!(failure.code, "host_out_of_memory");
        assert!(failure.message.ends_with("the VM had 2048 MiB: lower vm.max, or vm.cli.memory_mib"));
        // Something else that was killed did not end the VM.
        assert_eq!(told(Some(1), own).code, "vmm_died");
    }

    #[test]
    fn a_guest_that_panicked_is_told_in_the_kernels_words_with_the_console() {
        let lines = console(&["[ 1.0] fine", "[ 1.1] Kernel panic - not syncing: out of luck"]);
        let failure = ended(&exit(0, &[]), &lines, 1024);
        assert_eq!(failure.code, "kernel_panic");
        assert!(failure.message.ends_with("Kernel panic - not syncing: out of luck"), "{}", failure.message);
        assert_eq!(failure.detail_lines, lines);
        assert_eq!(ended(&exit(0, &[]), &console(&["[ 1.0] fine"]), 1024).code, "guest_ended");
    }

    #[test]
    fn a_guest_whose_processor_gave_up_has_not_powered_off() {
        let log = ["[vm:fc_vcpu 1] Received KVM_EXIT_SHUTDOWN signal", "[vm:main] Vmm is stopping."];
        assert_eq!(ended(&exit(0, &log), &console(&["[ 1.0] fine"]), 1024).code, "guest_triple_fault");
        let panic = console(&["[ 1.1] Kernel panic - not syncing: out of luck"]);
        assert_eq!(ended(&exit(0, &log), &panic, 1024).code, "kernel_panic", "the kernel knew why");
        assert_eq!(ended(&exit(0, &log[1..]), &console(&["[ 1.0] fine"]), 1024).code, "guest_ended");
    }

    #[test]
    fn a_guest_with_too_little_memory_is_told_so_even_when_its_kernel_could_say_nothing() {
        let silent = ended(&exit(0, &[]), &[], 64);
        assert_eq!(silent.code, "guest_out_of_memory");
        assert!(silent.message.ends_with("64 MiB is very little memory for it"), "{}", silent.message);
        assert_eq!(ended(&exit(0, &[]), &console(&["  "]), 1024).code, "kernel_silent");
        let panic =
            ended(&exit(0, &[]), &console(&["Kernel panic - not syncing: VFS: Unable to mount root fs"]), 72);
        assert!(panic.message.ends_with("72 MiB is very little memory for it"), "{}", panic.message);
    }

    #[test]
    fn a_service_that_was_killed_for_want_of_memory_is_told_so() {
        let lines = console(&["[ 60.1] Out of memory: Killed process 95 (Xvfb)"]);
        let message = desktop("xvfb", "ended by SIGKILL", &[], &lines).message;
        assert!(message.ends_with("ran out of memory: Out of memory: Killed process 95 (Xvfb)"), "{message}");
        assert!(
            desktop("xvfb", "ended with code 1", &[], &[]).message.ends_with("failed: ended with code 1")
        );
    }

    #[test]
    fn a_boot_that_takes_too_long_shows_the_end_of_the_console() {
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        let failure = no_answer(Duration::from_secs(30), &lines);
        assert_eq!(failure.message, "the guest's agent did not answer within 30 s of the start");
        assert_eq!(failure.detail_lines.len(), CONSOLE_LINES);
        assert_eq!(failure.detail_lines.last().unwrap(), "line 99");
    }

    #[test]
    fn a_missing_file_is_named_with_its_remedy() {
        let error = LaunchError::Missing {
            what: "the kernel",
            path: "/images/vmlinuz".into(),
            remedy: "run `anteroom image build`".into(),
        };
        let failure = launch(&error, VmKind::Browser, 1024);
        assert_eq!(failure.code, "file_missing");
        assert_eq!(failure.message, "the kernel /images/vmlinuz is missing: run `anteroom image build`");
    }

    #[test]
    fn an_error_is_told_with_all_its_sources() {
        let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "permission denied");
        let error = LaunchError::Start { program: "qemu".into(), source };
        let failure = launch(&error, VmKind::Browser, 1024);
        assert_eq!(failure.message, "qemu cannot be started: permission denied");
    }

    #[test]
    fn a_vmm_that_dies_while_it_is_told_what_to_start_is_told_by_what_has_ended_it() {
        let died = |exit: VmExit| {
            launch(&LaunchError::Died { exit, console: console(&["[ 0.1] x"]) }, VmKind::Browser, 1024)
        };
        let own = Some(OutOfMemory::Vm { limit_mib: Some(1280) });
        let killed = died(VmExit { out_of_memory: own, ..exit(137, &["Running Firecracker v1.13.2"]) });
        assert_eq!(killed.code, "vmm_out_of_memory");
        assert!(killed.message.ends_with("raise vm.browser.memory_mib"), "{}", killed.message);
        assert!(lacked_memory(&killed));
        let crashed = died(exit(134, &["thread 'main' panicked"]));
        assert_eq!(crashed.code, "vmm_died");
        assert_eq!(crashed.message, "qemu was ended by SIGABRT: thread 'main' panicked");
        assert!(!lacked_memory(&crashed));
        assert_eq!(died(exit(0, &[])).code, "guest_ended");
        let refused = died(exit(2, &["unknown argument"]));
        assert_eq!(refused.code, "vmm_not_started");
        assert_eq!(refused.message, "qemu ended with exit code 2: unknown argument");
        assert_eq!(refused.detail_lines, ["unknown argument"]);
    }
}
