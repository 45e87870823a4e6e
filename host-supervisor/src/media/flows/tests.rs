use anteroom_protocol::stream::datagram::Transport;
use proptest::prelude::*;

use super::{super::bucket::BURST, Arrival::*, *};

fn from(port: u16) -> Remote {
    Remote::new(Transport::Udp, ([192, 0, 2, 1], port).into())
}

/// A connectivity check for this name.
fn check(name: &str) -> Vec<u8> {
    let username = format!("{name}:viewer");
    let mut packet = b"\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa\x00\x06\x00".to_vec();
    packet.push(u8::try_from(username.len()).unwrap());
    packet.extend(username.as_bytes());
    packet.resize(packet.len().next_multiple_of(4), 0);
    let length = u16::try_from(packet.len() - 20).unwrap().to_be_bytes();
    packet[2..4].copy_from_slice(&length);
    packet
}

fn two_vms() -> (Flows, VmId, VmId) {
    let (mut flows, ours, theirs) = (Flows::default(), VmId::random(), VmId::random());
    flows.name("ours", ours).unwrap();
    flows.name("theirs", theirs).unwrap();
    (flows, ours, theirs)
}

#[test]
fn a_guest_reaches_only_addresses_that_have_shown_its_name() {
    let (mut flows, ours, theirs) = two_vms();
    let now = Instant::now();
    assert!(!flows.may_reach(ours, from(1), now), "nobody has come");
    assert_eq!(flows.arrived(from(1), b"\x80 some media", now), Nobodys);
    assert!(!flows.may_reach(ours, from(1), now), "a packet without a name opens nothing");
    assert_eq!(flows.arrived(from(1), &check("unknown"), now), Nobodys);
    assert_eq!(flows.arrived(from(1), &check("ours"), now), For(ours));
    assert!(flows.may_reach(ours, from(1), now));
    assert!(!flows.may_reach(theirs, from(1), now), "it is not the other guest's");
    assert!(!flows.may_reach(ours, from(2), now), "another port is somebody else");
    let tcp = Remote::new(Transport::Tcp, from(1).address);
    assert!(!flows.may_reach(ours, tcp, now), "another transport is another path");
    assert_eq!(flows.arrived(from(1), b"\x80 some media", now), For(ours));
}

#[test]
fn a_guest_cannot_call_itself_by_the_name_of_another() {
    let (mut flows, ours, theirs) = two_vms();
    assert_eq!(flows.name("theirs", ours), Err(Taken));
    assert_eq!(flows.name("theirs", theirs), Ok(()));
    assert_eq!(flows.arrived(from(1), &check("theirs"), Instant::now()), For(theirs));
}

#[test]
fn an_address_that_falls_silent_is_forgotten() {
    let (mut flows, ours, _) = two_vms();
    let start = Instant::now();
    flows.arrived(from(1), &check("ours"), start);
    let soon = start + SILENCE;
    assert_eq!(flows.arrived(from(1), b"\x80", soon), For(ours));
    let late = soon + SILENCE + Duration::from_millis(1);
    assert!(!flows.may_reach(ours, from(1), late));
    assert_eq!(flows.arrived(from(1), b"\x80", late), Nobodys);
    assert_eq!(flows.arrived(from(1), &check("ours"), late), For(ours));
}

#[test]
fn a_name_moves_an_address_and_a_vm_that_is_gone_leaves_nothing() {
    let (mut flows, ours, theirs) = two_vms();
    let now = Instant::now();
    flows.arrived(from(1), &check("ours"), now);
    assert_eq!(flows.arrived(from(1), &check("theirs"), now), For(theirs));
    assert!(!flows.may_reach(ours, from(1), now));
    flows.forget_vm(theirs);
    assert!(!flows.may_reach(theirs, from(1), now));
    assert_eq!(flows.arrived(from(1), &check("theirs"), now), Nobodys);
    flows.forget_name("ours");
    assert_eq!(flows.arrived(from(2), &check("ours"), now), Nobodys);
}

#[test]
fn one_vm_cannot_take_the_places_of_all_others() {
    let (mut flows, ours, theirs) = two_vms();
    let start = Instant::now();
    flows.arrived(from(60_000), &check("theirs"), start);
    for port in 1..=1000 {
        let now = start + Duration::from_millis(u64::from(port));
        assert_eq!(flows.arrived(from(port), &check("ours"), now), For(ours));
    }
    let now = start + Duration::from_secs(1);
    assert_eq!(flows.count(now), MAX_FLOWS_OF_A_VM + 1);
    assert!(flows.may_reach(theirs, from(60_000), now));
    assert!(flows.may_reach(ours, from(1000), now) && !flows.may_reach(ours, from(1), now));
}

#[test]
fn a_viewer_that_floods_its_guest_takes_nothing_of_another_from_however_many_addresses() {
    let (mut flows, ours, _) = two_vms();
    flows.name("modest", ours).unwrap();
    let now = Instant::now();
    flows.arrived(from(60_000), &check("modest"), now);
    let passed =
        (1..=1000).filter(|port| flows.arrived(from(port % 10 + 1), &check("ours"), now) == For(ours));
    assert_eq!(passed.count(), BURST as usize);
    assert_eq!(flows.arrived(from(1), b"\x80 media", now), TooMuch);
    assert_eq!(
        flows.arrived(from(60_000), b"\x80 media", now),
        For(ours),
        "the other viewer of the same guest"
    );
    let later = now + Duration::from_secs(1);
    assert_eq!(flows.arrived(from(1), b"\x80 media", later), For(ours));
    flows.forget_vm(ours);
    assert!(flows.buckets.is_empty());
}

proptest! {
    #[test]
    fn whatever_comes_a_vm_reaches_nobody_who_has_not_shown_its_name(
        steps in proptest::collection::vec((1..6_u16, 0..4_usize, 0..20_u64), 0..60),
    ) {
        let (mut flows, ours, theirs) = two_vms();
        let packets = [check("ours"), check("theirs"), check("unknown"), b"\x80media".to_vec()];
        let mut shown = HashMap::new();
        let mut now = Instant::now();
        for (port, packet, seconds) in steps {
            now += Duration::from_secs(seconds);
            flows.arrived(from(port), &packets[packet], now);
            if packet < 2 {
                shown.insert(port, if packet == 0 { ours } else { theirs });
            }
            for port in 1..6 {
                for vm in [ours, theirs] {
                    prop_assert!(!flows.may_reach(vm, from(port), now) || shown.get(&port) == Some(&vm));
                }
            }
        }
    }
}
