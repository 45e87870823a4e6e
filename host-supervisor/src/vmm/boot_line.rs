//! What a guest's kernel is told, whoever runs it: the generic parameters, and where it finds its disks. What a VMM adds stands
//! between.

use anteroom_protocol::{
    VmId,
    cmdline::{CommandLineError, KernelCommandLine, Purpose},
    desk::Directions,
};

use super::{BootFiles, VmSpec};
use crate::net::Network;

/// What the line depends on.
#[derive(Debug, Clone)]
pub(super) struct Boot<'a> {
    pub(super) vm: Option<VmId>,
    pub(super) purpose: Purpose,
    /// The VMM's own.
    pub(super) more: Vec<String>,
    /// Whether there is a disk that PID 1 comes from: the first one.
    pub(super) agent: bool,
    pub(super) layers: usize,
    pub(super) disk: bool,
    pub(super) network: &'a Network,
    pub(super) clipboard: Directions,
}

impl<'a> Boot<'a> {
    pub(super) fn desktop(spec: &'a VmSpec, more: Vec<String>) -> Self {
        Self {
            vm: Some(spec.id),
            purpose: Purpose::Desktop,
            more,
            agent: spec.boot.agent.is_some(),
            layers: spec.layers.len(),
            disk: spec.disk.is_some(),
            network: &spec.network,
            clipboard: spec.clipboard,
        }
    }

    /// Only to see whether a kernel boots here.
    pub(super) fn probe(files: &BootFiles) -> Self {
        Self {
            vm: None,
            purpose: Purpose::Probe,
            more: Vec::new(),
            agent: files.agent.is_some(),
            layers: 0,
            disk: false,
            network: &Network::None,
            clipboard: Directions::BOTH,
        }
    }
}

/// How a kernel mounts it and finds PID 1 there (`guest-image` makes it). A kernel that is told nothing would try to mount it writable
/// where a VMM has not filled in its header (`vmlinux`).
const AGENTS_DISK: [&str; 3] = ["rootfstype=erofs", "ro", "init=/init"];

/// In the kernel's own syntax (Documentation/admin-guide/kernel-parameters.rst).
pub(super) fn boot_line(boot: Boot<'_>) -> Result<String, CommandLineError> {
    let mut others: Vec<String> = [
        "console=ttyS0",
        // Errors and worse are shown: panics, the out-of-memory killer. Printing the rest costs half a second.
        "loglevel=4",
        // A panic resets at once, which ends the VMM; an oops is one: a limping guest helps nobody.
        "panic=-1",
        "oops=panic",
        "net.ifnames=0",
        // The kernel's self-tests of its ciphers take 0.3 s under TCG.
        "cryptomgr.notests",
    ]
    .map(str::to_owned)
    .into();
    others.extend(boot.more);
    let mut devices = ('a'..='z').map(|letter| format!("/dev/vd{letter}"));
    let root = boot.agent.then(|| devices.next()).flatten();
    if root.is_some() {
        others.extend(AGENTS_DISK.map(str::to_owned));
    }
    let layers = devices.by_ref().take(boot.layers).collect();
    let disk = boot.disk.then(|| devices.next()).flatten();
    let (ip, ip6) = match boot.network {
        Network::None => (None, None),
        Network::User(network) => (Some(network.ip_config()), None),
        Network::Tap(network) => (Some(network.ip_config()), network.ip6_config()),
    };
    let Boot { vm, purpose, clipboard, .. } = boot;
    KernelCommandLine { root, ip, ip6, vm, layers, disk, purpose, clipboard, others }.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{TapIpv6, TapNetwork, UserNetwork};

    const VM: &str = "3f2a51c4-0b1e-4c52-9d37-6f1f4a1c9e10";

    fn files(agent: Option<&str>) -> BootFiles {
        BootFiles { kernel: "/k/vmlinuz".into(), initrd: None, agent: agent.map(Into::into) }
    }

    #[test]
    fn the_kernel_is_told_its_disks_in_the_order_in_which_they_are_attached() {
        let boot = Boot {
            vm: Some(VM.parse().unwrap()),
            purpose: Purpose::Desktop,
            more: vec!["tsc=reliable".to_owned()],
            agent: true,
            layers: 3,
            disk: true,
            network: &Network::User(UserNetwork::default()),
            clipboard: Directions { to_desktop: true, from_desktop: false },
        };
        assert_eq!(
            boot_line(boot).unwrap(),
            "console=ttyS0 loglevel=4 panic=-1 oops=panic net.ifnames=0 cryptomgr.notests \
             tsc=reliable rootfstype=erofs ro init=/init root=/dev/vda \
             ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3 \
             anteroom.vm=3f2a51c4-0b1e-4c52-9d37-6f1f4a1c9e10 anteroom.layers=/dev/vdb,/dev/vdc,/dev/vdd \
             anteroom.disk=/dev/vde anteroom.clipboard=in"
        );
    }

    #[test]
    fn a_vm_whose_agent_is_in_its_initramfs_has_its_disks_under_the_names_that_it_knows() {
        let boot = Boot { layers: 2, disk: true, ..Boot::probe(&files(None)) };
        let line = boot_line(boot).unwrap();
        assert!(line.contains(" anteroom.layers=/dev/vda,/dev/vdb anteroom.disk=/dev/vdc "), "{line}");
        assert!(!line.contains("root"), "{line}");
    }

    #[test]
    fn a_guest_of_the_hosts_network_is_told_its_ipv6_address_where_it_has_one() {
        let line = |ipv6| {
            let network = Network::Tap(TapNetwork { ipv6, ..TapNetwork::example() });
            boot_line(Boot { network: &network, ..Boot::probe(&files(None)) }).unwrap()
        };
        let ip = "ip=192.168.100.2::192.168.100.1:255.255.255.0::eth0:off:9.9.9.9";
        assert!(line(None).ends_with(&format!(" cryptomgr.notests {ip} anteroom.purpose=probe")));
        let ipv6 = TapIpv6 {
            address: "fd00:77::2".parse().unwrap(),
            prefix_len: 64,
            gateway: "fd00:77::1".parse().unwrap(),
        };
        let told = format!(" {ip} anteroom.ip6=fd00:77::2/64,fd00:77::1 anteroom.purpose=probe");
        assert!(line(Some(ipv6)).ends_with(&told));
    }

    #[test]
    fn a_probe_boot_has_nothing_but_the_agent_and_its_purpose() {
        assert_eq!(
            boot_line(Boot::probe(&files(Some("/i/agent.erofs")))).unwrap(),
            "console=ttyS0 loglevel=4 panic=-1 oops=panic net.ifnames=0 cryptomgr.notests \
             rootfstype=erofs ro init=/init root=/dev/vda anteroom.purpose=probe"
        );
    }
}
