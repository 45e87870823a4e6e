//! Who is launched when, and what a VM is that waits for that.

use std::time::Duration;

use serde_json::json;

use super::{
    super::host_mark,
    house::{House, LIVES, Tenant, within},
};
use crate::{
    config::PoolSettings,
    vm::{LaunchCounts, Origin, QueueFull, StopReason, VmStatus},
};

impl House {
    fn counts(&self) -> (usize, usize) {
        let LaunchCounts { launching, waiting } = self.starter.launch_counts();
        (launching, waiting)
    }

    fn no_spare_but_one() -> PoolSettings {
        PoolSettings { min: 1, max: 1 }
    }
}

impl Tenant {
    fn starts_ahead(&self) -> Option<usize> {
        self.handle.state().borrow().starts_ahead
    }

    async fn waits_behind(&self, ahead: usize) {
        let mut state = self.handle.state();
        within(state.wait_for(|state| state.starts_ahead == Some(ahead))).await.unwrap();
    }
}

#[tokio::test]
async fn a_vm_waits_for_its_turn_without_owning_anything_and_tells_how_many_are_ahead() {
    let house = House::launching(LIVES, 2, 8).await;
    let mut vms = Vec::new();
    for user in ["ann", "bob", "cid", "dee"] {
        vms.push(house.occupy_as(user).await.unwrap());
    }
    for vm in &mut vms[..2] {
        vm.until(VmStatus::Running).await;
    }
    vms[2].waits_behind(0).await;
    vms[3].waits_behind(1).await;
    assert_eq!(house.counts(), (2, 2));
    assert_eq!(house.directories().len(), 2, "those that wait have none");
    let stored = house.store.vm_get(vms[3].handle.id()).await.unwrap().unwrap();
    assert_eq!(stored.status, VmStatus::Creating);

    house.agent.say(json!({ "type": "desktop_ready" }));
    for vm in &mut vms {
        vm.until(VmStatus::Ready).await;
        assert_eq!(vm.starts_ahead(), None);
    }
    let waited = vms.iter().map(|vm| vm.marks().contains(&host_mark::TURN_CAME.to_owned()));
    assert_eq!(waited.collect::<Vec<_>>(), [false, false, true, true]);
    let (marks, place) = (vms[3].marks(), |name: &str| vms[3].marks().iter().position(|mark| mark == name));
    assert!(place(host_mark::TURN_CAME) < place(host_mark::DISK_READY), "{marks:?}");
    let all_places_are_free = async {
        while house.counts() != (0, 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(all_places_are_free).await;
    house.starter.close().await;
}

#[tokio::test]
async fn a_vm_that_is_ended_while_it_waits_gives_its_place_to_the_next_at_once() {
    let house = House::launching(LIVES, 1, 1).await;
    let mut first = house.occupy_as("ann").await.unwrap();
    first.until(VmStatus::Running).await;
    let second = house.occupy_as("bob").await.unwrap();
    second.waits_behind(0).await;
    let full = QueueFull { most_waiting: 1 };
    assert_eq!(house.occupy_as("cid").await.err(), Some(full));
    second.handle.stop(StopReason::Cancelled);
    let end = within(second.handle.ended()).await;
    assert_eq!((end.status, end.failure), (VmStatus::Destroyed, None));
    let mut third = house.occupy_as("cid").await.unwrap();
    first.handle.stop(StopReason::Cancelled);
    third.until(VmStatus::Running).await;
    house.starter.close().await;
    assert_eq!(house.directories(), [""; 0]);
}

#[tokio::test]
async fn whoever_takes_a_vm_from_the_pool_does_not_wait() {
    let house = House::launching(LIVES, 1, 8).await.has_a_desktop();
    let keeper = house.keeper(House::no_spare_but_one());
    while house.starter.spares() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(keeper);
    let _somebody_elses = house.starter.launches.enter();
    let mut lucky = house.occupy_as("ann").await.unwrap();
    let other = house.occupy_as("bob").await.unwrap();
    other.waits_behind(0).await;
    lucky.until(VmStatus::Ready).await;
    let mut state = lucky.handle.state();
    within(state.wait_for(|state| matches!(state.origin, Some(Origin::Pool { .. })))).await.unwrap();
    house.starter.close().await;
}

#[tokio::test]
async fn a_spare_that_is_being_launched_gives_way_to_whoever_has_to_wait() {
    // Without a desktop, so that it goes on until something ends it.
    let house = House::launching(LIVES, 1, 8).await;
    let _keeper = house.keeper_without_snapshots(House::no_spare_but_one());
    let launched = async {
        loop {
            if let [spare] = &house.store.vm_living().await.unwrap()[..] {
                return spare.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let spare = within(launched).await;
    let mut vm = house.occupy_as("ann").await.unwrap();
    vm.until(VmStatus::Running).await;
    let ended = async {
        while !house.store.vm_get(spare.id).await.unwrap().unwrap().status.is_final() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(ended).await;
    let status = house.store.vm_get(spare.id).await.unwrap().unwrap().status;
    assert_eq!(status, VmStatus::Destroyed, "left alone, it would have failed for want of a desktop");
    vm.end().await;
}

#[tokio::test]
async fn a_vm_that_another_daemon_was_launching_counts_until_its_desktop_stands() {
    let house = House::launching(LIVES, 1, 8).await;
    house.leave_alive().await;
    let recovered = house.starter.recover().await.unwrap();
    assert_eq!((recovered.taken.len(), house.counts()), (1, (1, 0)));
    let mut vm = house.occupy_as("ann").await.unwrap();
    vm.waits_behind(0).await;
    house.agent.say(json!({ "type": "desktop_ready" }));
    vm.until(VmStatus::Ready).await;
    house.starter.close().await;
}

#[tokio::test]
async fn a_vm_that_was_waiting_when_its_daemon_was_killed_is_not_taken_over() {
    let house = House::launching(LIVES, 1, 8).await;
    let _never = house.starter.launches.enter();
    let vm = house.occupy_as("ann").await.unwrap();
    vm.waits_behind(0).await;
    let recovered = house.starter.recover().await.unwrap();
    assert_eq!((recovered.taken.len(), recovered.swept.vms), (0, 1));
    let stored = house.store.vm_get(vm.handle.id()).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.failure.unwrap().code.as_str()), (VmStatus::Failed, "daemon_killed"));
}
