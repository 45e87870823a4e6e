//! Control groups of the second version (Documentation/admin-guide/cgroup-v2.rst): one for each VM, with those limits for which
//! the host has a controller there.
//!
//! They are in `anteroom` at the top of the hierarchy, in no unit of the service manager's: a VM's group outlives the daemon.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anteroom_protocol::VmId;

use crate::vmm::{OutOfMemory, ProcessId};

/// How long killed processes may take to leave a group.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LOOKS: u32 = 400;
/// Above the VMs' groups.
const PARENT: &str = "anteroom";

/// The controllers that a VM's limits need.
pub(crate) const NEEDED: [&str; 3] = ["memory", "cpu", "pids"];

/// What all processes of a VM may use together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::vmm) struct Share {
    pub(in crate::vmm) memory_mib: u64,
    pub(in crate::vmm) processors: u32,
    /// Threads count.
    pub(in crate::vmm) processes: u32,
}

/// Files of a group, and what stands in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::vmm) struct Limits(Vec<(&'static str, String)>);

impl Limits {
    /// `None` where the host has none of the controllers: they are still with the first version there.
    pub(in crate::vmm) fn of(share: Share) -> Option<Self> {
        let place = mount_point()?;
        // Swap is accounted for only where the kernel was told to.
        let counts_swap = place.join(PARENT).join("memory.swap.max").exists();
        let limits = Self::under(share, &controllers_at(&place)?, counts_swap);
        (!limits.0.is_empty()).then_some(limits)
    }

    fn under(share: Share, controllers: &BTreeSet<String>, counts_swap: bool) -> Self {
        let all = [
            ("memory.max", (share.memory_mib * 1024 * 1024).to_string()),
            ("memory.swap.max", "0".to_owned()),
            ("cpu.max", format!("{} 100000", share.processors * 100_000)),
            ("pids.max", share.processes.to_string()),
        ];
        let has = |file: &str| controllers.iter().any(|name| file.starts_with(&format!("{name}.")));
        let kept =
            all.into_iter().filter(|(file, _)| has(file) && (counts_swap || *file != "memory.swap.max"));
        Self(kept.collect())
    }

    /// For Firecracker's jailer, which makes the group.
    pub(in crate::vmm) fn for_jailer(&self) -> Vec<String> {
        let limits =
            self.0.iter().flat_map(|(file, value)| ["--cgroup".to_owned(), format!("{file}={value}")]);
        ["--cgroup-version", "2", "--parent-cgroup", PARENT]
            .map(str::to_owned)
            .into_iter()
            .chain(limits)
            .collect()
    }
}

/// A group that we have made, removed when this is dropped: whatever is in it then is ended.
#[derive(Debug)]
pub(in crate::vmm) struct Group(PathBuf);

impl Group {
    /// `None` where there are no groups of the second version. Without a controller it limits nothing, but ends with all that
    /// is in it.
    pub(in crate::vmm) fn make(id: VmId, share: Share) -> io::Result<Option<Self>> {
        let controllers = controllers().unwrap_or_default();
        let wanted: Vec<_> = NEEDED.into_iter().filter(|name| controllers.contains(*name)).collect();
        let Some(group) = place(id, &wanted)?.map(Self) else { return Ok(None) };
        let counts_swap = group.0.join("memory.swap.max").exists();
        for (file, value) in Limits::under(share, &controllers, counts_swap).0 {
            fs::write(group.0.join(file), value)?;
        }
        Ok(Some(group))
    }

    /// The one that another daemon has made for this VM.
    pub(in crate::vmm) fn existing(id: VmId) -> Option<Self> {
        let group = mount_point()?.join(PARENT).join(id.to_string());
        group.is_dir().then_some(Self(group))
    }

    /// For a process to write itself into.
    pub(in crate::vmm) fn entrance(&self) -> io::Result<fs::File> {
        fs::File::options().write(true).open(self.0.join("cgroup.procs"))
    }

    /// Puts a process in it, with all its threads; what it has of the memory already stays where it was counted.
    pub(in crate::vmm) fn admit(&self, process: ProcessId) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), process.pid.to_string())
    }

    /// What its processes may use of the memory from now on, where that is limited.
    pub(in crate::vmm) fn limit_memory(&self, mib: u64) -> io::Result<()> {
        limit_memory_at(&self.0, mib)
    }

    /// Whether the kernel has killed a process in it to get memory.
    pub(in crate::vmm) fn out_of_memory(&self) -> Option<OutOfMemory> {
        out_of_memory_at(&self.0)
    }
}

impl Drop for Group {
    /// Usually nothing is in it any more. Where something is, its memory may take a moment to be given back.
    fn drop(&mut self) {
        const LOOKS: u32 = 500;
        for _ in 0..LOOKS {
            match fs::remove_dir(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    let _ = fs::write(self.0.join("cgroup.kill"), "1");
                    std::thread::sleep(Duration::from_millis(1));
                }
                _ => return,
            }
        }
    }
}

fn made(created: io::Result<()>) -> io::Result<()> {
    match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The same for a VM whose group the jailer has made.
pub(in crate::vmm) fn out_of_memory(id: VmId) -> Option<OutOfMemory> {
    out_of_memory_at(&mount_point()?.join(PARENT).join(id.to_string()))
}

/// What the processes of a VM may use of the memory from now on, where that is limited.
pub(in crate::vmm) fn limit_memory(id: VmId, mib: u64) -> io::Result<()> {
    let Some(place) = mount_point() else { return Ok(()) };
    limit_memory_at(&place.join(PARENT).join(id.to_string()), mib)
}

fn limit_memory_at(group: &Path, mib: u64) -> io::Result<()> {
    let limit = group.join("memory.max");
    if limit.exists() { fs::write(limit, (mib << 20).to_string()) } else { Ok(()) }
}

fn out_of_memory_at(group: &Path) -> Option<OutOfMemory> {
    let read = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
    killed_for_memory(&read("memory.events"), &read("memory.max"))
}

/// `oom_kill` counts processes that were killed for whosever sake, `oom` how often the group itself was at its limit.
fn killed_for_memory(events: &str, max: &str) -> Option<OutOfMemory> {
    let count = |name: &str| {
        let of_name = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok();
        events.lines().find_map(of_name).unwrap_or_default()
    };
    match (count("oom_kill"), count("oom")) {
        (0, _) => None,
        (_, 0) => Some(OutOfMemory::Host),
        _ => {
            let limit_mib = max.trim().parse::<u64>().ok().map(|bytes| bytes / 1024 / 1024);
            Some(OutOfMemory::Vm { limit_mib })
        }
    }
}

/// The directory of a VM's group, made if it is not there, with these controllers, which the host has. `None` where there are no
/// groups of the second version. [`clear`] removes it.
pub(super) fn place(id: VmId, controllers: &[&str]) -> io::Result<Option<PathBuf>> {
    let Some(top) = mount_point() else { return Ok(None) };
    let parent = top.join(PARENT);
    made(fs::create_dir(&parent))?;
    for (name, above) in controllers.iter().flat_map(|name| [(name, &top), (name, &parent)]) {
        fs::write(above.join("cgroup.subtree_control"), format!("+{name}"))?;
    }
    let group = parent.join(id.to_string());
    made(fs::create_dir(&group))?;
    Ok(Some(group))
}

/// Ends what may still run in a VM's group, and removes it.
pub(in crate::vmm) async fn clear(id: VmId) {
    let Some(place) = mount_point() else { return };
    let group = place.join(PARENT).join(id.to_string());
    // Where there is none, there is nothing to end and nothing to remove.
    let _ = fs::write(group.join("cgroup.kill"), "1");
    for _ in 0..LOOKS {
        match fs::remove_dir(&group) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => tokio::time::sleep(LOOK_AGAIN).await,
            _ => return,
        }
    }
    tracing::error!(vm = %id, "the control group {} cannot be removed", group.display());
}

#[cfg(test)]
pub(in crate::vmm) fn exists(id: VmId) -> bool {
    // Not dropped, which would remove it.
    Group::existing(id).map(std::mem::forget).is_some()
}

/// The controllers that groups of the second version can have; `None` where there are no such groups.
pub(crate) fn controllers() -> Option<BTreeSet<String>> {
    controllers_at(&mount_point()?)
}

fn controllers_at(place: &Path) -> Option<BTreeSet<String>> {
    let text = fs::read_to_string(place.join("cgroup.controllers")).ok()?;
    Some(text.split_whitespace().map(str::to_owned).collect())
}

fn mount_point() -> Option<PathBuf> {
    mounted(&fs::read_to_string("/proc/self/mounts").ok()?)
}

/// Where the second version's hierarchy is, in proc_mounts(5).
fn mounted(mounts: &str) -> Option<PathBuf> {
    let mut fields = mounts.lines().map(|line| line.split(' '));
    fields.find_map(|mut fields| {
        let place = fields.nth(1)?;
        (fields.next()? == "cgroup2").then(|| place.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share { memory_mib: 1, processors: 2, processes: 10 };

    #[test]
    fn the_second_version_is_found_beside_the_first_or_alone() {
        let beside =
            "cgroup /sys/fs/cgroup/memory cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mounted(beside), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mounted("none /sys/fs/cgroup cgroup2 rw 0 0"), Some("/sys/fs/cgroup".into()));
        assert_eq!(mounted("cgroup /sys/fs/cgroup/memory cgroup rw 0 0"), None);
    }

    #[test]
    fn who_was_killed_for_memory_is_read_from_the_group_before_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let after = |oom: u32, oom_kill: u32| {
            let events =
                format!("low 0\nhigh 0\nmax 731\noom {oom}\noom_kill {oom_kill}\noom_group_kill 0\n");
            fs::write(directory.path().join("memory.events"), events).unwrap();
            out_of_memory_at(directory.path())
        };
        assert_eq!(after(0, 0), None);
        assert_eq!(after(3, 0), None, "something else was found to give up");
        assert_eq!(after(0, 1), Some(OutOfMemory::Host));
        assert_eq!(after(1, 1), Some(OutOfMemory::Vm { limit_mib: None }));
        fs::write(directory.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(after(1, 2), Some(OutOfMemory::Vm { limit_mib: None }));
        fs::write(directory.path().join("memory.max"), "1342177280\n").unwrap();
        assert_eq!(after(1, 2), Some(OutOfMemory::Vm { limit_mib: Some(1280) }));
        assert_eq!(out_of_memory_at(&directory.path().join("gone")), None);
    }

    #[test]
    fn only_what_has_a_controller_is_limited() {
        let with = |names: &[&str], counts_swap| {
            Limits::under(SHARE, &names.iter().map(ToString::to_string).collect(), counts_swap)
                .for_jailer()
                .join(" ")
        };
        let group = "--cgroup-version 2 --parent-cgroup anteroom";
        assert_eq!(
            with(&["cpu", "cpuset", "io", "memory", "pids"], true),
            format!(
                "{group} --cgroup memory.max=1048576 --cgroup memory.swap.max=0 --cgroup cpu.max=200000 100000 \
                 --cgroup pids.max=10"
            )
        );
        assert_eq!(with(&["pids", "hugetlb"], false), format!("{group} --cgroup pids.max=10"));
        assert_eq!(with(&["cpuset"], true), group);
    }
}
