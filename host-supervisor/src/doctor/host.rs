//! The machine around: room, memory, directories, the port.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use nix::{sys::statvfs::statvfs, unistd::Uid};

use super::finding::{Finding, Remedy};
use crate::{
    config::{Config, PoolSettings},
    host_memory::{Reading, Source},
    vm::may_wait,
};

const MIB: u64 = 1 << 20;
/// What a first build of the desktop image takes at most, with its scratch files.
const ROOM_FOR_BUILD_MIB: u64 = 6 * 1024;
/// What a few VMs write on their disks.
const ROOM_FOR_VMS_MIB: u64 = 1024;

pub(super) fn examine(config: &Config, image_is_there: bool) -> Vec<Finding> {
    let room_for_images = if image_is_there { ROOM_FOR_VMS_MIB } else { ROOM_FOR_BUILD_MIB };
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    vec![
        room("image-room", "room for images", &config.image_dir, room_for_images),
        room("state-room", "room for VMs", &config.state_dir, ROOM_FOR_VMS_MIB),
        state_directory(&config.state_dir),
        judge_memory(&meminfo, u64::from(config.browser_vm.memory_mib)),
        judge_pool(Source::default().read(), config.browser_vm.memory_mib, config.pool),
        user_namespaces(image_is_there),
        judge_port(config.listen, TcpListener::bind(config.listen).map(drop)),
    ]
}

fn room(id: &'static str, title: &'static str, directory: &Path, needed_mib: u64) -> Finding {
    let existing = directory.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    match statvfs(existing) {
        Ok(status) => judge_room(
            id,
            title,
            directory,
            status.blocks_available() * status.fragment_size() / MIB,
            needed_mib,
        ),
        Err(errno) => Finding::warn(id, title, format!("{}: {}", existing.display(), errno.desc())),
    }
}

fn judge_room(
    id: &'static str,
    title: &'static str,
    directory: &Path,
    free_mib: u64,
    needed_mib: u64,
) -> Finding {
    let detail = format!("{free_mib} MiB free at {}", directory.display());
    if free_mib >= needed_mib {
        return Finding::ok(id, title, detail);
    }
    Finding::fail(id, title, format!("{detail}, {needed_mib} MiB are needed")).with(Remedy::by_hand(
        "make room, or choose other directories with the settings image_dir and state_dir",
        None,
    ))
}

fn state_directory(directory: &Path) -> Finding {
    let (id, title) = ("state-directory", "state directory");
    // Looking must not make it; where it is not there yet, its nearest ancestor has to be writable.
    let existing = directory.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    match nix::unistd::access(existing, nix::unistd::AccessFlags::W_OK | nix::unistd::AccessFlags::X_OK) {
        Ok(()) => Finding::ok(id, title, directory.display().to_string()),
        Err(errno) => {
            Finding::fail(id, title, format!("{} is not writable: {}", existing.display(), errno.desc()))
                .with(Remedy::by_hand("choose another with ANTEROOM_STATE_DIR", None))
        }
    }
}

fn judge_memory(meminfo: &str, vm_mib: u64) -> Finding {
    let (id, title) = ("memory", "memory");
    let field = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
    };
    let (Some(total), Some(available)) = (field("MemTotal"), field("MemAvailable")) else {
        return Finding::warn(id, title, "/proc/meminfo does not tell");
    };
    let detail = format!("{available} of {total} MiB available; a VM with a desktop may use {vm_mib} MiB");
    let remedy = || {
        Remedy::by_hand(
            "give VMs less with the setting vm.browser.memory_mib (512 do without a browser)",
            None,
        )
    };
    match () {
        () if total <= vm_mib => Finding::fail(id, title, detail).with(remedy()),
        () if available < vm_mib => Finding::warn(id, title, detail).with(remedy()),
        () => Finding::ok(id, title, detail),
    }
}

/// Whether VMs would be made ready that wait for somebody.
fn judge_pool(reading: Reading, vm_mib: u32, PoolSettings { min, max }: PoolSettings) -> Finding {
    let (id, title) = ("pool", "VMs kept ready");
    if max == 0 {
        return Finding::ok(id, title, "none: pool.max is 0");
    }
    let stalls = reading.stalls_percent.map_or_else(
        || "this kernel does not count how long programs wait for memory".to_owned(),
        |percent| format!("programs wait for memory {percent:.0} % of the time"),
    );
    match may_wait(reading, vm_mib, 0, max as usize) {
        (_, None) => Finding::ok(id, title, format!("{min} to {max}; {stalls}")),
        (_, Some(why)) => {
            Finding::warn(id, title, format!("none is added now: {why}")).with(Remedy::by_hand(
                "give VMs less with the setting vm.browser.memory_mib, or this machine less to do",
                None,
            ))
        }
    }
}

/// Building an image without being root makes files of other owners, in a user namespace.
fn user_namespaces(image_is_there: bool) -> Finding {
    let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    judge_user_namespaces(
        Uid::effective().is_root(),
        image_is_there,
        &Namespaces {
            most: read("/proc/sys/user/max_user_namespaces"),
            unprivileged: read("/proc/sys/kernel/unprivileged_userns_clone"),
            restricted: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        },
    )
}

/// The kernel's settings; not every kernel has each.
#[derive(Debug, Default)]
struct Namespaces {
    most: Option<String>,
    unprivileged: Option<String>,
    restricted: Option<String>,
}

fn judge_user_namespaces(is_root: bool, image_is_there: bool, settings: &Namespaces) -> Finding {
    let (id, title) = ("user-namespaces", "user namespaces");
    if is_root {
        return Finding::ok(id, title, "not needed by root");
    }
    let blocked = [
        (&settings.most, "0", "user.max_user_namespaces=65536"),
        (&settings.unprivileged, "0", "kernel.unprivileged_userns_clone=1"),
        (&settings.restricted, "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ]
    .into_iter()
    .find(|(value, bad, _)| value.as_deref() == Some(*bad));
    let Some((_, _, setting)) = blocked else { return Finding::ok(id, title, "allowed") };
    let detail = "not allowed for this user; needed when an image is built";
    let finding =
        if image_is_there { Finding::warn(id, title, detail) } else { Finding::fail(id, title, detail) };
    let command = format!("sudo sysctl --write {setting}");
    finding.with(Remedy::by_hand("allow them, or build the image as root", Some(&command)))
}

fn judge_port(listen: SocketAddr, bound: io::Result<()>) -> Finding {
    let (id, title) = ("port", "port");
    match bound {
        Ok(()) => Finding::ok(id, title, format!("{listen} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let text = "nothing, if that is Anteroom itself or its anteroom.socket; else stop it, or choose another with ANTEROOM_LISTEN";
            Finding::warn(id, title, format!("something listens on {listen} already"))
                .with(Remedy::by_hand(text, None))
        }
        Err(error) => Finding::fail(id, title, format!("{listen}: {error}"))
            .with(Remedy::by_hand("choose another address with ANTEROOM_LISTEN", None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn memory_that_no_vm_fits_in_is_a_failure_and_memory_in_use_a_remark() {
        let level = |vm_mib| {
            judge_memory("MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable: 2097152 kB\n", vm_mib).level
        };
        assert_eq!(level(1024), Level::Ok);
        assert_eq!(level(4096), Level::Warn);
        assert_eq!(level(8192), Level::Fail);
        assert_eq!(judge_memory("", 1024).level, Level::Warn);
    }

    #[test]
    fn a_pool_that_would_stay_empty_is_a_remark_with_its_cause() {
        let judged = |available_mib, stalls_percent, max| {
            let reading = Reading { available_mib: Some(available_mib), stalls_percent };
            judge_pool(reading, 4096, PoolSettings { min: 1, max })
        };
        assert_eq!(judged(9000, Some(0.4), 4).detail, "1 to 4; programs wait for memory 0 % of the time");
        assert!(judged(9000, None, 4).detail.ends_with("does not count how long programs wait for memory"));
        let little = judged(1500, Some(0.0), 4);
        assert_eq!(little.level, Level::Warn);
        assert!(little.detail.starts_with("none is added now: 1500 MiB"), "{}", little.detail);
        assert!(judged(9000, Some(30.0), 4).detail.ends_with("wait for memory 30 % of the time"));
        assert_eq!(judged(1500, None, 0).level, Level::Ok, "there is no pool to be small");
    }

    #[test]
    fn a_full_disk_is_told_with_what_is_needed() {
        let finding = judge_room("image-room", "room for images", Path::new("/images"), 100, 6144);
        assert_eq!(finding.level, Level::Fail);
        assert_eq!(finding.detail, "100 MiB free at /images, 6144 MiB are needed");
    }

    #[test]
    fn a_port_in_use_is_found_by_trying() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(judge_port(address, TcpListener::bind(address).map(drop)).level, Level::Warn);
        drop(taken);
        assert_eq!(judge_port(address, TcpListener::bind(address).map(drop)).level, Level::Ok);
    }

    #[test]
    fn forbidden_user_namespaces_stop_only_the_build_of_an_image() {
        let forbidden = Namespaces { restricted: Some("1".into()), ..Namespaces::default() };
        assert_eq!(judge_user_namespaces(true, false, &forbidden).level, Level::Ok);
        assert_eq!(judge_user_namespaces(false, true, &forbidden).level, Level::Warn);
        let finding = judge_user_namespaces(false, false, &forbidden);
        assert_eq!(finding.level, Level::Fail);
        assert!(finding.remedy.unwrap().command.unwrap().contains("apparmor_restrict_unprivileged_userns=0"));
        assert_eq!(judge_user_namespaces(false, false, &Namespaces::default()).level, Level::Ok);
    }

    #[test]
    fn a_state_directory_that_is_not_there_yet_is_judged_by_where_it_will_be_and_not_made() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("a/b");
        assert_eq!(state_directory(&directory).level, Level::Ok);
        assert!(!scratch.path().join("a").exists());
    }
}
