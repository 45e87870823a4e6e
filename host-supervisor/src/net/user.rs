//! The VMM's own user-mode network, which needs no privileges on the host. Data and pure checks; a backend makes it true.

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anteroom_protocol::cmdline::{Autoconf, IpConfig};
use serde::{Deserialize, Serialize};

/// A network of one guest, made by the VMM out of the host's own sockets.
///
/// With [`Reach::Everything`] the guest reaches what the host's routes reach, **the host's loopback included**:
/// QEMU's stack hands connections to the gateway's address on to 127.0.0.1, and no option of QEMU 7.2 to 10.0
/// prevents it. Whatever listens on the host's loopback must therefore not trust who connects there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserNetwork {
    pub reach: Reach,
    pub forwards: Vec<Forward>,
    /// The name server the guest asks; the host's own, through the VMM, when unset.
    pub dns: Option<Ipv4Addr>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    #[default]
    Everything,
    /// Nothing but [`UserNetwork::forwards`].
    ForwardsOnly,
}

/// One service of the host that the guest finds under an address of its own network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Inside 10.0.2.0/24, but none of the addresses that are taken there.
    pub guest: SocketAddrV4,
    pub host: SocketAddr,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("the guest cannot have a service forwarded at {0}: expected a free address in 10.0.2.0/24")]
    Address(Ipv4Addr),
    #[error("two services are forwarded at {0}")]
    Twice(SocketAddrV4),
}

impl UserNetwork {
    pub const NETWORK: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 0);
    pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
    pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
    pub const DNS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
    pub const PREFIX_LEN: u8 = 24;

    /// What the guest is told on its kernel command line.
    #[must_use]
    pub fn ip_config(&self) -> IpConfig {
        IpConfig {
            client: Some(Self::GUEST),
            gateway: Some(Self::GATEWAY),
            prefix_len: Some(Self::PREFIX_LEN),
            device: Some("eth0".to_owned()),
            autoconf: Autoconf::Off,
            dns0: Some(self.dns.unwrap_or(Self::DNS)),
            ..IpConfig::default()
        }
    }

    /// # Errors
    /// When a forward stands at an address that is not the network's, or taken.
    pub fn check(&self) -> Result<(), NetworkError> {
        for (index, forward) in self.forwards.iter().enumerate() {
            let address = *forward.guest.ip();
            let octets = address.octets();
            let inside = octets[..3] == Self::GUEST.octets()[..3] && !matches!(octets[3], 0 | 255);
            if !inside || [Self::GUEST, Self::GATEWAY, Self::DNS].contains(&address) {
                return Err(NetworkError::Address(address));
            }
            if self.forwards[..index].iter().any(|other| other.guest == forward.guest) {
                return Err(NetworkError::Twice(forward.guest));
            }
        }
        Ok(())
    }
}
