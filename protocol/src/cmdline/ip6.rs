//! `anteroom.ip6=<address>/<prefix length>[,<gateway>]`: what the kernel's `ip=`, which knows only IPv4, cannot say.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// For the interface of `ip=`. The address is reserved: nobody has to be asked whether it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip6Config {
    pub address: Ipv6Addr,
    /// Length of the network prefix, 0 to 128.
    pub prefix_len: u8,
    pub gateway: Option<Ipv6Addr>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIp6Error {
    #[error("{0:?} is no IPv6 address")]
    Address(String),
    #[error("{0:?} is no length of a prefix: expected 0 to 128")]
    PrefixLen(String),
    #[error("expected an address and the length of its prefix, for example fd00:77::2/64")]
    NoPrefix,
}

impl FromStr for Ip6Config {
    type Err = ParseIp6Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (network, gateway) = match text.split_once(',') {
            Some((network, gateway)) => (network, Some(gateway)),
            None => (text, None),
        };
        let (own, prefix_len) = network.split_once('/').ok_or(ParseIp6Error::NoPrefix)?;
        Ok(Self {
            address: address(own)?,
            prefix_len: prefix_len
                .parse()
                .ok()
                .filter(|length| *length <= 128)
                .ok_or_else(|| ParseIp6Error::PrefixLen(clip(prefix_len)))?,
            gateway: gateway.map(address).transpose()?,
        })
    }
}

impl fmt::Display for Ip6Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)?;
        self.gateway.map_or(Ok(()), |gateway| write!(f, ",{gateway}"))
    }
}

fn address(text: &str) -> Result<Ipv6Addr, ParseIp6Error> {
    text.parse().map_err(|_| ParseIp6Error::Address(clip(text)))
}

fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}

/// As its text.
impl Serialize for Ip6Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ip6Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
