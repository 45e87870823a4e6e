use anteroom_protocol::cmdline::KernelCommandLine;
use nix::sched::{CloneFlags, unshare};

use super::*;

fn planned(line: &str) -> Result<Option<Plan>, String> {
    let line: KernelCommandLine = line.parse().unwrap();
    plan(line.ip.as_ref(), line.ip6).map_err(|error| error.to_string())
}

fn place(address: &str, prefix_len: u8, gateway: Option<&str>) -> Place {
    let gateway = gateway.map(|gateway| gateway.parse().unwrap());
    Place { address: address.parse().unwrap(), prefix_len, gateway }
}

#[test]
fn a_full_line_becomes_a_plan_and_eth0_is_meant_when_nothing_is_named() {
    let v4 = place("10.0.2.15", 24, Some("10.0.2.2"));
    let v6 = place("fd00:77::2", 64, Some("fd00:77::1"));
    let expected = |device: &str, places: &[Place]| {
        Ok(Some(Plan { device: device.to_owned(), places: places.to_vec() }))
    };
    let ip = "ip=10.0.2.15::10.0.2.2:255.255.255.0::";
    assert_eq!(planned(&format!("{ip}:off")), expected("eth0", &[v4]));
    let both = format!("{ip}eth1:off anteroom.ip6=fd00:77::2/64,fd00:77::1");
    assert_eq!(planned(&both), expected("eth1", &[v4, v6]));
    assert_eq!(planned("anteroom.ip6=fd00:77::2/64"), expected("eth0", &[Place { gateway: None, ..v6 }]));
    assert_eq!(planned("ip=::::guest::off"), Ok(None));
}

#[test]
fn what_cannot_be_done_is_refused_and_named() {
    assert_eq!(planned("ip=10.0.2.15"), Err("ip= has a client address but no netmask".into()));
    assert!(planned("ip=dhcp").unwrap_err().contains("Dhcp"));
}

/// Runs a test in a network namespace of its own, on a thread that ends with it.
fn secluded<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: only root may make network namespaces");
    }
    let outcome = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    })
    .join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// What ip(8) says, in one line for each thing. A namespace of threads is seen by what they start.
fn ip(arguments: &str) -> String {
    let output = std::process::Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn config(text: &str) -> Option<IpConfig> {
    Some(text.parse().unwrap())
}

const TEMPLATE: &str = "10.0.2.15::10.0.2.2:255.255.255.0:::off";
const COPY: &str = "192.168.100.7::192.168.100.1:255.255.255.0:::off";

#[test]
fn a_copy_has_its_own_address_and_way_and_nothing_of_the_template() {
    secluded(|| async {
        ip("link add eth0 type veth peer name other");
        ip("link set other up");
        assert!(configure(config(TEMPLATE).as_ref(), None, None).await.unwrap());
        assert!(ip("-4 route").contains("default via 10.0.2.2 dev eth0"));
        ip("route add 203.0.113.0/24 via 10.0.2.2");
        ip("address add 10.0.2.16/24 dev eth0");

        let mac = MacAddress::of_ipv4(Ipv4Addr::new(192, 168, 100, 7));
        for time in ["first", "second"] {
            assert!(configure(config(COPY).as_ref(), None, Some(mac)).await.unwrap());
            let (addresses, routes) = (ip("-4 -o address show dev eth0"), ip("-4 route"));
            assert_eq!(addresses.lines().count(), 1, "{time}: {addresses}");
            assert!(addresses.contains("192.168.100.7/24"), "{time}: {addresses}");
            let mut lines: Vec<_> = routes.lines().map(str::trim).collect();
            lines.sort_unstable();
            assert_eq!(lines.len(), 2, "{time}: {routes}");
            assert!(lines[0].starts_with("192.168.100.0/24 dev eth0 proto kernel"), "{time}: {routes}");
            assert!(lines[1].starts_with("default via 192.168.100.1 dev eth0"), "{time}: {routes}");
            assert!(ip("link show eth0").contains("02:fc:c0:a8:64:07"), "{time}");
            assert!(ip("link show eth0").contains(",UP"), "{time}");
        }
    });
}

#[test]
fn what_is_so_already_is_left_alone_and_nothing_else() {
    secluded(|| async {
        ip("link add eth0 type veth peer name other");
        ip("link set other up");
        let mac = MacAddress::of_ipv4(Ipv4Addr::new(192, 168, 100, 7));
        configure(config(COPY).as_ref(), None, Some(mac)).await.unwrap();
        // It would be forgotten by an interface that goes down, or with the address.
        ip("neighbour add 192.168.100.1 lladdr 02:00:00:00:00:01 nud reachable dev eth0");
        ip("address add 10.0.2.16/24 dev eth0");
        ip("route add 203.0.113.0/24 via 192.168.100.1");
        ip("route add default via 192.168.100.2 metric 5");
        configure(config(COPY).as_ref(), None, Some(mac)).await.unwrap();
        let routes = ip("-4 route");
        assert!(routes.contains("default via 192.168.100.1 ") && routes.lines().count() == 2, "{routes}");
        assert!(ip("neighbour show 192.168.100.1").contains("02:00:00:00:00:01"));
        assert!(!ip("-4 address show dev eth0").contains("10.0.2.16"));
    });
}

#[test]
fn a_copy_without_a_network_has_none() {
    secluded(|| async {
        assert!(!configure(None, None, None).await.unwrap());
        ip("link add eth0 type veth peer name other");
        configure(config(TEMPLATE).as_ref(), None, None).await.unwrap();
        assert!(!configure(None, None, None).await.unwrap());
        assert_eq!((ip("-4 address show dev eth0"), ip("-4 route")), (String::new(), String::new()));
    });
}

const BOTH: &str =
    "ip=192.168.100.2::192.168.100.1:255.255.255.0::eth0:off anteroom.ip6=fd00:77::2/64,fd00:77::1";

async fn configure_by(line: &str) {
    let line: KernelCommandLine = line.parse().unwrap();
    assert!(configure(line.ip.as_ref(), line.ip6, None).await.unwrap());
}

#[test]
fn an_interface_has_its_addresses_and_default_routes_at_once() {
    secluded(|| async {
        ip("link add eth0 type veth peer name other");
        ip("link set other up");
        configure_by(BOTH).await;
        // Without a wait: an address that somebody might have is "tentative" for a second.
        let addresses = ip("-oneline address show dev eth0 scope global");
        let of_kind = |kind: &str| addresses.lines().find(|line| line.contains(kind)).unwrap_or_default();
        assert!(of_kind("inet ").contains("192.168.100.2/24"), "{addresses}");
        assert!(of_kind("inet6 ").contains("fd00:77::2/64"), "{addresses}");
        assert!(!of_kind("inet6 ").contains("tentative"), "{addresses}");
        assert!(ip("route get 9.9.9.9").contains("via 192.168.100.1 dev eth0 src 192.168.100.2"));
        let route = ip("-6 route get 2001:db8::9");
        assert!(route.contains("via fd00:77::1 dev eth0") && route.contains("src fd00:77::2"), "{route}");
    });
}

#[test]
fn a_copy_has_nothing_of_the_templates_ipv6_either() {
    secluded(|| async {
        ip("link add eth0 type veth peer name other");
        ip("link set other up");
        configure_by(BOTH).await;
        for time in ["first", "second"] {
            configure_by("anteroom.ip6=fd00:77::7/64,fd00:77::1").await;
            let addresses = ip("-6 -o address show dev eth0 scope global");
            assert_eq!(addresses.lines().count(), 1, "{time}: {addresses}");
            assert!(addresses.contains("fd00:77::7/64"), "{time}: {addresses}");
            let defaults = ip("-6 route show default");
            assert_eq!(defaults.lines().count(), 1, "{time}: {defaults}");
            assert_eq!(ip("-4 address show dev eth0"), "", "{time}");
        }
        configure(None, None, None).await.unwrap();
        assert_eq!(ip("-6 -o address show dev eth0 scope global"), "");
        assert_eq!(ip("-6 route show default"), "");
    });
}
