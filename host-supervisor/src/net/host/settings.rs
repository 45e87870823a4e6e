//! What the operator decides of the host's network.

use std::{fmt, net::Ipv4Addr, net::Ipv6Addr, str::FromStr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::DEVICE_PREFIX;

/// Every field has a default; with all of them guests reach the public internet over IPv4 and ask the host's name server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostNetworkSettings {
    /// Name of the bridge, at most 15 characters. The tables of the rules are called `anteroom-<bridge>`.
    pub bridge: String,
    /// The host's address on the bridge with the length of the prefix, 16 to 30. The guests get the others.
    pub ipv4: Ipv4Net,
    /// The same for IPv6, and without it the guests have none. A guest's address has the same host part as its IPv4
    /// address. A unique local network (fc00::/7) is masqueraded, any other must be routed to this host by others.
    pub ipv6: Option<Ipv6Net>,
    /// The name server that guests ask. When it is unset, the first of the host's own that is not on its loopback.
    pub dns: Option<Ipv4Addr>,
    /// Destinations that are reached although they are in a private or otherwise special range.
    pub allow: Vec<IpNet>,
    /// What a guest may reach of the host itself, at the bridge's address.
    pub host_services: Vec<HostService>,
    /// Interfaces by which the world is reached; those of the default routes when it is empty.
    pub uplinks: Vec<String>,
    /// How many connections a guest may have at once, so that one guest does not fill the host's table of them.
    pub max_connections: u32,
    /// Who, besides root, may open the devices: the user id of the VMMs. When it is unset, the daemon's own.
    pub tap_owner: Option<u32>,
    /// The program that loads the rules: a path, or a name to be found in `PATH`, `/usr/sbin` and `/sbin`.
    pub nft: String,
}

/// One port of the host, written `udp/53`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostService {
    pub transport: Transport,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "{0:?} cannot be the name of an interface here: expected 1 to 15 of a-z, A-Z, 0-9, dot, hyphen and underscore, \
         a letter or a digit first, and not all, default, lo or fc-vm-..."
    )]
    Name(String),
    #[error("{0} is no network for guests: expected the host's own address in it, with a prefix of 16 to 30")]
    Ipv4(Ipv4Net),
    #[error(
        "{ipv6} is no network for guests beside {ipv4}: the host's address must end as its IPv4 address does, and \
         leave as many bits for the guests"
    )]
    Ipv6 { ipv6: Ipv6Net, ipv4: Ipv4Net },
    #[error("the name server {0} would be a guest's address")]
    Dns(Ipv4Addr),
    #[error("{0:?} is no service of a host: expected udp/53 or tcp/53, for example")]
    Service(String),
    #[error("a guest must be allowed one connection at least")]
    NoConnections,
}

impl Default for HostNetworkSettings {
    fn default() -> Self {
        Self {
            bridge: "br0".to_owned(),
            ipv4: Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 100, 1), 24),
            ipv6: None,
            dns: None,
            allow: Vec::new(),
            host_services: Vec::new(),
            uplinks: Vec::new(),
            max_connections: 4096,
            tap_owner: None,
            nft: "nft".to_owned(),
        }
    }
}

impl HostNetworkSettings {
    /// # Errors
    /// Names the setting that cannot be, and what is expected there.
    pub fn check(&self) -> Result<(), SettingsError> {
        for name in self.uplinks.iter().chain([&self.bridge]) {
            check_name(name)?;
        }
        let host = self.ipv4.addr();
        let edges = [self.ipv4.network(), self.ipv4.broadcast()];
        if !(16..=30).contains(&self.ipv4.prefix_len()) || edges.contains(&host) {
            return Err(SettingsError::Ipv4(self.ipv4));
        }
        if let Some(ipv6) = self.ipv6 {
            let room = 128 - ipv6.prefix_len() >= 32 - self.ipv4.prefix_len();
            if !room || self.ipv6_beside(ipv6, host) != ipv6.addr() {
                return Err(SettingsError::Ipv6 { ipv6, ipv4: self.ipv4 });
            }
        }
        if let Some(dns) = self.dns.filter(|dns| self.ipv4.contains(dns) && *dns != host) {
            return Err(SettingsError::Dns(dns));
        }
        if self.max_connections == 0 { Err(SettingsError::NoConnections) } else { Ok(()) }
    }

    /// The IPv6 address with the same host part as an IPv4 address of ours.
    pub(super) fn ipv6_beside(&self, ipv6: Ipv6Net, address: Ipv4Addr) -> Ipv6Addr {
        let host_part = u32::from(address) - u32::from(self.ipv4.network());
        Ipv6Addr::from(u128::from(ipv6.network()) | u128::from(host_part))
    }
}

/// The kernel allows more, but the name becomes part of rules, of file names and of a table's name.
pub(super) fn check_name(name: &str) -> Result<(), SettingsError> {
    let good = (1..=15).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        && !["all", "default", "lo"].contains(&name)
        && !name.starts_with(DEVICE_PREFIX);
    if good { Ok(()) } else { Err(SettingsError::Name(name.chars().take(32).collect())) }
}

impl fmt::Display for HostService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.transport, self.port)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl FromStr for HostService {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let service = text.split_once('/').and_then(|(transport, port)| {
            let transport = match transport {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                _ => return None,
            };
            let port = port.parse().ok().filter(|port| *port != 0)?;
            Some(Self { transport, port })
        });
        service.ok_or_else(|| SettingsError::Service(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for HostService {
    type Error = SettingsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostService> for String {
    fn from(service: HostService) -> Self {
        service.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut HostNetworkSettings)) -> Result<(), SettingsError> {
        let mut settings = HostNetworkSettings::default();
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn settings_are_read_from_a_file_with_what_is_not_there_by_default() {
        let text = r#"
            bridge = "anteroom0"
            ipv4 = "10.77.0.1/16"
            ipv6 = "fd00:77::1/64"
            allow = ["10.1.0.0/16", "fd00:1::/64"]
            host_services = ["udp/53", "tcp/53"]
        "#;
        let settings: HostNetworkSettings = toml::from_str(text).unwrap();
        assert_eq!(settings.check(), Ok(()));
        assert_eq!(settings.host_services[1], HostService { transport: Transport::Tcp, port: 53 });
        assert_eq!(settings.max_connections, HostNetworkSettings::default().max_connections);
        assert!(toml::from_str::<HostNetworkSettings>("brigde = \"br0\"").is_err());
        assert!(toml::from_str::<HostNetworkSettings>("host_services = [\"sctp/1\"]").is_err());
        assert_eq!(toml::from_str::<HostNetworkSettings>("").unwrap(), HostNetworkSettings::default());
    }

    #[test]
    fn a_name_that_could_become_a_rule_or_a_path_is_refused() {
        for good in ["br0", "anteroom-0", "eth0.100", "a23456789012345"] {
            assert_eq!(checked(|s| s.bridge = good.to_owned()), Ok(()), "{good}");
        }
        for bad in
            ["", "..", "all", "default", "lo", "a234567890123456", "br 0", "br\"0", "br/0", "-br", "fc-vm-x"]
        {
            assert!(matches!(checked(|s| s.bridge = bad.to_owned()), Err(SettingsError::Name(_))), "{bad}");
            assert!(checked(|s| s.uplinks = vec![bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_network_has_room_and_an_address_of_the_host() {
        for good in ["192.168.100.1/24", "10.0.0.5/16", "172.20.1.254/24", "10.0.0.1/30"] {
            assert_eq!(checked(|s| s.ipv4 = good.parse().unwrap()), Ok(()), "{good}");
        }
        for bad in ["192.168.100.0/24", "192.168.100.255/24", "10.0.0.1/8", "10.0.0.1/31"] {
            assert!(checked(|s| s.ipv4 = bad.parse().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_ipv6_network_ends_as_the_ipv4_network_does() {
        assert_eq!(checked(|s| s.ipv6 = Some("fd00:77::1/64".parse().unwrap())), Ok(()));
        for bad in ["fd00:77::2/64", "fd00:77::1/124", "fd00:77::/64"] {
            assert!(checked(|s| s.ipv6 = Some(bad.parse().unwrap())).is_err(), "{bad}");
        }
        let settings = HostNetworkSettings::default();
        let beside =
            settings.ipv6_beside("fd00:77::1/64".parse().unwrap(), Ipv4Addr::new(192, 168, 100, 254));
        assert_eq!(beside, "fd00:77::fe".parse::<Ipv6Addr>().unwrap());
    }

    #[test]
    fn a_name_server_is_no_guest_and_a_guest_has_connections() {
        assert!(checked(|s| s.dns = Some(Ipv4Addr::new(192, 168, 100, 7))).is_err());
        assert_eq!(checked(|s| s.dns = Some(Ipv4Addr::new(192, 168, 100, 1))), Ok(()));
        assert_eq!(checked(|s| s.max_connections = 0), Err(SettingsError::NoConnections));
    }
}
