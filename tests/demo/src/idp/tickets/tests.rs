use std::time::{Duration, Instant};

use super::{Redeemed, Tickets};
use crate::secret::Secret;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_ticket_is_valid_once() {
    let (mut tickets, now) = (Tickets::new(MINUTE, 8), Instant::now());
    let handle = tickets.issue(now, 7, "value").unwrap();
    assert_eq!(tickets.redeem(now, &handle), Redeemed::Fresh(7, "value"));
    assert_eq!(tickets.redeem(now, &handle), Redeemed::UsedBefore(7));
}

#[test]
fn looking_at_a_ticket_does_not_use_it_up() {
    let (mut tickets, now) = (Tickets::new(MINUTE, 8), Instant::now());
    let handle = tickets.issue(now, 7, "open").unwrap();
    *tickets.find(now, &handle).unwrap().1 = "answered";
    assert_eq!(tickets.find(now, &handle), Some((7, &mut "answered")));
    assert_eq!(tickets.find(now + MINUTE, &handle), None);
}

#[test]
fn a_ticket_that_was_never_issued_is_unknown() {
    let mut tickets = Tickets::<()>::new(MINUTE, 8);
    assert_eq!(tickets.redeem(Instant::now(), &Secret::new("guess")), Redeemed::Unknown);
}

#[test]
fn a_ticket_expires_used_or_not() {
    let (mut tickets, now) = (Tickets::new(MINUTE, 8), Instant::now());
    let (fresh, used) = (tickets.issue(now, 1, ()).unwrap(), tickets.issue(now, 2, ()).unwrap());
    tickets.redeem(now, &used);
    assert_eq!(tickets.redeem(now + MINUTE, &fresh), Redeemed::Unknown);
    assert_eq!(tickets.redeem(now + MINUTE, &used), Redeemed::Unknown);
}

#[test]
fn a_ticket_is_valid_until_its_last_moment() {
    let (mut tickets, now) = (Tickets::new(MINUTE, 8), Instant::now());
    let handle = tickets.issue(now, 1, ()).unwrap();
    assert_eq!(tickets.redeem(now + MINUTE - Duration::from_nanos(1), &handle), Redeemed::Fresh(1, ()));
}

#[test]
fn a_full_table_lets_the_oldest_ticket_go() {
    let (mut tickets, now) = (Tickets::new(MINUTE, 2), Instant::now());
    let handles = [1, 2, 3].map(|number| tickets.issue(now, number, ()).unwrap());
    assert_eq!(tickets.redeem(now, &handles[0]), Redeemed::Unknown);
    assert_eq!(tickets.redeem(now, &handles[1]), Redeemed::Fresh(2, ()));
    assert_eq!(tickets.redeem(now, &handles[2]), Redeemed::Fresh(3, ()));
}

#[test]
fn revoking_a_sign_in_spares_the_others() {
    let (mut tickets, now) = (Tickets::new(MINUTE, 8), Instant::now());
    let [stolen, other] = [1, 2].map(|number| tickets.issue(now, number, ()).unwrap());
    tickets.revoke(1);
    assert_eq!(tickets.redeem(now, &stolen), Redeemed::UsedBefore(1));
    assert_eq!(tickets.redeem(now, &other), Redeemed::Fresh(2, ()));
}
