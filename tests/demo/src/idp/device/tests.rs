use super::*;
use crate::idp::authorize::scope;
use crate::idp::profile::{Consent, Profile};

fn devices() -> (Devices, DeviceFlow, Instant) {
    let flow = Profile::github(Consent::Given).device.unwrap();
    (Devices::new(Some(flow), 8), flow, Instant::now())
}

fn begin(devices: &mut Devices, now: Instant, number: SignInNumber) -> (Secret, Secret) {
    let profile = Profile::github(Consent::Given);
    let granted = scope(&profile.clients[0], Some("gist")).unwrap();
    devices.begin(now, number, "gh", granted).unwrap()
}

fn poll(devices: &mut Devices, now: Instant, code: &Secret) -> Poll {
    devices.poll(now, code, |device| device.client_id == "gh")
}

#[test]
fn a_sign_in_waits_for_its_person_and_is_used_up_by_its_client() {
    let (mut devices, flow, now) = devices();
    let (device_code, user_code) = begin(&mut devices, now, 7);
    assert!(matches!(poll(&mut devices, now, &device_code), Poll::Pending));
    devices.find(now, user_code.reveal()).unwrap().1.decide(Decision::Allowed);
    assert!(devices.find(now, user_code.reveal()).is_none(), "it is decided");
    let later = now + flow.interval;
    let Poll::Done(Redeemed::Fresh(number, device)) = poll(&mut devices, later, &device_code) else {
        panic!("it was allowed")
    };
    assert_eq!((number, device.scope.joined().as_str()), (7, "gist"));
    let again = poll(&mut devices, later + flow.interval, &device_code);
    assert!(matches!(again, Poll::Done(Redeemed::UsedBefore(7))), "{again:?}");
}

#[test]
fn a_denied_sign_in_stays_denied() {
    let (mut devices, flow, now) = devices();
    let (device_code, user_code) = begin(&mut devices, now, 1);
    devices.find(now, user_code.reveal()).unwrap().1.decide(Decision::Denied);
    for late in [Duration::ZERO, flow.interval] {
        assert!(matches!(poll(&mut devices, now + late, &device_code), Poll::Denied));
    }
}

#[test]
fn a_client_that_does_not_wait_is_slowed_down() {
    let (mut devices, flow, now) = devices();
    let (device_code, _) = begin(&mut devices, now, 1);
    assert!(matches!(poll(&mut devices, now, &device_code), Poll::Pending));
    let soon = now + flow.interval / 2;
    assert!(matches!(poll(&mut devices, soon, &device_code), Poll::TooSoon));
    assert!(matches!(poll(&mut devices, soon + flow.interval, &device_code), Poll::Pending));
}

#[test]
fn codes_expire_and_are_nobody_elses() {
    let (mut devices, flow, now) = devices();
    let (device_code, user_code) = begin(&mut devices, now, 1);
    assert!(matches!(devices.poll(now, &device_code, |_| false), Poll::Expired), "another client");
    assert!(matches!(poll(&mut devices, now, &user_code), Poll::Expired), "no device code");
    let late = now + flow.lifetime;
    assert!(devices.find(late, user_code.reveal()).is_none());
    assert!(matches!(poll(&mut devices, late, &device_code), Poll::Expired));
}
