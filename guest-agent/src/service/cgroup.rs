//! One control group for each service, and each program of the host's (cgroup_v2 in the kernel's admin guide): what holds
//! its processes together, however they fork, and ends them all at once.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::{
    sys::signal::{Signal, kill as kill_process},
    unistd::Pid,
};

/// Where the groups are made.
#[derive(Debug, Clone)]
pub(crate) struct Groups(Option<PathBuf>);

impl Groups {
    /// cgroup2 where PID 1 mounts it; none when the kernel has no control groups.
    pub(crate) fn of_system() -> Self {
        let root = Path::new("/sys/fs/cgroup");
        Self(root.join("cgroup.controllers").exists().then(|| root.to_owned()))
    }

    /// No groups: for a supervisor that is not PID 1's.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// All groups that there are.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let entries = self.0.as_ref().and_then(|root| fs::read_dir(root).ok());
        // Among dozens of files, whose kinds come with their names.
        let is_group = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.into_iter().flatten().flatten().filter(is_group).map(|entry| entry.path())
    }

    /// Makes the group, or finds it.
    pub(crate) fn create(&self, name: &str) -> Option<PathBuf> {
        let path = self.0.as_ref()?.join(name);
        match fs::create_dir(&path) {
            Ok(()) => Some(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Some(path),
            Err(error) => {
                tracing::warn!("{name} has no control group: {error}");
                None
            }
        }
    }
}

/// Removes a group that nobody is in any more; another one stays.
pub(crate) fn remove(group: &Path) {
    let _ = fs::remove_dir(group);
}

/// Ends every process of the group, at once and for certain.
pub(crate) fn kill(group: &Path) {
    // An empty or missing group has nothing to end.
    let _ = fs::write(group.join("cgroup.kill"), "1");
}

/// Sends a signal to every process that is in the group now.
pub(crate) fn signal(group: &Path, signal: Signal) {
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    // 0 stands for a process that is none of this namespace; one that has ended meanwhile needs no signal.
    for pid in members.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0) {
        let _ = kill_process(Pid::from_raw(pid), signal);
    }
}
