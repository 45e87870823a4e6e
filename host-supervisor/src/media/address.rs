//! Where viewers can reach us, as candidates of ICE (RFC 8839 section 5.1; for TCP RFC 6544 section 4.5).

use std::net::{IpAddr, SocketAddr};

use anteroom_protocol::stream::datagram::Transport;

use crate::config::{MediaChoices, PublicAddress};

/// More are of no use to anybody, and each costs a viewer some checks.
const MAX_ADDRESSES: usize = 8;
/// RFC 8445 section 5.1.2.2: host candidates. Over TCP everything is later, so those come last.
const UDP_PREFERENCE: u32 = 126;
const TCP_PREFERENCE: u32 = 90;

/// The lines without `a=`, the best first.
pub(super) fn candidates(
    choices: &MediaChoices,
    udp: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
) -> Vec<String> {
    let own = own_addresses();
    let mut lines = Vec::new();
    for (transport, listens) in [(Transport::Udp, udp), (Transport::Tcp, tcp)] {
        let Some(listens) = listens else { continue };
        for (index, at) in reached(&choices.public_addresses, listens, &own).into_iter().enumerate() {
            lines.push(line(transport, index, at));
        }
    }
    lines
}

/// What the operator says; otherwise where we listen, or every address of this machine when we listen on all.
fn reached(public: &[PublicAddress], listens: SocketAddr, own: &[IpAddr]) -> Vec<SocketAddr> {
    let addresses: Vec<SocketAddr> = if !public.is_empty() {
        let at =
            |address: &PublicAddress| SocketAddr::new(address.ip, address.port.unwrap_or(listens.port()));
        public.iter().map(at).collect()
    } else if listens.ip().is_unspecified() {
        // A wildcard of IPv6 takes IPv4 as well (ipv6(7), IPV6_V6ONLY).
        let takes = |ip: &&IpAddr| listens.is_ipv6() || ip.is_ipv4();
        own.iter().filter(takes).map(|ip| SocketAddr::new(*ip, listens.port())).collect()
    } else {
        vec![listens]
    };
    addresses.into_iter().take(MAX_ADDRESSES).collect()
}

fn line(transport: Transport, index: usize, at: SocketAddr) -> String {
    let index = u32::try_from(index).unwrap_or(0);
    let local = 65_535 - index;
    let (name, preference, kind, foundation) = match transport {
        Transport::Udp => ("udp", UDP_PREFERENCE, "", 1 + index),
        Transport::Tcp => ("tcp", TCP_PREFERENCE, " tcptype passive", 101 + index),
    };
    let priority = (preference << 24) + (local << 8) + 255;
    format!("candidate:{foundation} 1 {name} {priority} {} {} typ host{kind}", at.ip(), at.port())
}

/// This machine's addresses: those of a network first, loopback only when there is nothing else.
fn own_addresses() -> Vec<IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let of = |interface: &nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    let all: Vec<IpAddr> = interfaces.iter().filter_map(of).filter(|ip| !is_link_local(*ip)).collect();
    let (loopback, network): (Vec<IpAddr>, Vec<IpAddr>) = all.into_iter().partition(IpAddr::is_loopback);
    if network.is_empty() { loopback } else { network }
}

/// Needs a zone that a candidate cannot have.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_lines_are_those_of_the_standards() {
        assert_eq!(
            line(Transport::Udp, 0, at("203.0.113.5:4000")),
            "candidate:1 1 udp 2130706431 203.0.113.5 4000 typ host"
        );
        assert_eq!(
            line(Transport::Tcp, 1, at("[2001:db8::5]:4001")),
            "candidate:102 1 tcp 1526726399 2001:db8::5 4001 typ host tcptype passive"
        );
    }

    #[test]
    fn the_operators_word_counts_before_what_can_be_seen() {
        let own = ["10.0.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        let public = [
            PublicAddress { ip: "203.0.113.5".parse().unwrap(), port: None },
            PublicAddress { ip: "2001:db8::5".parse().unwrap(), port: Some(3478) },
        ];
        let said = reached(&public, at("0.0.0.0:4000"), &own);
        assert_eq!(said, [at("203.0.113.5:4000"), at("[2001:db8::5]:3478")]);
        assert_eq!(reached(&[], at("127.0.0.1:4000"), &own), [at("127.0.0.1:4000")]);
        assert_eq!(reached(&[], at("0.0.0.0:4000"), &own), [at("10.0.0.7:4000")]);
        assert_eq!(reached(&[], at("[::]:4000"), &own), [at("10.0.0.7:4000"), at("[2001:db8::7]:4000")]);
    }

    #[test]
    fn this_machine_has_an_address() {
        assert!(!own_addresses().is_empty());
    }
}
