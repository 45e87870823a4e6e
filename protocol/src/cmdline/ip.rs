//! The kernel's `ip=` parameter (Documentation/admin-guide/nfs/nfsroot.rst), all ten fields of it:
//!
//! ```text
//! ip=<client>:<server>:<gateway>:<netmask>:<hostname>:<device>:<autoconf>:<dns0>:<dns1>:<ntp0>
//! ip=<autoconf>                                                     (the short form)
//! ```
//! Empty fields are unset, missing ones at the end too. IPv4 only, as the kernel's parser.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpConfig {
    pub client: Option<Ipv4Addr>,
    pub server: Option<Ipv4Addr>,
    pub gateway: Option<Ipv4Addr>,
    /// Length of the network prefix, 0 to 32; written as a dotted netmask.
    pub prefix_len: Option<u8>,
    pub hostname: Option<String>,
    /// For example `eth0`.
    pub device: Option<String>,
    pub autoconf: Autoconf,
    pub dns0: Option<Ipv4Addr>,
    pub dns1: Option<Ipv4Addr>,
    pub ntp0: Option<Ipv4Addr>,
}

/// How the address is to be found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Autoconf {
    /// Field left empty: the kernel's default, any protocol.
    #[default]
    Unset,
    /// `off` or `none`: only what the other fields say.
    Off,
    /// `on` or `any`.
    Any,
    Dhcp,
    Bootp,
    Rarp,
    /// BOOTP and RARP, but not DHCP.
    Both,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIpError {
    #[error("{0:?} is no IPv4 address")]
    Address(String),
    #[error("{0:?} is no netmask: expected leading ones only, for example 255.255.255.0")]
    Netmask(String),
    #[error("{0:?} is no name of an interface (1 to 15 characters, no slash)")]
    Device(String),
    #[error("{0:?} is no host name (letters, digits, dots and hyphens, at most 64)")]
    Hostname(String),
    #[error("{0:?} is no way to find an address: expected off, none, on, any, dhcp, bootp, rarp or both")]
    Autoconf(String),
    #[error("more than ten fields")]
    TooManyFields,
}

impl FromStr for IpConfig {
    type Err = ParseIpError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains(':') && text.parse::<Ipv4Addr>().is_err() {
            return Ok(Self { autoconf: text.parse()?, ..Self::default() });
        }
        let mut fields = text.split(':');
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let parsed = Self {
            client: next().map(address).transpose()?,
            server: next().map(address).transpose()?,
            gateway: next().map(address).transpose()?,
            prefix_len: next().map(prefix_len).transpose()?,
            hostname: next().map(hostname).transpose()?,
            device: next().map(device).transpose()?,
            autoconf: next().map(str::parse).transpose()?.unwrap_or_default(),
            dns0: next().map(address).transpose()?,
            dns1: next().map(address).transpose()?,
            ntp0: next().map(address).transpose()?,
        };
        if fields.next().is_some() { Err(ParseIpError::TooManyFields) } else { Ok(parsed) }
    }
}

impl fmt::Display for IpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn text<T: ToString>(value: Option<&T>) -> String {
            value.map_or_else(String::new, ToString::to_string)
        }
        let fields = [
            text(self.client.as_ref()),
            text(self.server.as_ref()),
            text(self.gateway.as_ref()),
            text(self.prefix_len.map(netmask).as_ref()),
            text(self.hostname.as_ref()),
            text(self.device.as_ref()),
            self.autoconf.to_string(),
            text(self.dns0.as_ref()),
            text(self.dns1.as_ref()),
            text(self.ntp0.as_ref()),
        ];
        let used = fields.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1);
        // Six colons keep a line with only a device or a mode apart from the short form.
        f.write_str(&fields[..used.max(7)].join(":"))
    }
}

/// In JSON it is the same text.
impl Serialize for IpConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IpConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl FromStr for Autoconf {
    type Err = ParseIpError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "" => Self::Unset,
            "off" | "none" => Self::Off,
            "on" | "any" => Self::Any,
            "dhcp" => Self::Dhcp,
            "bootp" => Self::Bootp,
            "rarp" => Self::Rarp,
            "both" => Self::Both,
            _ => return Err(ParseIpError::Autoconf(clip(text))),
        })
    }
}

impl fmt::Display for Autoconf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unset => "",
            Self::Off => "off",
            Self::Any => "any",
            Self::Dhcp => "dhcp",
            Self::Bootp => "bootp",
            Self::Rarp => "rarp",
            Self::Both => "both",
        })
    }
}

fn address(text: &str) -> Result<Ipv4Addr, ParseIpError> {
    text.parse().map_err(|_| ParseIpError::Address(clip(text)))
}

fn prefix_len(text: &str) -> Result<u8, ParseIpError> {
    let mask = u32::from(text.parse::<Ipv4Addr>().map_err(|_| ParseIpError::Netmask(clip(text)))?);
    let ones = mask.leading_ones();
    if mask.count_ones() == ones {
        u8::try_from(ones).map_err(|_| ParseIpError::Netmask(clip(text)))
    } else {
        Err(ParseIpError::Netmask(clip(text)))
    }
}

fn netmask(prefix_len: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix_len.min(32))).unwrap_or(0))
}

fn device(text: &str) -> Result<String, ParseIpError> {
    // IFNAMSIZ is 16 with the terminating zero (netdevice(7)).
    let good = text.len() <= 15 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    if good { Ok(text.to_owned()) } else { Err(ParseIpError::Device(clip(text))) }
}

fn hostname(text: &str) -> Result<String, ParseIpError> {
    let good = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if good { Ok(text.to_owned()) } else { Err(ParseIpError::Hostname(clip(text))) }
}

fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}
