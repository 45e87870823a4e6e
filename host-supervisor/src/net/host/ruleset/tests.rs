use std::collections::BTreeSet;

use anteroom_protocol::MacAddress;

use super::*;
use crate::net::TapIpv6;

const DNS: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);

#[test]
fn by_default_guests_reach_the_public_internet_and_nothing_else() {
    let settings = HostNetworkSettings::default();
    let ruleset =
        Ruleset { settings: &settings, dns: DNS, opened: &Interfaces::default(), guests: &[] }.to_string();
    assert_eq!(ruleset, include_str!("tests/default.nft"), "{ruleset}");
}

fn with_ipv6() -> TapNetwork {
    let ipv6 = TapIpv6 {
        address: "fd00:77::2".parse().unwrap(),
        prefix_len: 64,
        gateway: "fd00:77::1".parse().unwrap(),
    };
    TapNetwork { ipv6: Some(ipv6), ..TapNetwork::example() }
}

#[test]
fn every_setting_and_every_guest_has_its_place_in_the_rules() {
    let settings = HostNetworkSettings {
        bridge: "anteroom0".to_owned(),
        ipv6: Some("fd00:77::1/64".parse().unwrap()),
        allow: ["10.1.2.3/8", "fd00:9::/64", "192.168.7.7/32"].map(|net| net.parse().unwrap()).into(),
        host_services: ["udp/53", "tcp/8053"].map(|service| service.parse().unwrap()).into(),
        max_connections: 99,
        ..HostNetworkSettings::default()
    };
    let opened = Interfaces {
        v4: BTreeSet::from(["eth0".to_owned(), "wlan0".to_owned()]),
        v6: BTreeSet::from(["eth0".to_owned()]),
    };
    let address = Ipv4Addr::new(192, 168, 100, 3);
    let second = TapNetwork {
        device: "fc-vm-00c0ffee".to_owned(),
        mac: MacAddress::of_ipv4(address),
        address,
        ..TapNetwork::example()
    };
    let guests = [with_ipv6(), second];
    let ruleset = Ruleset { settings: &settings, dns: DNS, opened: &opened, guests: &guests }.to_string();
    assert_eq!(ruleset, include_str!("tests/everything.nft"), "{ruleset}");
}

#[test]
fn a_routed_ipv6_network_is_not_masqueraded() {
    let settings = HostNetworkSettings {
        ipv6: Some("2001:db8:7::1/64".parse().unwrap()),
        ..HostNetworkSettings::default()
    };
    let ruleset =
        Ruleset { settings: &settings, dns: DNS, opened: &Interfaces::default(), guests: &[] }.to_string();
    assert!(!ruleset.contains("ip6 saddr 2001"), "{ruleset}");
}

#[test]
fn a_guest_comes_and_goes_as_elements_of_sets() {
    let added = r#"add element bridge anteroom-br0 ports { "fc-vm-3f2a51c4" }
add element bridge anteroom-br0 guests { "fc-vm-3f2a51c4" . 02:fc:c0:a8:64:02 . 192.168.100.2 }
add element inet anteroom-br0 guests { 02:fc:c0:a8:64:02 . 192.168.100.2 }
"#;
    assert_eq!(add("br0", &TapNetwork::example()), added);
    // Removing works also where a part of it is missing.
    assert_eq!(remove("br0", &TapNetwork::example()), format!("{added}{}", added.replace("add", "delete")));
    assert_eq!(add("br0", &with_ipv6()).lines().count(), 7);
}

#[test]
fn metadata_services_and_private_ranges_are_closed_and_the_internet_is_not() {
    let closed = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let contains = |range: &&str| match range.parse::<IpNet>() {
            Ok(net) => net.contains(&address),
            Err(_) => range.parse() == Ok(address),
        };
        CLOSED.iter().chain(&CLOSED6).any(contains)
    };
    for address in [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "10.255.255.255",
        "172.31.0.1",
        "192.168.100.1",
        "100.127.255.255",
        "127.0.0.53",
        "0.0.0.0",
        "224.0.0.251",
        "255.255.255.255",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "fe80::1",
        "fec0::1",
        "febf::1",
        "ff02::1",
    ] {
        assert!(closed(address), "{address}");
    }
    for address in ["8.8.8.8", "172.32.0.1", "172.15.0.1", "100.128.0.1", "168.63.129.17", "2606:4700::1111"]
    {
        assert!(!closed(address), "{address}");
    }
}
