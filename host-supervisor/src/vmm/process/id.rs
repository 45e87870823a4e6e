//! Which process exactly: a pid is given again to another process, a pid with its start time is not.

use std::{
    io,
    path::{Path, PathBuf},
};

use anteroom_protocol::VmId;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

/// Names a process beyond its pid's reuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: i32,
    /// Start time in clock ticks since the host's boot (proc_pid_stat(5), field 22).
    pub start_ticks: u64,
}

impl ProcessId {
    /// # Errors
    /// When there is no process with that pid.
    pub fn of(pid: i32) -> io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let start_ticks = start_ticks(&stat)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable stat"))?;
        Ok(Self { pid, start_ticks })
    }

    /// Whether this very process still runs; one that has ended and waits to be reaped does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| start_ticks(&stat) == Some(self.start_ticks) && !is_zombie(&stat))
    }

    /// Ends this very process at once.
    ///
    /// Between the look and the signal the pid could be given to another process only if the kernel went through all
    /// pids in that moment.
    pub fn kill(&self) {
        if self.is_alive() {
            // An error means that it has just ended.
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
    }

    /// Every process of this user that a daemon has started for that VM but could not write down before it was killed: it
    /// works in the VM's directory, or, where it has a root of its own, was started with `--id` and the VM's id.
    #[must_use]
    pub fn unrecorded(vm: VmId, directory: &Path) -> Vec<Self> {
        // The kernel shows a working directory without symbolic links, and says when it has been removed.
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let removed = PathBuf::from(format!("{} (deleted)", directory.display()));
        let works_there = |pid: i32| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory || cwd == removed)
        };
        let named = format!("--id\0{vm}\0").into_bytes();
        let is_named = |pid: i32| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.windows(named.len()).any(|words| words == named))
        };
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| works_there(*pid) || is_named(*pid))
            .filter_map(|pid| Self::of(pid).ok())
            .collect()
    }
}

/// Field 22. The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
fn start_ticks(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn is_zombie(stat: &str) -> bool {
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| matches!(rest.trim_start().as_bytes().first(), Some(b'Z' | b'X')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4711 (a) b (c) S 1 4711 4711 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1 1";

    #[test]
    fn the_start_time_is_found_behind_a_name_with_parentheses() {
        assert_eq!(start_ticks(STAT), Some(987_654));
        assert_eq!(start_ticks("4711 (cut"), None);
    }

    #[test]
    fn a_process_that_waits_to_be_reaped_is_not_alive() {
        assert!(!is_zombie(STAT));
        assert!(is_zombie(&STAT.replace(") S ", ") Z ")));
    }

    #[test]
    fn a_pid_with_another_start_time_is_another_process() {
        let own = ProcessId::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { start_ticks: own.start_ticks + 1, ..own }.is_alive());
    }

    #[test]
    fn a_process_is_found_by_its_working_directory_even_when_that_was_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").current_dir(&scratch).spawn().unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        let vm = VmId::random();
        assert_eq!(ProcessId::unrecorded(vm, scratch.path()), [id]);
        std::fs::remove_dir(scratch.path()).unwrap();
        assert_eq!(ProcessId::unrecorded(vm, scratch.path()), [id]);
        id.kill();
        child.wait().unwrap();
        assert!(ProcessId::unrecorded(vm, scratch.path()).is_empty());
    }

    #[test]
    fn a_process_in_a_root_of_its_own_is_found_by_the_vm_that_it_was_started_for() {
        let (vm, elsewhere) = (VmId::random(), Path::new("/nonexistent"));
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read -r line", "firecracker", "--id", &vm.to_string(), "--api-sock", "x"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        // execve(2) closes the files of the old program, which a spawn waits for, before it writes the new arguments down.
        while std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(ProcessId::unrecorded(vm, elsewhere), [id]);
        assert!(ProcessId::unrecorded(VmId::random(), elsewhere).is_empty());
        id.kill();
        child.wait().unwrap();
    }
}
