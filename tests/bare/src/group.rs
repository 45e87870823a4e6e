//! Guests' control groups, in the hierarchy of this machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anteroom::vmm::LaunchError;
use anteroom_protocol::VmId;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Where the kernel's second hierarchy of control groups is, alone or beside the first.
const CGROUP2: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LOOKS: u32 = 400;

/// A guest's control group.
#[derive(Debug)]
pub(crate) struct Group(PathBuf);

impl Group {
    /// `None` where there are no control groups of the second version.
    pub(crate) fn of(vm: VmId) -> Option<Self> {
        let root = CGROUP2.into_iter().map(Path::new).find(|root| root.join("cgroup.procs").exists())?;
        Some(Self(root.join(format!("anteroom-bare-{}", vm.short()))))
    }

    pub(crate) fn make(vm: VmId) -> Result<Self, LaunchError> {
        let group = Self::of(vm).ok_or_else(|| LaunchError::Missing {
            what: "control groups",
            path: CGROUP2[1].into(),
            remedy: "mount cgroup2 there".into(),
        })?;
        fs::create_dir(&group.0).map_err(|source| LaunchError::Io { path: group.0.clone(), source })?;
        Ok(group)
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.0
    }

    pub(crate) fn kill(&self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
    }

    pub(crate) fn end(&self) {
        self.kill();
        // Killed processes take moments to leave.
        for _ in 0..LOOKS {
            remove_groups(&self.0);
            if !self.0.exists() {
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// As long as it lives, a process is moved into a group without a wait for RCU, as in a VM, whose agent mounts its hierarchy so
/// (cgroup-v2.rst, `favordynmods`, since Linux 6.0). There is one hierarchy, so that all of this machine's groups are like that
/// meanwhile.
#[derive(Debug)]
pub(crate) struct QuickMoves {
    /// Options of the hierarchy before.
    before: String,
}

impl QuickMoves {
    const OPTION: &str = "favordynmods";
    /// Which of a mount's options are the hierarchy's (cgroup-v2.rst, "Mounting").
    const OPTIONS: [&str; 6] = [
        "nsdelegate",
        "memory_localevents",
        "memory_recursiveprot",
        "memory_hugetlb_accounting",
        "pids_localevents",
        Self::OPTION,
    ];

    /// # Errors
    /// When this kernel does not know it.
    pub(crate) fn begin() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let before = options(&mounts);
        let with = [before.as_str(), Self::OPTION].join(",");
        mount_and_leave(with.trim_start_matches(','))?;
        Ok(Self { before })
    }
}

impl Drop for QuickMoves {
    fn drop(&mut self) {
        if let Err(error) = mount_and_leave(&self.before) {
            tracing::warn!("control groups are not mounted as before: {error}");
        }
    }
}

/// proc_pid_mounts(5), as fstab(5): device, place, kind, options.
fn options(mounts: &str) -> String {
    let line = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|line| line.get(2) == Some(&"cgroup2"));
    let all = line.and_then(|line| line.get(3).copied()).unwrap_or_default();
    let own: Vec<&str> = all.split(',').filter(|option| QuickMoves::OPTIONS.contains(option)).collect();
    own.join(",")
}

/// Each mount sets the options of the one hierarchy there is, and leaves those of other mounts' places alone.
fn mount_and_leave(options: &str) -> io::Result<()> {
    let place = std::env::temp_dir().join(format!("anteroom-bare-cgroup-{}", std::process::id()));
    fs::create_dir(&place)?;
    let mounted = mount(Some("cgroup2"), &place, Some("cgroup2"), MsFlags::empty(), Some(options));
    let left = mounted.and_then(|()| umount2(&place, MntFlags::empty()));
    fs::remove_dir(&place)?;
    left.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_mounts_options_those_of_the_hierarchy_are_kept() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                      cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,relatime,nsdelegate,memory_recursiveprot 0 0\n";
        assert_eq!(options(mounts), "nsdelegate,memory_recursiveprot");
        assert_eq!(options("cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"), "");
    }
}
