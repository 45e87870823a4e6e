//! A port speaks as its guest, and as nobody else.

use std::net::SocketAddrV4;

use super::{
    scene::{ip, on_a_host},
    *,
};
use frame::{IPV4, ethernet, udp4};

#[test]
fn a_guest_speaks_under_its_own_addresses_only() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let (guest, other) = (guest(&network).await, guest(&network).await);
        let world = scene.world.serve("198.51.100.9:7000");
        let to: SocketAddrV4 = "198.51.100.9:7000".parse().unwrap();
        let packet = |from: Ipv4Addr, text: &str| udp4(SocketAddrV4::new(from, 40_000), to, text.as_bytes());
        let (own, theirs) = (&guest.network, &other.network);
        let stranger = MacAddress::new([2, 0, 0, 0, 0, 7]);
        let gateway = guest.gateway;
        let lies = [
            ethernet(gateway, stranger, IPV4, &packet(own.address, "a stranger's MAC")),
            ethernet(gateway, theirs.mac, IPV4, &packet(own.address, "the other's MAC")),
            ethernet(gateway, own.mac, IPV4, &packet(theirs.address, "the other's address")),
            ethernet(gateway, theirs.mac, IPV4, &packet(theirs.address, "the other's MAC and address")),
            ethernet(gateway, own.mac, IPV4, &packet(own.gateway, "the host's address")),
            ethernet(gateway, own.mac, IPV4, &packet(Ipv4Addr::new(192, 168, 100, 200), "nobody's address")),
            ethernet(gateway, own.mac, IPV4, &packet(Ipv4Addr::new(8, 8, 8, 8), "the world's address")),
            ethernet(gateway, own.mac, IPV4, &packet(Ipv4Addr::UNSPECIFIED, "no address")),
            frame::tagged(0, &ethernet(gateway, own.mac, IPV4, &packet(own.address, "a priority tag"))),
            frame::tagged(7, &ethernet(gateway, own.mac, IPV4, &packet(own.address, "a VLAN"))),
        ];
        for lie in &lies {
            guest.send(lie);
        }
        guest.say("the truth", "198.51.100.9:7000");
        assert_eq!(world.next().0, "the truth");
        assert_eq!(world.rest(), Vec::<String>::new());
        // And it has not taken the other's place.
        other.say("the other", "198.51.100.9:7000");
        let (text, from) = world.next();
        assert_eq!(text, "the other");
        world.0.send_to(b"to the other", from).unwrap();
        other.heard_until("to the other");
        assert_eq!(guest.heard(), Vec::<Vec<u8>>::new());
    });
}

#[test]
fn an_arp_message_with_addresses_of_others_is_not_heard() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let (guest, other) = (guest(&network).await, guest(&network).await);
        let (own, theirs) = (&guest.network, &other.network);
        let neighbours = ip("neighbour show dev br0");
        for (mac, address) in [
            (own.mac, theirs.address),
            (theirs.mac, own.address),
            (theirs.mac, theirs.address),
            (own.mac, own.gateway),
            (own.mac, Ipv4Addr::UNSPECIFIED),
            (own.mac, Ipv4Addr::new(192, 168, 100, 200)),
        ] {
            guest.send(&guest.arp_request(mac, address.into()));
            let claim = frame::arp(frame::REPLY, (mac, address), (guest.gateway, own.gateway));
            guest.send(&ethernet(guest.gateway, own.mac, frame::ARP, &claim));
        }
        let honest = guest.arp_request(own.mac, own.address.into());
        // Honest ARP, but past the bridge to the port's own device, and in a frame with another's address.
        guest.send(&[&frame::NEAREST_BRIDGE.octets(), &honest[6..]].concat());
        guest.send(&[&honest[..6], &theirs.mac.octets(), &honest[12..]].concat());
        guest.send(&honest);
        let replies: Vec<_> = guest.heard_some().iter().filter_map(|heard| frame::arp_reply(heard)).collect();
        assert_eq!(replies, [(guest.gateway, own.gateway)]);
        assert_eq!(other.heard(), Vec::<Vec<u8>>::new());
        assert_eq!(ip("neighbour show dev br0"), neighbours);
    });
}
