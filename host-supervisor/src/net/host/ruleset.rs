//! What may pass, as text for nft(8). Pure: the same settings and guests make the same text.
//!
//! Two tables, because a frame has to be judged as it enters its port, and a packet where it is going. Everything that
//! depends on a VM is an element of a set, so that a VM comes and goes without the rules being touched. A rule for a
//! port can only be skipped by a port that no set names, and [`super::HostNetwork`] names it before it can carry a frame.
//!
//! Frames to 01:80:c2:00:00:0e and its like are for the nearest bridge, not to be forwarded by it (IEEE 802.1AB). Linux hands
//! them to the port's own device, past every hook of the bridge: IP inside them arrives by `fc-vm-...`. Nothing may do so,
//! of ARP and IPv6 the device itself wants nothing (see [`super::Links::plug`]).

#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Display},
    net::{IpAddr, Ipv4Addr},
};

use ipnet::{IpNet, Ipv6Net};

use super::{DEVICE_PREFIX, HostNetworkSettings, forwarding::Interfaces};
use crate::net::TapNetwork;

/// Sets of the uplinks whose forwarding was turned on for the guests.
pub(super) const OPENED: &str = "opened";
pub(super) const OPENED6: &str = "opened6";

/// What is not the public internet (RFC 6890 and the IANA registries of special-purpose addresses), and the two metadata
/// services that clouds have outside of it: 168.63.129.16 (Azure); 169.254.169.254, 100.100.100.200, 192.0.0.192 and
/// fd00:ec2::254 are inside. Ranges for documentation are left out: nothing is there.
const CLOSED: [&str; 12] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The same for IPv6. `::/8` has the loopback and all forms in which an IPv4 address is hidden but 6to4's (2002::/16).
const CLOSED6: [&str; 6] = ["::/8", "100::/8", "2002::/16", "fc00::/7", "fe80::/9", "ff00::/8"];

/// Unique local addresses are nowhere routed.
const ULA: &str = "fc00::/7";

/// Name of the two tables of a bridge.
pub(super) fn table(bridge: &str) -> String {
    format!("anteroom-{bridge}")
}

/// The whole, which replaces what there was of it. Displayed, it is one transaction.
#[derive(Debug)]
pub(super) struct Ruleset<'a> {
    pub(super) settings: &'a HostNetworkSettings,
    pub(super) dns: Ipv4Addr,
    pub(super) opened: &'a Interfaces,
    pub(super) guests: &'a [TapNetwork],
}

/// Removes both tables, whether they are there or not.
pub(super) fn no_tables(bridge: &str) -> String {
    let table = table(bridge);
    ["bridge", "inet"]
        .map(|family| format!("add table {family} {table}\ndelete table {family} {table}\n"))
        .concat()
}

/// Makes a guest known.
pub(super) fn add(bridge: &str, guest: &TapNetwork) -> String {
    commands("add", bridge, guest)
}

/// Makes it unknown, also where it is already.
pub(super) fn remove(bridge: &str, guest: &TapNetwork) -> String {
    // Deleting what is not there is an error; adding what is there is none.
    commands("add", bridge, guest) + &commands("delete", bridge, guest)
}

/// Guards uplinks that are about to be opened.
pub(super) fn add_opened(bridge: &str, opened: &Interfaces) -> String {
    let table = table(bridge);
    let line = |(set, names): (&str, &std::collections::BTreeSet<String>)| {
        names
            .iter()
            .map(|name| format!("add element inet {table} {set} {{ \"{name}\" }}\n"))
            .collect::<String>()
    };
    [(OPENED, &opened.v4), (OPENED6, &opened.v6)].map(line).concat()
}

fn commands(verb: &str, bridge: &str, guest: &TapNetwork) -> String {
    let table = table(bridge);
    elements(guest)
        .into_iter()
        .map(|(family, set, element)| format!("{verb} element {family} {table} {set} {{ {element} }}\n"))
        .collect()
}

/// Everything that the rules know of one guest: the family of the table, the set, the element.
fn elements(guest: &TapNetwork) -> Vec<(&'static str, &'static str, String)> {
    let TapNetwork { device, mac, address, .. } = guest;
    let mut elements = vec![
        ("bridge", "ports", format!("\"{device}\"")),
        ("bridge", "guests", format!("\"{device}\" . {mac} . {address}")),
        ("inet", "guests", format!("{mac} . {address}")),
    ];
    for address in guest.ipv6_addresses() {
        elements.push(("bridge", "guests6", format!("\"{device}\" . {mac} . {address}")));
        elements.push(("inet", "guests6", format!("{mac} . {address}")));
    }
    elements
}

impl Display for Ruleset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = table(&self.settings.bridge);
        f.write_str(&no_tables(&self.settings.bridge))?;
        writeln!(f, "\ntable bridge {table} {{")?;
        self.sets_of_ports(f)?;
        f.write_str(PORT_CHAINS)?;
        writeln!(f, "}}\n\ntable inet {table} {{")?;
        self.sets_of_guests(f)?;
        self.to_the_host(f)?;
        self.onward(f)?;
        self.masquerade(f)?;
        writeln!(f, "}}")
    }
}

/// A port may speak as its guest, and in no other way: no other protocol, no VLAN, no address but its own. It hears nothing
/// that is for everybody (mDNS of the host, for example), which the bridge shows to every port when the host says it.
const PORT_CHAINS: &str = "
	chain prerouting {
		type filter hook prerouting priority -300; policy accept;
		iifname @ports jump from_port
	}

	chain output {
		type filter hook output priority 0; policy accept;
		oifname @ports ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 drop
	}

	chain from_port {
		ether type != { arp, ip, ip6 } drop
		iifname . ether saddr . arp saddr ip @guests iifname . arp saddr ether . arp saddr ip @guests arp htype 1 arp ptype ip arp hlen 6 arp plen 4 accept
		iifname . ether saddr . ip saddr @guests accept
		iifname . ether saddr . ip6 saddr @guests6 accept
		drop
	}
";

impl Ruleset<'_> {
    fn elements_of(&self, family: &str, set: &str) -> Vec<String> {
        let all = self.guests.iter().flat_map(elements);
        all.filter(|(its_family, its_set, _)| *its_family == family && *its_set == set)
            .map(|(.., element)| element)
            .collect()
    }

    fn sets_of_ports(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        set(f, "ports", "type ifname", &self.elements_of("bridge", "ports"))?;
        set(f, "guests", "type ifname . ether_addr . ipv4_addr", &self.elements_of("bridge", "guests"))?;
        set(f, "guests6", "type ifname . ether_addr . ipv6_addr", &self.elements_of("bridge", "guests6"))
    }

    fn sets_of_guests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = |is_v4: bool| {
            let of_family = self.settings.allow.iter().filter(|net| matches!(net, IpNet::V4(_)) == is_v4);
            of_family.map(|net| net.trunc().to_string()).collect::<Vec<_>>()
        };
        let quoted = |names: &std::collections::BTreeSet<String>| {
            names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>()
        };
        const RANGES: &str = "type ipv4_addr; flags interval; auto-merge";
        const RANGES6: &str = "type ipv6_addr; flags interval; auto-merge";
        set(f, "guests", "type ether_addr . ipv4_addr", &self.elements_of("inet", "guests"))?;
        set(f, "guests6", "type ether_addr . ipv6_addr", &self.elements_of("inet", "guests6"))?;
        set(f, "allowed", RANGES, &allowed(true))?;
        set(f, "allowed6", RANGES6, &allowed(false))?;
        set(f, "closed", RANGES, &CLOSED.map(str::to_owned))?;
        set(f, "closed6", RANGES6, &CLOSED6.map(str::to_owned))?;
        set(f, OPENED, "type ifname", &quoted(&self.opened.v4))?;
        set(f, OPENED6, "type ifname", &quoted(&self.opened.v6))?;
        set(f, "connections", "type ether_addr; size 65535; flags dynamic", &[])
    }

    /// Guests reach nothing of the host but what is listed. Neighbour discovery is to IPv6 what ARP is to IPv4; of
    /// ICMPv6 nothing else is let in, router advertisements least of all.
    fn to_the_host(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, dns, .. } = self;
        let bridge = &settings.bridge;
        let hosts: Vec<IpAddr> = [IpAddr::V4(settings.ipv4.addr())]
            .into_iter()
            .chain(settings.ipv6.map(|ipv6| IpAddr::V6(ipv6.addr())))
            .collect();
        let mut services = String::new();
        for (service, host) in
            settings.host_services.iter().flat_map(|service| hosts.iter().map(move |host| (service, host)))
        {
            let family = if host.is_ipv4() { "ip" } else { "ip6" };
            services +=
                &format!("\t\t{family} daddr {host} {} dport {} accept\n", service.transport, service.port);
        }
        write!(
            f,
            "
	chain input {{
		type filter hook input priority filter; policy accept;
		iifname \"{DEVICE_PREFIX}*\" drop
		iifname \"{bridge}\" jump to_host
	}}

	chain to_host {{
		jump known
		ct state established,related accept
		jump dns
{services}		icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} ip6 hoplimit 255 accept
		drop
	}}

	chain known {{
		ether saddr . ip saddr != @guests drop
		ether saddr . ip6 saddr != @guests6 drop
	}}

	chain dns {{
		ip daddr {dns} udp dport 53 accept
		ip daddr {dns} tcp dport 53 accept
	}}
"
        )
    }

    /// Guests reach the public internet, the name server and what is allowed. Nobody begins a connection to a guest.
    /// An uplink passes on answers and what was redirected, as it would not have passed on anything without us.
    fn onward(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostNetworkSettings { bridge, max_connections, .. } = self.settings;
        write!(
            f,
            "
	chain forward {{
		type filter hook forward priority filter; policy accept;
		iifname \"{DEVICE_PREFIX}*\" drop
		iifname \"{bridge}\" jump from_guest
		oifname \"{bridge}\" jump to_guest
		meta nfproto ipv4 iifname @{OPENED} jump from_uplink
		meta nfproto ipv6 iifname @{OPENED6} jump from_uplink
	}}

	chain from_guest {{
		oifname \"{bridge}\" drop
		jump known
		ct state invalid drop
		ct state established,related accept
		ct state new add @connections {{ ether saddr ct count over {max_connections} }} drop
		jump dns
		ip daddr @allowed accept
		ip6 daddr @allowed6 accept
		ip daddr @closed drop
		ip6 daddr @closed6 drop
		accept
	}}

	chain to_guest {{
		ct state established,related accept
		drop
	}}

	chain from_uplink {{
		ct state established,related accept
		ct status dnat accept
		drop
	}}
"
        )
    }

    fn masquerade(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostNetworkSettings { bridge, ipv4, ipv6, .. } = self.settings;
        write!(
            f,
            "
	chain postrouting {{
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr {} oifname != \"{bridge}\" masquerade
",
            ipv4.trunc()
        )?;
        let is_local = |ipv6: &Ipv6Net| ULA.parse::<Ipv6Net>().is_ok_and(|ula| ula.contains(ipv6));
        if let Some(ipv6) = ipv6.filter(is_local) {
            writeln!(f, "\t\tip6 saddr {} oifname != \"{bridge}\" masquerade", ipv6.trunc())?;
        }
        writeln!(f, "\t}}")
    }
}

/// nft takes no empty list of elements.
fn set(f: &mut fmt::Formatter<'_>, name: &str, properties: &str, elements: &[String]) -> fmt::Result {
    writeln!(f, "\tset {name} {{")?;
    for property in properties.split("; ") {
        writeln!(f, "\t\t{property}")?;
    }
    if !elements.is_empty() {
        writeln!(f, "\t\telements = {{ {} }}", elements.join(", "))?;
    }
    writeln!(f, "\t}}")
}
