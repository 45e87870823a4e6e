//! One control group for each service (cgroup_v2 in the kernel's admin guide): what holds a service's processes
//! together, however they fork, and ends them all at once.

use std::{
    fs, io,
    path::{Path, PathBuf},
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

    /// Makes the service's group, or finds it.
    pub(super) fn create(&self, name: &str) -> Option<PathBuf> {
        let path = self.0.as_ref()?.join(name);
        match fs::create_dir(&path) {
            Ok(()) => Some(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Some(path),
            Err(error) => {
                tracing::warn!("service {name} has no control group: {error}");
                None
            }
        }
    }
}

/// Ends every process of the group, at once and for certain.
pub(super) fn kill(group: &Path) {
    // An empty or missing group has nothing to end.
    let _ = fs::write(group.join("cgroup.kill"), "1");
}
