//! What guests reach of the host itself.

use super::{
    scene::{Listener, on_a_host},
    *,
};

/// Every way to say something to the host's own services.
fn try_everything(guest: &Guest, port: u16) {
    let addresses = ["192.168.100.1", "203.0.113.1", "127.0.0.1", "192.168.100.255", "255.255.255.255"];
    for address in addresses {
        let frame = guest.datagram(address, &format!("{address}:{port}"));
        // To the bridge, to everybody, and to the next bridge, which Linux hands to the port's own device.
        for mac in [guest.gateway, frame::BROADCAST, frame::NEAREST_BRIDGE] {
            guest.send(&[&mac.octets(), &frame[6..]].concat());
        }
    }
}

#[test]
fn a_guest_reaches_nothing_of_the_host_but_what_is_listed() {
    on_a_host(|mut scene| async move {
        scene.settings.host_services = vec!["udp/7200".parse().unwrap()];
        let network = scene.open().await;
        let guest = guest(&network).await;
        let (open, closed) = (Listener::new("0.0.0.0:7200"), Listener::new("0.0.0.0:7100"));
        try_everything(&guest, 7100);
        guest.say("listed", "192.168.100.1:7200");
        let (text, from) = open.next();
        assert_eq!((text.as_str(), from.ip()), ("listed", guest.network.address.into()));
        assert_eq!(closed.rest(), Vec::<String>::new());
        // Listed at the bridge's address, not at all addresses of the host.
        guest.say("elsewhere", "203.0.113.1:7200");
        guest.say("listed", "192.168.100.1:7200");
        assert_eq!(open.next().0, "listed");
        // Whoever sees nothing arrive must have been able to.
        let uplink = std::net::SocketAddr::from(([203, 0, 113, 1], 7100));
        scene.world.run(move || Listener::new("0.0.0.0:0").0.send_to(b"from the world", uplink).unwrap());
        assert_eq!(closed.next().0, "from the world");
    });
}

#[test]
fn a_name_server_on_the_host_is_asked_there() {
    on_a_host(|mut scene| async move {
        scene.settings.dns = Some("192.168.100.1".parse().unwrap());
        let network = scene.open().await;
        let guest = guest(&network).await;
        let (names, other) = (Listener::new("192.168.100.1:53"), Listener::new("192.168.100.1:54"));
        guest.say("another port", "192.168.100.1:54");
        guest.say("example.com?", "192.168.100.1:53");
        let (question, from) = names.next();
        assert_eq!(question, "example.com?");
        assert_eq!(other.rest(), Vec::<String>::new());
        names.0.send_to(b"192.0.2.7", from).unwrap();
        guest.heard_until("192.0.2.7");
    });
}

#[test]
fn the_host_tells_a_guest_no_address_but_that_of_the_bridge() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let guest = guest(&network).await;
        let ask = |address: &str| {
            let sender = (guest.network.mac, guest.network.address);
            let packet = frame::arp(frame::REQUEST, sender, (frame::NOBODY, address.parse().unwrap()));
            guest.send(&frame::ethernet(frame::BROADCAST, guest.network.mac, frame::ARP, &packet));
        };
        ask("203.0.113.1");
        ask("192.168.100.1");
        let (_, answered) = guest.wait(|| true, frame::arp_reply);
        assert_eq!(answered, guest.network.gateway);
    });
}
