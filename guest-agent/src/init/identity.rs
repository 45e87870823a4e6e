//! Who this machine is: host name, machine id, resolver, hosts file, and the directories of the desktop's user.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, Permissions},
    io,
    net::Ipv4Addr,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use anteroom_protocol::cmdline::KernelCommandLine;
use nix::unistd::sethostname;

use crate::account::Account;

/// The host name: what `ip=` says, or the VM's short id.
pub(super) fn host_name(line: &KernelCommandLine) -> String {
    let asked = line.ip.as_ref().and_then(|ip| ip.hostname.clone());
    asked.unwrap_or_else(|| {
        line.vm.map_or_else(|| "anteroom".to_owned(), |vm| format!("anteroom-{}", vm.short()))
    })
}

/// Sets everything that depends on the command line only. Each failure is named, none ends the boot.
pub(super) fn assume(line: &KernelCommandLine) {
    let name = host_name(line);
    if let Err(error) = sethostname(&name) {
        tracing::error!("the host name cannot be set: {error}");
    }
    let resolver = resolver(line);
    let files = [
        ("/etc/hostname", format!("{name}\n")),
        ("/etc/hosts", hosts(&name, &BTreeMap::new())),
        ("/etc/machine-id", machine_id(line)),
        ("/etc/resolv.conf", resolver.clone()),
    ];
    for (path, contents) in files.iter().filter(|(_, contents)| !contents.is_empty()) {
        if let Err(error) = replace(Path::new(path), contents) {
            tracing::error!("{path} cannot be written: {error}");
        }
    }
}

/// The directories that the desktop's programs expect, which a boot has to make because they are in memory.
pub(super) fn make_room_for(account: &Account) {
    let runtime = format!("/run/user/{}", account.uid);
    let owned = Some(account);
    // The X server, which is not root, insists on finding the last two as root's.
    let directories = [
        ("/run/user", 0o755, None),
        (runtime.as_str(), 0o700, owned),
        ("/run/anteroom", 0o755, owned),
        ("/tmp/.X11-unix", 0o1777, None),
        ("/tmp/.ICE-unix", 0o1777, None),
    ];
    for (path, mode, owner) in directories {
        let made = fs::create_dir_all(path)
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
            .and_then(|()| {
                owner.map_or(Ok(()), |owner| chown(path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())))
            });
        if let Err(error) = made {
            tracing::error!("{path} cannot be made: {error}");
        }
    }
}

/// hosts(5), with names that no DNS server knows.
pub(super) fn hosts(name: &str, extra: &BTreeMap<String, Ipv4Addr>) -> String {
    let mut text =
        format!("127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost ip6-loopback\n");
    for (host, address) in extra {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{address} {host}");
    }
    text
}

/// machine-id(5): 32 hexadecimal digits. The VM's id serves well; without one the kernel's boot id does.
fn machine_id(line: &KernelCommandLine) -> String {
    let id = line.vm.map_or_else(
        || fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        |vm| vm.to_string(),
    );
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    if digits.len() == 32 { digits + "\n" } else { String::new() }
}

fn resolver(line: &KernelCommandLine) -> String {
    let servers = line.ip.iter().flat_map(|ip| [ip.dns0, ip.dns1]).flatten();
    servers.map(|server| format!("nameserver {server}\n")).collect()
}

/// Writes a file anew; what stood there may be a link out of the image.
pub(super) fn replace(path: &Path, contents: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::write(path, contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> KernelCommandLine {
        text.parse().unwrap()
    }

    #[test]
    fn the_name_comes_from_ip_or_from_the_vm() {
        assert_eq!(host_name(&line("ip=10.0.2.15::::desk::off")), "desk");
        let vm = "anteroom.vm=3f2a1b00-0000-4000-8000-000000000000";
        assert_eq!(host_name(&line(vm)), "anteroom-3f2a1b00");
        assert_eq!(host_name(&line("")), "anteroom");
    }

    #[test]
    fn the_machine_id_is_that_of_the_vm() {
        let vm = line("anteroom.vm=3f2a1b00-0000-4000-8000-00000000000a");
        assert_eq!(machine_id(&vm), "3f2a1b0000004000800000000000000a\n");
    }

    #[test]
    fn every_name_server_is_written_down() {
        let text = resolver(&line("ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3:1.1.1.1"));
        assert_eq!(text, "nameserver 10.0.2.3\nnameserver 1.1.1.1\n");
        assert_eq!(resolver(&line("")), "");
    }

    #[test]
    fn extra_hosts_follow_the_usual_ones() {
        let extra = BTreeMap::from([("auth.example".to_owned(), Ipv4Addr::new(10, 0, 2, 2))]);
        assert!(hosts("desk", &extra).ends_with("ip6-loopback\n10.0.2.2 auth.example\n"));
    }
}
