//! What a daemon that runs as root confines its VMs with: control groups, users of their own, jails on a file system that can
//! have them.

use std::{
    collections::BTreeSet,
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use nix::{
    sys::statvfs::{FsFlags, statvfs},
    unistd::Uid,
};

use super::finding::{Finding, Remedy};
use crate::{
    config::{Backend, Config},
    failure::causes,
    vmm::{
        Rate,
        confine::{
            UIDS,
            disk_limit::{Disk, NoDiskLimit, disk_with_limits},
            group,
        },
    },
};

pub(super) fn examine(config: &Config, backend: Backend) -> Vec<Finding> {
    let place = existing(&config.state_dir);
    let wanted = config.vm_disk_rate != Rate::default();
    if !Uid::effective().is_root() {
        let detail =
            "VMs run as this user; as root the daemon gives each a user and a control group of its own";
        let limits = wanted.then(|| judge_disk_limits(Err(NoDiskLimit::NotRoot)));
        return [Finding::ok("confinement", "confinement", detail)].into_iter().chain(limits).collect();
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let [passwd, subuid] = ["/etc/passwd", "/etc/subuid"].map(read);
    let flags = statvfs(&place).map_or(FsFlags::empty(), |status| status.flags());
    let mut findings = vec![
        judge_control_groups(group::controllers().as_ref()),
        judge_users(&passwd, &subuid),
        judge_place(&place, flags, backend),
    ];
    findings.extend(wanted.then(|| judge_disk_limits(disk_with_limits(&place))));
    findings
}

fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// VMs run without limits as well as with, as long as all of them behave.
fn judge_control_groups(controllers: Option<&BTreeSet<String>>) -> Finding {
    let (id, title) = ("control-groups", "control groups");
    let boot = || {
        Remedy::by_hand(
            "boot with the second version alone, as distributions of today do: kernel parameter \
             systemd.unified_cgroup_hierarchy=1",
            None,
        )
    };
    let Some(controllers) = controllers else {
        let detail = "the second version is not mounted: a VM can take all memory and processors of the host";
        return Finding::warn(id, title, detail).with(boot());
    };
    let (there, missing): (Vec<&str>, Vec<&str>) =
        group::NEEDED.iter().partition(|name| controllers.contains(**name));
    if missing.is_empty() {
        return Finding::ok(id, title, format!("each VM is limited by {}", there.join(", ")));
    }
    let detail = format!(
        "VMs are not limited by {}: the first version has it, or the kernel has not",
        missing.join(", ")
    );
    Finding::warn(id, title, detail).with(boot())
}

/// Only where somebody has asked for limits.
fn judge_disk_limits(disk: Result<Disk, NoDiskLimit>) -> Finding {
    let (id, title) = ("disk-limits", "limits of the disk");
    match disk {
        Ok(disk) => {
            Finding::ok(id, title, format!("what each VM reads and writes of {} is limited", disk.name))
        }
        Err(why) => {
            Finding::warn(id, title, format!("what VMs read and write is not limited: {}", causes(&why)))
                .with(Remedy::by_hand(why.remedy(), None))
        }
    }
}

/// passwd(5) and subuid(5): a VM must not share its user with anybody.
fn judge_users(passwd: &str, subuid: &str) -> Finding {
    let (id, title) = ("vm-users", "users of VMs");
    let (first, last) = (UIDS.start(), UIDS.end());
    let users = passwd.lines().filter_map(|line| {
        let uid = line.split(':').nth(2)?.parse::<u32>().ok()?;
        Some((line, uid..=uid))
    });
    let delegated = subuid.lines().filter_map(|line| {
        let mut numbers = line.split(':').skip(1).map(str::parse::<u32>);
        let (start, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some((line, start..=start.saturating_add(count.saturating_sub(1))))
    });
    let overlaps = |range: &RangeInclusive<u32>| range.start() <= last && first <= range.end();
    match users.chain(delegated).find(|(_, range)| overlaps(range)) {
        None => Finding::ok(id, title, format!("{first} to {last} are nobody else's")),
        Some((line, _)) => {
            let owner = line.split(':').next().unwrap_or_default();
            Finding::warn(id, title, format!("{owner} has some of {first} to {last}, which VMs run as"))
                .with(Remedy::by_hand(format!("give {owner} others, in /etc/passwd or /etc/subuid"), None))
        }
    }
}

/// In a jail are a program and device nodes.
fn judge_place(place: &Path, flags: FsFlags, backend: Backend) -> Finding {
    let (id, title) = ("jails", "place of VMs");
    let forbidden: Vec<&str> = [(FsFlags::ST_NODEV, "nodev"), (FsFlags::ST_NOEXEC, "noexec")]
        .into_iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, name)| name)
        .collect();
    let detail = format!("{} is mounted with {}", place.display(), forbidden.join(" and "));
    match backend {
        _ if forbidden.is_empty() => {
            Finding::ok(id, title, format!("{} takes programs and device nodes", place.display()))
        }
        Backend::Qemu if flags.contains(FsFlags::ST_NODEV) => {
            let text = "choose another state directory, or mount this one without";
            Finding::warn(
                id,
                title,
                format!("{detail}: QEMU can use neither KVM nor the host's network there"),
            )
            .with(Remedy::by_hand(text, None))
        }
        Backend::Qemu => Finding::ok(id, title, format!("{detail}, which QEMU does not mind")),
        Backend::Firecracker => {
            let text = "choose another state directory, or mount this one without";
            Finding::fail(id, title, format!("{detail}, so that no jail can be made"))
                .with(Remedy::by_hand(text, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn controllers_that_are_missing_are_a_remark_that_names_them() {
        let judged =
            |names: &[&str]| judge_control_groups(Some(&names.iter().map(ToString::to_string).collect()));
        assert_eq!(judged(&["cpu", "io", "memory", "pids"]).level, Level::Ok);
        let finding = judged(&["hugetlb", "memory"]);
        assert_eq!(finding.level, Level::Warn);
        assert!(finding.detail.contains("not limited by cpu, pids"), "{}", finding.detail);
        assert!(finding.remedy.unwrap().text.contains("unified_cgroup_hierarchy=1"));
        assert_eq!(judge_control_groups(None).level, Level::Warn);
    }

    #[test]
    fn limits_of_the_disk_that_cannot_be_are_a_remark_with_what_to_do() {
        let disk = Disk { number: "8:0".to_owned(), name: "sda".to_owned() };
        assert_eq!(judge_disk_limits(Ok(disk)).level, Level::Ok);
        for (why, said, remedy) in [
            (NoDiskLimit::NotRoot, "only root", "as root"),
            (NoDiskLimit::NoController, "the controller io", "unified_cgroup_hierarchy=1"),
            (NoDiskLimit::NoDisk("/srv".into()), "/srv is not on a block device", "state_dir"),
        ] {
            let finding = judge_disk_limits(Err(why));
            assert_eq!(finding.level, Level::Warn);
            assert!(finding.detail.contains(said), "{}", finding.detail);
            assert!(finding.remedy.as_ref().unwrap().text.contains(remedy), "{finding:?}");
        }
    }

    #[test]
    fn whoever_else_has_users_of_vms_is_named() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(judge_users(passwd, "ann:100000:65536\n").level, Level::Ok);
        for (passwd, subuid) in [
            ("big:x:700000001:1::/:/bin/sh", ""),
            ("", "big:699999999:2"),
            ("", "big:1:4294967295"),
            ("", "big:700065535:1"),
        ] {
            let finding = judge_users(passwd, subuid);
            assert!(finding.level == Level::Warn && finding.detail.starts_with("big has"), "{finding:?}");
        }
        assert_eq!(judge_users("", "big:699999998:2\nbig:700065536:1\nnonsense\n::\n").level, Level::Ok);
    }

    #[test]
    fn a_place_without_devices_is_a_failure_where_jails_need_them() {
        let place = Path::new("/srv");
        let judged = |flags, backend| judge_place(place, flags, backend);
        assert_eq!(judged(FsFlags::empty(), Backend::Firecracker).level, Level::Ok);
        assert_eq!(judged(FsFlags::ST_NOEXEC, Backend::Qemu).level, Level::Ok);
        assert_eq!(judged(FsFlags::ST_NODEV, Backend::Qemu).level, Level::Warn);
        let finding = judged(FsFlags::ST_NODEV | FsFlags::ST_NOEXEC, Backend::Firecracker);
        assert_eq!(finding.level, Level::Fail);
        assert!(finding.detail.starts_with("/srv is mounted with nodev and noexec"), "{}", finding.detail);
    }
}
