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

use anteroom_protocol::{
    VmId,
    cmdline::{IpConfig, KernelCommandLine},
};
use nix::unistd::sethostname;

use super::boot_id;
use crate::account::Account;

const HOST_NAME: &str = "/etc/hostname";
const HOSTS: &str = "/etc/hosts";
const MACHINE_ID: &str = "/etc/machine-id";
/// A link to the other, or a file of its own (dbus-uuidgen(1)).
const DBUS_MACHINE_ID: &str = "/var/lib/dbus/machine-id";
const RESOLVER: &str = "/etc/resolv.conf";

/// Who a machine is, however it was told so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) vm: Option<VmId>,
    name: String,
    /// None when nobody has said anything about it: what the image has stays.
    name_servers: Option<Vec<Ipv4Addr>>,
}

impl Identity {
    /// What a boot's command line makes of it.
    pub(super) fn of_boot(line: &KernelCommandLine) -> Self {
        let name_servers = line.ip.as_ref().map(name_servers).filter(|servers| !servers.is_empty());
        Self { vm: line.vm, name: host_name(line.vm, line.ip.as_ref()), name_servers }
    }

    /// What a host makes of a copy, of which nothing may stay the template's.
    pub(super) fn of_copy(vm: VmId, ip: Option<&IpConfig>) -> Self {
        let name_servers = Some(ip.map(name_servers).unwrap_or_default());
        Self { vm: Some(vm), name: host_name(Some(vm), ip), name_servers }
    }
}

/// The host name: what `ip=` says, or the VM's short id.
fn host_name(vm: Option<VmId>, ip: Option<&IpConfig>) -> String {
    let asked = ip.and_then(|ip| ip.hostname.clone());
    asked.unwrap_or_else(|| vm.map_or_else(|| "anteroom".to_owned(), |vm| format!("anteroom-{}", vm.short())))
}

fn name_servers(ip: &IpConfig) -> Vec<Ipv4Addr> {
    [ip.dns0, ip.dns1].into_iter().flatten().collect()
}

/// Becomes it: host name, and the files that tell programs who this is. Each failure is named, none ends anything.
pub(super) fn assume(identity: &Identity) {
    let name = &identity.name;
    if let Err(error) = sethostname(name) {
        tracing::error!("the host name cannot be set: {error}");
    }
    let machine_id = machine_id(identity.vm);
    let own_id = |path: &str| fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
    let files = [
        (HOST_NAME, Some(format!("{name}\n"))),
        (HOSTS, Some(hosts(name, &BTreeMap::new()))),
        (DBUS_MACHINE_ID, machine_id.clone().filter(|_| own_id(DBUS_MACHINE_ID))),
        (MACHINE_ID, machine_id),
        (RESOLVER, identity.name_servers.as_deref().map(resolver)),
    ];
    for (path, contents) in files {
        if let Some(contents) = contents
            && let Err(error) = replace(Path::new(path), &contents)
        {
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
fn machine_id(vm: Option<VmId>) -> Option<String> {
    let id = vm.map_or_else(|| fs::read_to_string(boot_id::FILE).unwrap_or_default(), |vm| vm.to_string());
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    (digits.len() == 32).then(|| digits + "\n")
}

fn resolver(servers: &[Ipv4Addr]) -> String {
    servers.iter().map(|server| format!("nameserver {server}\n")).collect()
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
        let name = |text: &str| Identity::of_boot(&line(text)).name;
        assert_eq!(name("ip=10.0.2.15::::desk::off"), "desk");
        assert_eq!(name("anteroom.vm=3f2a1b00-0000-4000-8000-000000000000"), "anteroom-3f2a1b00");
        assert_eq!(name(""), "anteroom");
    }

    #[test]
    fn the_machine_id_is_that_of_the_vm() {
        let vm = line("anteroom.vm=3f2a1b00-0000-4000-8000-00000000000a").vm;
        assert_eq!(machine_id(vm).unwrap(), "3f2a1b0000004000800000000000000a\n");
    }

    #[test]
    fn every_name_server_is_written_down() {
        let servers = |text| Identity::of_boot(&line(text)).name_servers.map(|servers| resolver(&servers));
        let both = servers("ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3:1.1.1.1");
        assert_eq!(both.unwrap(), "nameserver 10.0.2.3\nnameserver 1.1.1.1\n");
        assert_eq!(servers(""), None);
    }

    #[test]
    fn a_copy_is_who_a_boot_with_the_same_words_would_be_and_keeps_no_name_server() {
        let boot = line(
            "anteroom.vm=3f2a1b00-0000-4000-8000-000000000000 ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3",
        );
        let vm = boot.vm.unwrap();
        assert_eq!(Identity::of_copy(vm, boot.ip.as_ref()), Identity::of_boot(&boot));
        assert_eq!(Identity::of_copy(vm, None).name_servers, Some(Vec::new()));
    }

    #[test]
    fn extra_hosts_follow_the_usual_ones() {
        let extra = BTreeMap::from([("auth.example".to_owned(), Ipv4Addr::new(10, 0, 2, 2))]);
        assert!(hosts("desk", &extra).ends_with("ip6-loopback\n10.0.2.2 auth.example\n"));
    }
}
