//! The name server that guests are told: the operator's, or the host's own where a guest can reach it.
//!
//! A server on the host's loopback is out of a guest's reach, and nothing here makes it reachable. With systemd-resolved,
//! which has the host ask 127.0.0.53, the servers behind it are in a file of their own and are taken from there. With any
//! other local resolver the operator has to say which server guests shall ask. Looked at once, when the network is
//! opened: whoever moves between networks names a server that stays.

use std::{fs, net::IpAddr, net::Ipv4Addr};

use super::HostNetworkSettings;

/// The second is systemd-resolved's: the servers that it asks itself (systemd-resolved.service(8)).
const FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    #[error(
        "the host's name server {0} cannot be reached by guests: say which one they shall ask (dns of the network)"
    )]
    OutOfReach(IpAddr),
    #[error("the host has no name server: say which one guests shall ask (dns of the network)")]
    None,
}

pub(super) fn name_server(settings: &HostNetworkSettings) -> Result<Ipv4Addr, DnsError> {
    match settings.dns {
        Some(dns) => Ok(dns),
        None => choose(&FILES.map(|file| fs::read_to_string(file).unwrap_or_default())),
    }
}

/// The first IPv4 address outside the host's loopback, as that is the only kind that `ip=` can tell a guest.
fn choose(files: &[String]) -> Result<Ipv4Addr, DnsError> {
    let mut out_of_reach = None;
    for server in files.iter().flat_map(|text| name_servers(text)) {
        match server {
            IpAddr::V4(address) if !address.is_loopback() && !address.is_unspecified() => return Ok(address),
            other => drop(out_of_reach.get_or_insert(other)),
        }
    }
    Err(out_of_reach.map_or(DnsError::None, DnsError::OutOfReach))
}

/// resolv.conf(5): `nameserver`, white space, an address.
fn name_servers(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(files: &[&str]) -> Result<Ipv4Addr, DnsError> {
        choose(&files.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_server_that_a_guest_can_reach_is_taken() {
        let text = "# a comment\nsearch example.com\nnameserver\t::1\nnameserver 10.255.255.53\nnameserver 9.9.9.9\n";
        assert_eq!(chosen(&[text, ""]), Ok(Ipv4Addr::new(10, 255, 255, 53)));
    }

    #[test]
    fn behind_a_stub_on_the_loopback_the_servers_are_taken_that_it_asks() {
        let stub = "nameserver 127.0.0.53\noptions edns0\n";
        assert_eq!(chosen(&[stub, "nameserver 192.0.2.53\n"]), Ok(Ipv4Addr::new(192, 0, 2, 53)));
        let error = chosen(&[stub, ""]).unwrap_err();
        assert_eq!(error, DnsError::OutOfReach(Ipv4Addr::new(127, 0, 0, 53).into()));
    }

    #[test]
    fn without_any_server_that_is_said() {
        assert_eq!(chosen(&["", "nameserver\nnameserver example.com\n"]), Err(DnsError::None));
    }
}
