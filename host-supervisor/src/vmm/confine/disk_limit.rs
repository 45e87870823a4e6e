//! What a VM may read and write of the host's disk: `io.max` of its control group, for the disk that its directory lies on.
//!
//! The group counts what goes to the disk itself: what the page cache answers is free, and what is written is counted when
//! the kernel writes it back.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Once,
};

use anteroom_protocol::VmId;
use nix::sys::stat::{major, minor};

use super::group;
use crate::{failure::causes, vmm::Rate};

/// The controller that it needs.
const CONTROLLER: &str = "io";

/// A whole disk: parts of one have no limits of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disk {
    /// `8:0`, for example.
    pub(crate) number: String,
    /// `sda`, for example.
    pub(crate) name: String,
}

/// What stands in the way of a limit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoDiskLimit {
    #[error("only root makes control groups")]
    NotRoot,
    #[error("there are no control groups of the second version with the controller io")]
    NoController,
    #[error(
        "{0} is not on a block device (but on btrfs, ZFS, overlayfs or tmpfs, for example), and only those have limits"
    )]
    NoDisk(PathBuf),
    #[error("{0}")]
    Place(PathBuf, #[source] io::Error),
    #[error("the VM's control group")]
    Group(#[source] io::Error),
}

impl NoDiskLimit {
    /// What to do about it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::NotRoot => "run the daemon as root, or leave vm.disk_mib_per_second and its like out",
            Self::NoController => {
                "boot with the second version of control groups alone: kernel parameter systemd.unified_cgroup_hierarchy=1"
            }
            Self::NoDisk(_) => "put state_dir on a file system such as ext4 or XFS",
            Self::Place(..) | Self::Group(_) => "see what the daemon may do there",
        }
    }
}

/// Limits what the processes of a VM read, and what they write, of the disk under its directory. A VM runs without as well; what
/// stands in the way is said once.
pub(in crate::vmm) fn limit_disk(vm: VmId, directory: &Path, rate: Rate) {
    static SAID: Once = Once::new();
    let Some(limit) = words(rate) else { return };
    let limited = disk_with_limits(directory).and_then(|disk| {
        let group = group::place(vm, &[CONTROLLER]).map_err(NoDiskLimit::Group)?;
        let file = group.ok_or(NoDiskLimit::NoController)?.join("io.max");
        fs::write(file, format!("{} {limit}", disk.number)).map_err(NoDiskLimit::Group)
    });
    if let Err(why) = limited {
        SAID.call_once(|| {
            tracing::warn!("what VMs read and write of the host's disk is not limited: {}", causes(&why))
        });
    }
}

/// The disk under a directory, where what is read and written of it can be limited.
pub(crate) fn disk_with_limits(directory: &Path) -> Result<Disk, NoDiskLimit> {
    if !group::controllers().is_some_and(|names| names.contains(CONTROLLER)) {
        return Err(NoDiskLimit::NoController);
    }
    let metadata =
        fs::metadata(directory).map_err(|error| NoDiskLimit::Place(directory.to_owned(), error))?;
    disk_of(Path::new("/sys/dev/block"), metadata.dev())
        .ok_or_else(|| NoDiskLimit::NoDisk(directory.to_owned()))
}

/// File systems that are on several disks, or on none, have numbers of their own that no device has.
fn disk_of(devices: &Path, number: u64) -> Option<Disk> {
    let place = fs::canonicalize(devices.join(format!("{}:{}", major(number), minor(number)))).ok()?;
    let whole = if place.join("partition").exists() { place.parent()? } else { place.as_path() };
    Some(Disk {
        number: fs::read_to_string(whole.join("dev")).ok()?.trim().to_owned(),
        name: whole.file_name()?.to_string_lossy().into_owned(),
    })
}

/// In the syntax of `io.max`; `None` where nothing is limited.
fn words(rate: Rate) -> Option<String> {
    let Rate { bytes, operations } = rate;
    let pair = |kind: &str, limit: Option<u64>| limit.map(|limit| format!("r{kind}={limit} w{kind}={limit}"));
    let words: Vec<String> = [pair("bps", bytes), pair("iops", operations)].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::makedev;

    use super::*;

    #[test]
    fn reading_and_writing_are_limited_alike_and_what_has_no_limit_is_left_out() {
        let of = |bytes, operations| words(Rate { bytes, operations });
        assert_eq!(of(Some(1_048_576), None).as_deref(), Some("rbps=1048576 wbps=1048576"));
        assert_eq!(of(None, Some(100)).as_deref(), Some("riops=100 wiops=100"));
        assert_eq!(of(Some(1), Some(2)).as_deref(), Some("rbps=1 wbps=1 riops=2 wiops=2"));
        assert_eq!(of(None, None), None);
    }

    /// As sysfs(5) shows a disk with a partition, and a disk without.
    #[test]
    fn the_disk_is_found_behind_its_partition_and_a_file_system_without_a_device_has_none() {
        let scratch = tempfile::tempdir().unwrap();
        let (disk, devices) = (scratch.path().join("devices/block/sda"), scratch.path().join("dev"));
        fs::create_dir_all(disk.join("sda2")).unwrap();
        fs::create_dir_all(&devices).unwrap();
        for (file, text) in [("dev", "8:0\n"), ("sda2/dev", "8:2\n"), ("sda2/partition", "2\n")] {
            fs::write(disk.join(file), text).unwrap();
        }
        for (number, place) in [("8:0", disk.clone()), ("8:2", disk.join("sda2"))] {
            std::os::unix::fs::symlink(place, devices.join(number)).unwrap();
        }
        let expected = Some(Disk { number: "8:0".to_owned(), name: "sda".to_owned() });
        assert_eq!(disk_of(&devices, makedev(8, 2)), expected);
        assert_eq!(disk_of(&devices, makedev(8, 0)), expected);
        assert_eq!(disk_of(&devices, makedev(0, 37)), None);
    }
}
