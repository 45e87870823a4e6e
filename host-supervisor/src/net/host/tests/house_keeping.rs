//! Opening, taking over, sweeping, removing: what is there afterwards, and what is not.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::process::Command;

use super::{
    scene::{ip, nft, on_a_host},
    *,
};

/// Everything that the network makes, but not what guests make: the count of their connections.
fn traces() -> String {
    let links = ip("-o link show");
    let names = links.lines().filter_map(|line| line.split_whitespace().nth(1)).collect::<Vec<_>>().join(" ");
    let forwarding = |name: &str| {
        std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{name}/forwarding")).unwrap_or_default()
    };
    let neighbours = ip("neighbour show nud permanent");
    let rules = nft("list ruleset");
    let is_count = |line: &&str| line.contains("elements") && line.contains("ct count");
    let rules = rules.lines().filter(|line| !is_count(line)).collect::<Vec<_>>().join("\n");
    format!("{names}\n{}{}\n{neighbours}{rules}", forwarding("up0"), forwarding("br0"))
}

#[test]
fn opening_twice_changes_nothing_and_keeps_guests_and_their_connections() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let guest = guest(&network).await;
        let world = scene.world.serve("198.51.100.9:7000");
        guest.say("before", "198.51.100.9:7000");
        let (_, from) = world.next();
        let before = traces();
        drop(network);
        let second = scene.open().await;
        assert_eq!(traces(), before);
        world.0.send_to(b"answer to what was before", from).unwrap();
        guest.heard_until("answer to what was before");
        guest.say("after", "198.51.100.9:7000");
        assert_eq!(world.next(), ("after".to_owned(), from));
        let other = second.attach(VmId::random()).await.unwrap();
        assert_ne!(other.address, guest.network.address);
    });
}

#[test]
fn what_is_detached_leaves_nothing_even_while_a_vmm_has_it_open() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let empty = traces();
        let (vm, other) = (VmId::random(), VmId::random());
        let tap = network.attach(vm).await.unwrap();
        let guest = Guest::boot(&tap);
        assert!(matches!(network.attach(vm).await, Err(HostNetworkError::Twice(_))));
        network.attach(other).await.unwrap();
        network.detach(other).await.unwrap();
        network.detach(vm).await.unwrap();
        network.detach(vm).await.unwrap();
        assert_eq!(traces(), empty);
        assert_eq!(scene.store.address_list().await.unwrap(), []);
        drop(guest);
    });
}

#[test]
fn vms_come_and_go_at_the_same_time() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let empty = traces();
        let vms: Vec<VmId> = (0..8).map(|_| VmId::random()).collect();
        let taps = join_all(vms.iter().map(|vm| network.attach(*vm))).await;
        let addresses: HashSet<Ipv4Addr> = taps.into_iter().map(|tap| tap.unwrap().address).collect();
        assert_eq!(addresses.len(), 8);
        assert!(join_all(vms.iter().map(|vm| network.detach(*vm))).await.iter().all(Result::is_ok));
        assert_eq!(traces(), empty);
    });
}

#[test]
fn qemu_opens_the_device_that_was_made_for_it() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let vm = VmId::random();
        let TapNetwork { device, mac, .. } = network.attach(vm).await.unwrap();
        // Stopped before its first instruction, and forbidden what our VMMs are.
        let qemu = Command::new("qemu-system-x86_64")
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-S", "-machine", "q35", "-sandbox"])
            .arg("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
            .args(["-netdev", &format!("tap,id=net,ifname={device},script=no,downscript=no")])
            .args(["-device", &format!("virtio-net-pci,netdev=net,mac={mac},romfile=")])
            .kill_on_drop(true)
            .spawn();
        let mut qemu = match qemu {
            Ok(qemu) => qemu,
            Err(error) => return eprintln!("SKIPPED: qemu-system-x86_64: {error}"),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ip(&format!("link show dev {device}")).contains("LOWER_UP") {
            assert_eq!(qemu.try_wait().unwrap(), None, "QEMU has ended");
            assert!(Instant::now() < deadline, "QEMU has not opened {device}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        network.detach(vm).await.unwrap();
        qemu.kill().await.unwrap();
    });
}

#[test]
fn sweeping_removes_what_belongs_to_no_living_vm_and_nothing_else() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        ip("tuntap add tap7 mode tap");
        ip("tuntap add fc-vm-00000000 mode tap");
        let (living, dead) = (VmId::random(), VmId::random());
        let guest = Guest::boot(&network.attach(living).await.unwrap());
        let with_the_living = traces();
        network.attach(dead).await.unwrap();
        // A daemon that was killed between the steps of an attach: first the address alone, then a device without a port.
        scene.store.address_take(&record("192.168.100.77")).await.unwrap();
        let unplugged = record("192.168.100.78");
        scene.store.address_take(&unplugged).await.unwrap();
        tap_device::create(&device_name(unplugged.vm), None).unwrap();
        // And one whose row is lost.
        tap_device::create("fc-vm-deadbeef", None).unwrap();
        ip("link set fc-vm-deadbeef master br0");

        let swept = network.sweep(&[living]).await.unwrap();
        assert_eq!(swept, SweptNetwork { devices: 3, addresses: 3 });
        assert_eq!(traces(), with_the_living);
        assert_eq!(network.sweep(&[living]).await.unwrap(), SweptNetwork::default());
        let world = scene.world.listen(7000);
        guest.say("still here", "198.51.100.9:7000");
        assert_eq!(world.next().0, "still here");
    });
}

fn record(address: &str) -> crate::store::AddressRecord {
    crate::store::AddressRecord { vm: VmId::random(), address: address.parse().unwrap() }
}

#[test]
fn a_removed_network_leaves_the_host_as_it_was() {
    on_a_host(|scene| async move {
        let before = traces();
        HostNetwork::remove(&scene.settings, scene.store.clone()).await.unwrap();
        let network = scene.open().await;
        network.attach(VmId::random()).await.unwrap();
        assert!(traces().contains("anteroom-br0"));
        HostNetwork::remove(&scene.settings, scene.store.clone()).await.unwrap();
        assert_eq!(traces(), before);
        assert_eq!(scene.store.address_list().await.unwrap(), []);
    });
}

#[test]
fn an_attach_that_fails_leaves_nothing() {
    on_a_host(|scene| async move {
        let network = scene.open().await;
        let vm = VmId::random();
        ip(&format!("tuntap add {} mode tap", device_name(vm)));
        let before = traces();
        let error = network.attach(vm).await.unwrap_err();
        assert!(matches!(error, HostNetworkError::DeviceExists(_)), "{error}");
        assert_eq!(traces(), before);
        // The bridge goes away under it: the device was made, and is removed again.
        ip(&format!("link delete {}", device_name(vm)));
        ip("link delete br0");
        let before = traces();
        network.attach(vm).await.unwrap_err();
        assert_eq!(traces(), before);
        assert_eq!(scene.store.address_list().await.unwrap(), []);
    });
}

#[test]
fn somebody_elses_bridge_and_network_are_left_alone() {
    on_a_host(|mut scene| async move {
        let refused = async |text: &str| {
            let before = traces();
            let error = HostNetwork::open(scene.settings.clone(), scene.store.clone()).await.unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
            assert_eq!(traces(), before);
        };
        ip("tuntap add br0 mode tap");
        refused("br0 is not ours: it is no bridge").await;
        ip("link delete br0");
        ip("link add br0 type bridge");
        ip("address add 192.168.1.5/24 dev br0");
        refused("br0 is not ours: it has the address 192.168.1.5/24").await;
        ip("address flush dev br0");
        ip("tuntap add eth7 mode tap");
        ip("link set eth7 master br0");
        refused("br0 is not ours: eth7 is a port of it").await;
        ip("link delete br0");
        ip("address add 192.168.100.17/25 dev eth7");
        refused("the network 192.168.100.0/24 is in use on eth7 (192.168.100.17)").await;
        let error = HostNetwork::remove(&scene.settings, scene.store.clone()).await;
        assert!(error.is_ok());
        scene.settings.ipv4 = "192.168.101.1/24".parse().unwrap();
        scene.open().await;
    });
}

#[test]
fn a_default_route_that_comes_later_is_found_with_the_next_vm() {
    on_a_host(|scene| async move {
        let world = scene.world.serve("198.51.100.9:7000");
        ip("route delete default");
        let network = scene.open().await;
        let first = guest(&network).await;
        ip("route add default via 203.0.113.2");
        let second = guest(&network).await;
        for guest in [&first, &second] {
            guest.say("hello", "198.51.100.9:7000");
            let (_, from) = world.next();
            world.0.send_to(b"welcome", from).unwrap();
            guest.heard_until("welcome");
        }
    });
}

#[test]
fn a_host_that_forwards_by_its_own_choice_is_neither_guarded_nor_changed() {
    on_a_host(|scene| async move {
        let opened = || nft("list set inet anteroom-br0 opened");
        let network = scene.open().await;
        assert!(opened().contains("up0"));
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        drop(network);
        scene.open().await;
        assert!(!opened().contains("up0"), "{}", opened());
        HostNetwork::remove(&scene.settings, scene.store.clone()).await.unwrap();
        assert_eq!(std::fs::read_to_string("/proc/sys/net/ipv4/conf/up0/forwarding").unwrap().trim(), "1");
    });
}
