//! A guest's place on the host's bridge, as the guest and its VMM need to know it.

use std::net::{Ipv4Addr, Ipv6Addr};

use anteroom_protocol::{
    MacAddress,
    cmdline::{Autoconf, Ip6Config, IpConfig},
};
use serde::{Deserialize, Serialize};

/// One TAP device and the only addresses that pass through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapNetwork {
    /// The device on the host, at most 15 characters (`IFNAMSIZ`). It exists, and outlives the VMM that opens it.
    pub device: String,
    /// The guest's side of it.
    pub mac: MacAddress,
    pub address: Ipv4Addr,
    /// Length of the network's prefix, 0 to 32.
    pub prefix_len: u8,
    /// The host's address on the bridge.
    pub gateway: Ipv4Addr,
    /// The name server that the guest may ask, wherever that is.
    pub dns: Ipv4Addr,
    pub ipv6: Option<TapIpv6>,
}

/// The same for IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapIpv6 {
    pub address: Ipv6Addr,
    /// Length of the network's prefix, 0 to 128.
    pub prefix_len: u8,
    pub gateway: Ipv6Addr,
}

impl TapNetwork {
    /// What the guest is told on its kernel command line.
    #[must_use]
    pub fn ip_config(&self) -> IpConfig {
        IpConfig {
            client: Some(self.address),
            gateway: Some(self.gateway),
            prefix_len: Some(self.prefix_len),
            device: Some("eth0".to_owned()),
            autoconf: Autoconf::Off,
            dns0: Some(self.dns),
            ..IpConfig::default()
        }
    }

    /// The same for what `ip=` cannot say.
    #[must_use]
    pub fn ip6_config(&self) -> Option<Ip6Config> {
        self.ipv6.map(|TapIpv6 { address, prefix_len, gateway }| Ip6Config {
            address,
            prefix_len,
            gateway: Some(gateway),
        })
    }

    /// Every IPv6 address that the guest may use: the one it was given, and the link-local one of its interface.
    pub(super) fn ipv6_addresses(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.ipv6.into_iter().flat_map(|ipv6| [ipv6.address, self.mac.link_local()])
    }
}

#[cfg(test)]
impl TapNetwork {
    /// One to test with: 192.168.100.2 of 192.168.100.0/24.
    pub(crate) fn example() -> Self {
        let address = Ipv4Addr::new(192, 168, 100, 2);
        Self {
            device: "fc-vm-3f2a51c4".to_owned(),
            mac: MacAddress::of_ipv4(address),
            address,
            prefix_len: 24,
            gateway: Ipv4Addr::new(192, 168, 100, 1),
            dns: Ipv4Addr::new(9, 9, 9, 9),
            ipv6: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_is_told_its_address_in_the_kernels_syntax() {
        assert_eq!(
            TapNetwork::example().ip_config().to_string(),
            "192.168.100.2::192.168.100.1:255.255.255.0::eth0:off:9.9.9.9"
        );
    }
}
