//! Mounts are values, and what a system needs is a table of them.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};

/// One mount(2) to make; its target is made when it does not exist.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) flags: MsFlags,
    pub(crate) data: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum MountError {
    #[error("{what} cannot be mounted on {target}")]
    Refused { what: String, target: PathBuf, source: Errno },
    #[error("the mount point {0} cannot be made")]
    NoTarget(PathBuf, #[source] io::Error),
}

pub(super) const PLAIN: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);

const PROC: Mount =
    Mount { source: "proc", target: "/proc", kind: "proc", flags: PLAIN.union(MsFlags::MS_NODEV), data: "" };
const DEV: Mount =
    Mount { source: "devtmpfs", target: "/dev", kind: "devtmpfs", flags: PLAIN, data: "mode=0755" };

/// What the loader needs, in the initramfs.
pub(crate) const FOR_LOADER: [Mount; 2] = [PROC, DEV];

/// Before anything else, on the agent's disk or another root that the kernel has mounted. `/run` is where PID 1 keeps what has to
/// outlive the switch of root.
pub(super) const EARLY: [Mount; 4] = [
    PROC,
    Mount { source: "sysfs", target: "/sys", kind: "sysfs", flags: PLAIN.union(MsFlags::MS_NODEV), data: "" },
    DEV,
    Mount {
        source: "tmpfs",
        target: "/run",
        kind: "tmpfs",
        flags: PLAIN.union(MsFlags::MS_NODEV),
        data: "mode=0755,size=64m",
    },
];

/// On the final root.
pub(super) const LATE: [Mount; 4] = [
    Mount {
        source: "devpts",
        target: "/dev/pts",
        kind: "devpts",
        flags: PLAIN,
        data: "ptmxmode=0666,mode=0620,gid=5",
    },
    // Chromium crashes with less.
    Mount {
        source: "tmpfs",
        target: "/dev/shm",
        kind: "tmpfs",
        flags: PLAIN.union(MsFlags::MS_NODEV),
        data: "mode=1777,size=1g",
    },
    Mount {
        source: "tmpfs",
        target: "/tmp",
        kind: "tmpfs",
        flags: MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV),
        data: "mode=1777,size=50%",
    },
    Mount {
        source: "cgroup2",
        target: "/sys/fs/cgroup",
        kind: "cgroup2",
        flags: PLAIN.union(MsFlags::MS_NODEV),
        data: FAVOUR_MOVES,
    },
];

/// Otherwise each program that is put into a control group waits for all processors to take notice, 10 ms and more, and every
/// service and every program that somebody starts is. Since Linux 6.0 (Documentation/admin-guide/cgroup-v2.rst, "Mounting").
const FAVOUR_MOVES: &str = "favordynmods";

/// Makes every mount of the table, in order.
pub(crate) fn all(table: &[Mount]) -> Result<(), MountError> {
    table.iter().try_for_each(|entry| {
        let attached =
            |data| attach(entry.source, Path::new(entry.target), Some(entry.kind), entry.flags, data);
        match attached(entry.data) {
            // An older kernel does not know the option, and is fine without.
            Err(MountError::Refused { source: Errno::EINVAL, .. }) if entry.data == FAVOUR_MOVES => {
                attached("")
            }
            done => done,
        }
    })
}

/// mount(2), with a mount point that is made when it is missing. A kernel's own file system that is mounted there already stays:
/// the loader brings some along, a kernel can mount devtmpfs by itself, and not every kernel refuses to mount them again on top.
pub(super) fn attach(
    source: &str,
    target: &Path,
    kind: Option<&str>,
    flags: MsFlags,
    data: &str,
) -> Result<(), MountError> {
    if !target.exists() {
        fs::create_dir_all(target).map_err(|error| MountError::NoTarget(target.to_owned(), error))?;
    }
    if kind == Some(source) && is_mount_point(target) {
        return Ok(());
    }
    mount(Some(source), target, kind, flags, Some(data)).map_err(|error| MountError::Refused {
        what: kind.map_or_else(|| source.to_owned(), |kind| format!("{source} ({kind})")),
        target: target.to_owned(),
        source: error,
    })
}

/// Whether it is on another file system than what it is in, as mountpoint(1) finds out.
fn is_mount_point(target: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    device(target) != device(&target.join(".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_something_is_mounted_is_told_from_a_directory_of_it() {
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self")) && !is_mount_point(Path::new("/proc/sys")));
    }
}
