//! What can be wrong with the host's network, each with what to do about it.

use std::{io, net::IpAddr};

use anteroom_protocol::VmId;
use ipnet::{IpNet, Ipv4Net};

use super::{DnsError, SettingsError};
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum HostNetworkError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Dns(#[from] DnsError),
    #[error(
        "{0}: the capability CAP_NET_ADMIN is missing; run the daemon as root, or give it that capability as an ambient \
         one (systemd: AmbientCapabilities=CAP_NET_ADMIN), or use user-mode networking"
    )]
    Privilege(String),
    #[error("the program {0} is missing: install the package nftables")]
    NoNft(String),
    #[error("/dev/net/tun is missing: load the kernel's module tun (modprobe tun)")]
    NoTun,
    #[error(
        "/dev/net/tun may not be opened by this user: let it be read and written (its usual mode is 666)"
    )]
    TunForbidden,
    #[error("nft refuses the rules: {0}")]
    Rules(String),
    #[error("nft cannot be run")]
    Nft(#[source] io::Error),
    #[error("{name} is not ours: {why}; choose another name for the bridge")]
    ForeignBridge { name: String, why: String },
    #[error("the network {network} is in use on {device} ({found}): choose another for the guests")]
    NetworkInUse { network: IpNet, device: String, found: IpAddr },
    #[error(
        "no address left in {}: {in_use} are in use", .network.trunc()
    )]
    NoAddressLeft { network: Ipv4Net, in_use: usize },
    #[error("the VM {0} has a network already")]
    Twice(VmId),
    #[error("the device {0} exists already and is not this VM's")]
    DeviceExists(String),
    #[error(
        "this kernel forwards IPv6 only for all interfaces at once, which changes how the host itself is configured: set \
         net.ipv6.conf.all.forwarding=1 yourself (and accept_ra=2 on uplinks that need it), or leave the guests' ipv6 out"
    )]
    Ipv6Forwarding,
    #[error("{what}")]
    Netlink {
        what: String,
        #[source]
        source: rtnetlink::Error,
    },
    #[error("{what}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("the addresses of the VMs")]
    Store(#[from] StoreError),
}

impl HostNetworkError {
    /// For a system call about `what`.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Privilege(what),
            _ => Self::Io { what, source },
        }
    }

    /// For a request to the kernel about `what`.
    pub(super) fn netlink(what: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> Self {
        let what = what.into();
        move |source| match errno(&source) {
            Some(nix::libc::EPERM | nix::libc::EACCES) => Self::Privilege(what),
            _ => Self::Netlink { what, source },
        }
    }
}

/// The kernel's reason, as a positive number.
pub(super) fn errno(error: &rtnetlink::Error) -> Option<i32> {
    match error {
        rtnetlink::Error::NetlinkError(message) => Some(message.raw_code().abs()),
        _ => None,
    }
}
