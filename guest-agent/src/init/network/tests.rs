use std::{panic::resume_unwind, process::Command, thread};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};
use rtnetlink::{LinkVeth, new_connection};

use super::*;

fn planned(line: &str) -> Result<Option<Plan>, String> {
    plan(&line.parse().unwrap()).map_err(|error| error.to_string())
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

/// A pair of interfaces in a namespace that ends with its thread. What is asked afterwards is ip(8).
#[test]
fn an_interface_has_its_addresses_and_default_routes_at_once() {
    if let Some(reason) = obstacle() {
        return eprintln!("SKIPPED: {reason}");
    }
    let outcome = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (connection, handle, _) = new_connection().unwrap();
            tokio::spawn(connection);
            handle.link().add(LinkVeth::new("eth0", "peer").build()).execute().await.unwrap();
            up(&handle, "peer", index_of(&handle, "peer").await.unwrap()).await.unwrap();
            let line = "ip=192.168.100.2::192.168.100.1:255.255.255.0::eth0:off \
                        anteroom.ip6=fd00:77::2/64,fd00:77::1";
            assert!(configure(&line.parse().unwrap()).await.unwrap());
        });
        // Without a wait: an address that somebody might have is "tentative" for a second.
        let addresses = ip("-oneline address show dev eth0 scope global");
        let of_kind = |kind: &str| addresses.lines().find(|line| line.contains(kind)).unwrap_or_default();
        assert!(of_kind("inet ").contains("192.168.100.2/24"), "{addresses}");
        assert!(of_kind("inet6 ").contains("fd00:77::2/64"), "{addresses}");
        assert!(!of_kind("inet6 ").contains("tentative"), "{addresses}");
        assert!(ip("route get 9.9.9.9").contains("via 192.168.100.1 dev eth0 src 192.168.100.2"));
        let route = ip("-6 route get 2001:db8::9");
        assert!(route.contains("via fd00:77::1 dev eth0") && route.contains("src fd00:77::2"), "{route}");
    })
    .join();
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

fn obstacle() -> Option<String> {
    if !geteuid().is_root() {
        return Some("only root may make network namespaces".to_owned());
    }
    if Command::new("ip").arg("-V").output().is_err() {
        return Some("the program ip is missing (package iproute2)".to_owned());
    }
    let allowed = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
    allowed.ok()?.err().map(|error| format!("network namespaces: {error}"))
}

fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
