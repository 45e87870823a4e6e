//! Ethernet addresses, and the ones that follow from an IP address.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Six octets, written `02:fc:c0:a8:64:02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no Ethernet address: expected six octets such as 02:fc:c0:a8:64:02")]
pub struct ParseMacError(String);

impl MacAddress {
    #[must_use]
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    #[must_use]
    pub fn octets(self) -> [u8; 6] {
        self.0
    }

    /// A locally administered unicast address (the second bit of the first octet is set, the first is not: IEEE 802c)
    /// that is as unique on one bridge as the IPv4 address is.
    #[must_use]
    pub fn of_ipv4(address: Ipv4Addr) -> Self {
        let [a, b, c, d] = address.octets();
        Self([0x02, 0xfc, a, b, c, d])
    }

    /// The link-local IPv6 address that an interface with this address gives itself (RFC 4291, appendix A).
    #[must_use]
    pub fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0.map(u16::from);
        Ipv6Addr::new(0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseMacError(text.chars().take(32).collect());
        let octet = |word: &str| match word.len() {
            2 if word.bytes().all(|byte| byte.is_ascii_hexdigit()) => u8::from_str_radix(word, 16).ok(),
            _ => None,
        };
        let octets: Vec<u8> = text.split(':').map(octet).collect::<Option<_>>().ok_or_else(bad)?;
        octets.try_into().map(Self).map_err(|_| bad())
    }
}

/// In JSON it is the same text.
impl Serialize for MacAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let mac = MacAddress::of_ipv4(Ipv4Addr::new(192, 168, 100, 2));
        assert_eq!(mac.to_string(), "02:fc:c0:a8:64:02");
        assert_eq!(mac.to_string().parse(), Ok(mac));
        assert_eq!("02:FC:C0:A8:64:02".parse(), Ok(mac));
        for bad in [
            "",
            "02:fc:c0:a8:64",
            "02:fc:c0:a8:64:02:00",
            "2:fc:c0:a8:64:02",
            "02-fc-c0-a8-64-02",
            "+2:fc:c0:a8:64:02",
        ] {
            assert!(bad.parse::<MacAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_link_local_address_is_that_of_the_standard() {
        // RFC 4291, appendix A: 34-56-78-9A-BC-DE gives 3656:78FF:FE9A:BCDE.
        let mac = MacAddress::new([0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
        assert_eq!(mac.link_local(), "fe80::3656:78ff:fe9a:bcde".parse::<Ipv6Addr>().unwrap());
    }
}
