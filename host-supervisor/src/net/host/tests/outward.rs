//! From guests to the world and back, and what of the world is closed.

use super::{
    guest::{self, Guest},
    scene::{Listener, Scene, ip, on_a_host},
    *,
};
use frame::BROADCAST;

#[test]
fn a_guest_reaches_the_world_under_the_hosts_address_and_is_answered() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let guest = guest(&network).await;
        let world = scene.world.serve("198.51.100.9:7000");
        guest.say("hello", "198.51.100.9:7000");
        let (text, seen) = world.next();
        assert_eq!((text.as_str(), seen.ip().to_string().as_str()), ("hello", "203.0.113.1"));
        world.0.send_to(b"welcome", seen).unwrap();
        let (_, answer) = guest.heard_until("welcome");
        assert_eq!(answer.to.to_string(), format!("{}:40000", guest.network.address));
        assert_eq!(answer.from.to_string(), "198.51.100.9:7000");
        assert_eq!(answer.to_mac, guest.network.mac);
    });
}

#[test]
fn a_second_guest_is_as_reachable_as_the_first() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let guests = [guest(&network).await, guest(&network).await, guest(&network).await];
        let world = scene.world.serve("198.51.100.9:7000");
        let host = Listener::new("0.0.0.0:7100");
        for round in 0..2 {
            for (number, guest) in guests.iter().enumerate() {
                let text = format!("guest {number}, round {round}");
                guest.say(&text, "198.51.100.9:7000");
                let (heard, from) = world.next();
                assert_eq!(heard, text);
                world.0.send_to(text.as_bytes(), from).unwrap();
                guest.heard_until(&text);
                // And the host begins, as it does with port 8080 of a guest.
                host.0.send_to(text.as_bytes(), (guest.network.address, 8080)).unwrap();
                let (_, question) = guest.heard_until(&text);
                guest.send(&guest.datagram_from(8080, "here", &question.from.to_string()));
                let (answer, from) = host.next();
                assert_eq!((answer.as_str(), from.ip()), ("here", guest.network.address.into()));
            }
        }
    });
}

/// Says it on the bridge itself, to everybody there, and through the host.
fn shout(from: &Guest, to: &Guest, text: &str) {
    let target = format!("{}:8080", to.network.address);
    let frame = from.datagram(text, &target);
    for mac in [to.network.mac, BROADCAST, from.gateway] {
        from.send(&[&mac.octets(), &frame[6..]].concat());
    }
    let arp = frame::arp(
        frame::REQUEST,
        (from.network.mac, from.network.address),
        (frame::NOBODY, to.network.address),
    );
    from.send(&frame::ethernet(BROADCAST, from.network.mac, frame::ARP, &arp));
}

#[test]
fn guests_do_not_reach_each_other_in_any_way() {
    on_a_host(|mut scene| async move {
        // Not even where private addresses are allowed.
        scene.settings.allow = vec!["192.168.0.0/16".parse().unwrap()];
        let network = scene.open().await;
        let (first, second) = (guest(&network).await, guest(&network).await);
        let host = Listener::new("0.0.0.0:7100");
        for (from, to) in [(&first, &second), (&second, &first)] {
            shout(from, to, "psst");
            // An address that no guest has: the host would ask everybody for it.
            host.0.send_to(b"anybody?", "192.168.100.200:8080").unwrap();
            host.0.send_to(b"from the host", (to.network.address, 8080)).unwrap();
            let (before, _) = to.heard_until("from the host");
            assert_eq!(before, Vec::<Vec<u8>>::new());
        }
    });
}

const ELSEWHERE: [&str; 7] = [
    "10.9.9.9",
    "100.64.0.9",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.9",
    "192.168.7.9",
    "10.255.255.53",
];

#[test]
fn metadata_services_and_private_ranges_are_closed_until_they_are_allowed() {
    on_a_host(|mut scene| async move {
        let network = scene.open().await;
        let curious = guest(&network).await;
        let world = scene.world.listen(7000);
        for address in ELSEWHERE {
            curious.say(address, &format!("{address}:7000"));
        }
        curious.say("the internet", "198.51.100.9:7000");
        assert_eq!(world.next().0, "the internet");
        assert_eq!(world.rest(), Vec::<String>::new());

        scene.settings.allow = ["10.9.0.0/16", "169.254.169.254/32"].map(|net| net.parse().unwrap()).into();
        let _network = scene.open().await;
        for address in ELSEWHERE {
            curious.say(address, &format!("{address}:7000"));
        }
        curious.say("the internet", "198.51.100.9:7000");
        assert_eq!(world.next().0, "10.9.9.9");
        assert_eq!(world.next().0, "169.254.169.254");
        assert_eq!(world.next().0, "the internet");
    });
}

#[test]
fn the_name_server_is_reached_in_a_private_range_and_nothing_else_there() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let guest = guest(&network).await;
        let (names, other) = (scene.world.listen(53), scene.world.listen(5353));
        guest.say("another server", "10.9.9.9:53");
        guest.say("another port", "10.255.255.53:5353");
        guest.say("example.com?", "10.255.255.53:53");
        assert_eq!(names.next().0, "example.com?");
        guest.say("the internet", "198.51.100.9:5353");
        assert_eq!(other.next().0, "the internet");
    });
}

/// What the world says to a guest and to another network of the host, through the host: what arrives of it.
fn knocks(scene: &Scene, guest: &Guest) -> Vec<String> {
    tap_device::create("lan0", None).unwrap();
    // Opened before it is up, so that it carries frames as soon as it is.
    let lan = guest::open("lan0");
    ip("address add 10.50.0.1/24 dev lan0");
    ip("link set lan0 up");
    ip("neighbour add 10.50.0.9 lladdr 02:00:00:00:00:09 dev lan0");
    let target = guest.network.address;
    scene.world.run(move || {
        let socket = Listener::new("0.0.0.0:7000").0;
        socket.send_to(b"to a guest", (target, 8080)).unwrap();
        socket.send_to(b"to the lan", "10.50.0.9:8080").unwrap();
        socket.send_to(b"to the host", "203.0.113.1:7100").unwrap();
    });
    // The pair of devices keeps the order, and so does the host.
    let host = Listener::new("0.0.0.0:7100");
    while host.rest().is_empty() {
        scene.world.run(|| Listener::new("0.0.0.0:0").0.send_to(b"again", "203.0.113.1:7100").unwrap());
    }
    host.0.send_to(b"end", (target, 8080)).unwrap();
    host.0.send_to(b"end", "10.50.0.9:8080").unwrap();
    let mut frames = guest.heard_until("end").0;
    let mut buffer = [0; 2048];
    while let Ok(count) = io::Read::read(&mut &lan, &mut buffer) {
        frames.push(buffer[..count].to_vec());
    }
    let texts = frames.iter().filter_map(|frame| frame::datagram(frame)).map(|datagram| datagram.text);
    let mut texts: Vec<String> = texts.collect();
    assert_eq!(texts.pop().as_deref(), Some("end"), "the lan hears the host");
    texts
}

#[test]
fn nobody_out_there_begins_towards_a_guest_or_travels_through_the_host() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let guest = guest(&network).await;
        assert_eq!(knocks(&scene, &guest), Vec::<String>::new());
    });
}

#[test]
fn where_the_host_is_a_router_anyway_it_stays_one_and_guests_are_still_left_alone() {
    on_a_host(|scene| async move {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        let network = scene.open().await;
        let guest = guest(&network).await;
        assert_eq!(knocks(&scene, &guest), ["to the lan"]);
    });
}

#[test]
fn a_guest_has_only_so_many_connections_at_once() {
    on_a_host(|mut scene| async move {
        scene.settings.max_connections = 3;
        let network = scene.open().await;
        let (greedy, modest) = (guest(&network).await, guest(&network).await);
        let world = scene.world.serve("198.51.100.9:7000");
        for port in 50_001..=50_003_u16 {
            greedy.send(&greedy.datagram_from(port, "hello", "198.51.100.9:7000"));
            world.0.send_to(b"welcome", world.next().1).unwrap();
            greedy.heard_until("welcome");
        }
        for port in 50_004..=50_006_u16 {
            greedy.send(&greedy.datagram_from(port, "one more", "198.51.100.9:7000"));
        }
        modest.say("my turn", "198.51.100.9:7000");
        assert_eq!(world.next().0, "my turn");
        greedy.send(&greedy.datagram_from(50_002, "still there", "198.51.100.9:7000"));
        assert_eq!(world.next().0, "still there");
    });
}
