use nix::sched::{CloneFlags, unshare};

use super::*;

fn planned(ip: &str) -> Result<Option<Plan>, String> {
    plan(&ip.parse().unwrap()).map_err(|error| error.to_string())
}

#[test]
fn a_full_line_becomes_a_plan_and_eth0_is_meant_when_nothing_is_named() {
    let expected = Plan {
        device: "eth0".into(),
        address: Ipv4Addr::new(10, 0, 2, 15),
        prefix_len: 24,
        gateway: Some(Ipv4Addr::new(10, 0, 2, 2)),
    };
    assert_eq!(planned("10.0.2.15::10.0.2.2:255.255.255.0:::off"), Ok(Some(expected)));
    assert_eq!(planned("::::guest::off"), Ok(None));
}

#[test]
fn what_cannot_be_done_is_refused_and_named() {
    assert_eq!(planned("10.0.2.15"), Err("ip= has a client address but no netmask".into()));
    assert!(planned("dhcp").unwrap_err().contains("Dhcp"));
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
        assert!(configure(config(TEMPLATE).as_ref(), None).await.unwrap());
        assert!(ip("-4 route").contains("default via 10.0.2.2 dev eth0"));
        ip("route add 203.0.113.0/24 via 10.0.2.2");
        ip("address add 10.0.2.16/24 dev eth0");

        let mac = MacAddress::of_ipv4(Ipv4Addr::new(192, 168, 100, 7));
        for time in ["first", "second"] {
            assert!(configure(config(COPY).as_ref(), Some(mac)).await.unwrap());
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
        configure(config(COPY).as_ref(), Some(mac)).await.unwrap();
        // It would be forgotten by an interface that goes down, or with the address.
        ip("neighbour add 192.168.100.1 lladdr 02:00:00:00:00:01 nud reachable dev eth0");
        ip("address add 10.0.2.16/24 dev eth0");
        ip("route add 203.0.113.0/24 via 192.168.100.1");
        ip("route add default via 192.168.100.2 metric 5");
        configure(config(COPY).as_ref(), Some(mac)).await.unwrap();
        let routes = ip("-4 route");
        assert!(routes.contains("default via 192.168.100.1 ") && routes.lines().count() == 2, "{routes}");
        assert!(ip("neighbour show 192.168.100.1").contains("02:00:00:00:00:01"));
        assert!(!ip("-4 address show dev eth0").contains("10.0.2.16"));
    });
}

#[test]
fn a_copy_without_a_network_has_none() {
    secluded(|| async {
        assert!(!configure(None, None).await.unwrap());
        ip("link add eth0 type veth peer name other");
        configure(config(TEMPLATE).as_ref(), None).await.unwrap();
        assert!(!configure(None, None).await.unwrap());
        assert_eq!((ip("-4 address show dev eth0"), ip("-4 route")), (String::new(), String::new()));
    });
}
