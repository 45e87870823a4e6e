//! The same over IPv6, where the guests have it.

use std::net::{IpAddr, Ipv6Addr};

use super::{
    scene::{Listener, Scene, ip, on_a_host},
    *,
};
use frame::{IPV6, ethernet, solicitation};

fn with_ipv6(scene: &mut Scene) {
    scene.settings.ipv6 = Some("fd00:77::1/64".parse().unwrap());
}

fn forces_forwarding() -> bool {
    let there = std::fs::exists("/proc/sys/net/ipv6/conf/all/force_forwarding").unwrap();
    if !there {
        eprintln!("SKIPPED: this kernel has no force_forwarding");
    }
    there
}

#[test]
fn a_guest_has_ipv6_where_it_is_configured_and_speaks_as_itself_only() {
    on_a_host(|mut scene| async move {
        if !forces_forwarding() {
            return;
        }
        with_ipv6(&mut scene);
        let network = scene.open().await;
        let (guest, other) = (guest(&network).await, guest(&network).await);
        let (own, theirs) = (guest.network.ipv6.unwrap(), other.network.ipv6.unwrap());
        let (world, elsewhere) = (scene.world.serve("[2001:db8:9::9]:7000"), scene.world.listen(7001));
        for address in ["fd00:ec2::254", "fd00:9::9", "fe80::1", "fd00:77::3", "::ffff:10.9.9.9"] {
            guest.say(address, &format!("[{address}]:7001"));
        }
        let to = "[2001:db8:9::9]:7000".parse().unwrap();
        for (mac, address) in [(guest.network.mac, theirs.address), (other.network.mac, theirs.address)] {
            let packet = frame::udp6(std::net::SocketAddrV6::new(address, 40_000, 0, 0), to, b"a lie");
            guest.send(&ethernet(guest.gateway, mac, IPV6, &packet));
        }
        guest.say("hello", "[2001:db8:9::9]:7000");
        let (text, from) = world.next();
        assert_eq!((text.as_str(), from.ip().to_string().as_str()), ("hello", "2001:db8:1::1"));
        world.0.send_to(b"welcome", from).unwrap();
        let (_, answer) = guest.heard_until("welcome");
        assert_eq!(answer.to.ip(), IpAddr::V6(own.address));
        assert_eq!(elsewhere.rest(), Vec::<String>::new());
        // As reachable as the first; and the gateway answers who asks for it.
        other.say("me too", "[2001:db8:9::9]:7000");
        assert_eq!(world.next().0, "me too");
        let ask = ethernet(
            guest.gateway,
            guest.network.mac,
            IPV6,
            &solicitation(guest.network.mac, own.address, own.gateway),
        );
        guest.wait(
            || {
                guest.send(&ask);
                true
            },
            |heard| frame::advertises(heard, own.gateway).then_some(()),
        );
    });
}

#[test]
fn over_ipv6_too_the_host_is_closed_and_believes_no_router_among_the_guests() {
    on_a_host(|mut scene| async move {
        if !forces_forwarding() {
            return;
        }
        with_ipv6(&mut scene);
        scene.settings.host_services = vec!["udp/7200".parse().unwrap()];
        let network = scene.open().await;
        let guest = guest(&network).await;
        let (open, closed) = (Listener::new("[::]:7200"), Listener::new("[::]:7100"));
        let routes = ip("-6 route show");
        let every_node: Ipv6Addr = "ff02::1".parse().unwrap();
        let advertisement = frame::router_advertisement(guest.network.mac.link_local(), every_node);
        let group = MacAddress::new([0x33, 0x33, 0, 0, 0, 1]);
        guest.send(&ethernet(group, guest.network.mac, IPV6, &advertisement));
        for address in ["fd00:77::1", "2001:db8:1::1", "ff02::1"] {
            let frame = guest.datagram(address, &format!("[{address}]:7100"));
            for mac in [guest.gateway, group, frame::NEAREST_BRIDGE] {
                guest.send(&[&mac.octets(), &frame[6..]].concat());
            }
        }
        guest.say("listed", "[fd00:77::1]:7200");
        assert_eq!(open.next().0, "listed");
        assert_eq!(closed.rest(), Vec::<String>::new());
        assert_eq!(ip("-6 route show"), routes);
    });
}

#[test]
fn without_ipv6_nothing_of_it_passes() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let mut guest = guest(&network).await;
        let world = scene.world.listen(7000);
        guest.network.ipv6 = Some(TapIpv6 {
            address: guest.network.mac.link_local(),
            prefix_len: 64,
            gateway: "fe80::1".parse().unwrap(),
        });
        guest.say("over IPv6", "[2001:db8:9::9]:7000");
        guest.say("over IPv4", "198.51.100.9:7000");
        assert_eq!(world.next().0, "over IPv4");
        for device in ["br0", &guest.network.device] {
            assert_eq!(ip(&format!("-6 address show dev {device}")), "");
        }
        assert_eq!(guest.heard(), Vec::<Vec<u8>>::new());
    });
}
