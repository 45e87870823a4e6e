//! VMs on the disk, and what their next daemon makes of them.

use std::{path::PathBuf, sync::atomic::Ordering, time::Duration};

use anteroom_protocol::SessionId;
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    super::{NotHibernated, VmKind, VmRequest, VmState, VmStatus, host_mark},
    house::{House, LIVES, Tenant, mark, within},
};
use crate::{
    store::HibernationRecord,
    vm::{HibernateAfter, StopReason, TakenOver},
    vmm::fake::MEMORY,
};

impl House {
    /// Of a session, and ready.
    async fn somebodys(&self) -> Tenant {
        let (sender, events) = mpsc::channel(64);
        let request = VmRequest { session: Some(SessionId::random()), ..self.request() };
        let mut vm = Tenant { handle: self.starter.start(request, sender), events };
        vm.until(VmStatus::Ready).await;
        vm
    }

    fn memory_of(&self, vm: &Tenant) -> PathBuf {
        self.settings().directory.join(vm.handle.id().to_string()).join("memory.sealed")
    }

    async fn key_of(&self, vm: &Tenant) -> Option<HibernationRecord> {
        self.store.hibernation_get(vm.handle.id()).await.unwrap()
    }

    async fn status_of(&self, vm: &Tenant) -> VmStatus {
        self.store.vm_get(vm.handle.id()).await.unwrap().unwrap().status
    }

    /// The daemon is gone, and the next one has come.
    async fn handed_on(self, before: Tenant) -> (Self, Tenant) {
        let house = self.with_the_next_daemon();
        let mut recovered = house.starter.recover().await.unwrap();
        let TakenOver { handle, events, .. } = recovered.taken.remove(0);
        assert_eq!(handle.id(), before.handle.id());
        // What is left of the daemon before does nothing more.
        std::mem::forget(before);
        (house, Tenant { handle, events })
    }
}

fn status(vm: &Tenant) -> VmStatus {
    vm.handle.state().borrow().status
}

async fn failed(vm: &Tenant) -> VmState {
    within(vm.handle.ended()).await
}

#[tokio::test]
async fn a_vm_goes_to_the_disk_sealed_and_is_the_same_when_somebody_comes() {
    let house = House::new(LIVES).await.has_a_desktop();
    let mut vm = house.somebodys().await;
    for number in 1..=2 {
        let (event, guard) = vm.event().await;
        assert_eq!(event.number, number);
        guard.done();
    }
    within(house.agent.until_acknowledged(2)).await;
    let process = house.store.vm_get(vm.handle.id()).await.unwrap().unwrap().processes[0];

    within(vm.handle.hibernate()).await.unwrap();
    assert_eq!((status(&vm), house.status_of(&vm).await), (VmStatus::Hibernated, VmStatus::Hibernated));
    assert!(!process.is_alive() && vm.handle.agent().is_none());
    let memory = std::fs::read(house.memory_of(&vm)).unwrap();
    assert!(memory.len() > MEMORY.len() * 1000);
    assert!(!String::from_utf8_lossy(&memory).contains(MEMORY), "it lies there as it is");
    let mut files = house.files_of(vm.handle.id());
    files.sort();
    assert_eq!(files, ["console.log", "disk.img", "memory.sealed"]);
    within(vm.handle.hibernate()).await.unwrap();

    house.agent.say(mark("later", 3));
    let visit = within(vm.handle.visit()).await.unwrap();
    assert_eq!((status(&vm), house.status_of(&vm).await), (VmStatus::Ready, VmStatus::Ready));
    let (later, _) = vm.event().await;
    assert_eq!(later.number, 3, "events go on with their numbers, and none comes twice");
    assert!(house.key_of(&vm).await.is_none() && !house.memory_of(&vm).exists());
    let woken = house.agent.woken.lock().unwrap().clone();
    assert!(woken[0]["entropy"].as_str().unwrap().len() > 80 && woken[0]["clock"]["unix_ns"].is_u64());
    for name in [host_mark::HIBERNATED, host_mark::WAKING, host_mark::AWAKE] {
        assert!(vm.marks().contains(&name.to_owned()), "{:?}", vm.marks());
    }
    let log = house.starter.console_log(vm.handle.id()).await.unwrap();
    assert!(log.matches("booting").count() >= 1, "{log}");

    let refused = within(vm.handle.hibernate()).await.unwrap_err();
    assert!(matches!(refused, NotHibernated::InUse), "{refused}");
    assert!(vm.handle.agent().is_some(), "and it is within reach again");
    drop(visit);
    within(vm.handle.hibernate()).await.unwrap();
    vm.end().await;
    assert_eq!(house.directories(), [""; 0], "it ends on the disk, and nothing of it is left");
    assert!(house.store.vm_living().await.unwrap().is_empty());
}

#[tokio::test]
async fn who_gives_up_waiting_for_the_disk_changes_nothing_and_who_asks_again_is_answered() {
    let house = House::new(LIVES).await.has_a_desktop();
    let vm = house.somebodys().await;
    let mut state = vm.handle.state();
    tokio::select! {
        biased;
        begun = state.wait_for(|state| state.status == VmStatus::Hibernating) => drop(begun.unwrap()),
        done = vm.handle.hibernate() => panic!("it was there before anybody could give up: {done:?}"),
    }
    within(vm.handle.hibernate()).await.unwrap();
    assert_eq!((status(&vm), house.status_of(&vm).await), (VmStatus::Hibernated, VmStatus::Hibernated));
    vm.end().await;
}

#[tokio::test]
async fn a_vm_stays_on_the_disk_when_its_daemon_dies_and_the_next_one_wakes_it() {
    let house = House::new(LIVES).await.has_a_desktop();
    let vm = house.somebodys().await;
    within(vm.handle.hibernate()).await.unwrap();
    let (house, mut vm) = house.handed_on(vm).await;
    assert_eq!(status(&vm), VmStatus::Hibernated);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(status(&vm), VmStatus::Hibernated, "nobody has come");
    let visit = within(vm.handle.visit()).await.unwrap();
    assert_eq!(status(&vm), VmStatus::Ready);
    assert_eq!(vm.event().await.0.number, 1, "this daemon hears everything");
    drop(visit);
    vm.end().await;
    assert_eq!(house.directories(), [""; 0]);
}

#[tokio::test]
async fn a_users_own_vm_on_the_disk_stays_there_when_its_daemon_is_stopped() {
    let house = House::new(LIVES).await.has_a_desktop();
    let (sender, events) = mpsc::channel(64);
    let request = VmRequest { user: Some("ann".into()), kind: VmKind::Cli, ..house.request() };
    let mut vm = Tenant { handle: house.starter.start(request, sender), events };
    vm.until(VmStatus::Ready).await;
    within(vm.handle.hibernate()).await.unwrap();
    within(house.starter.close()).await;
    assert_eq!(house.status_of(&vm).await, VmStatus::Hibernated);
    let (house, vm) = house.handed_on(vm).await;
    drop(within(vm.handle.visit()).await.unwrap());
    within(vm.handle.hibernate()).await.unwrap();
    vm.end().await;
    assert_eq!(house.directories(), [""; 0], "asked to end by itself, it is gone");
}

#[tokio::test]
async fn a_memory_that_was_changed_cut_or_is_another_vms_is_refused_by_name() {
    for how in ["changed", "cut", "another's", "gone", "without a key"] {
        let house = House::new(LIVES).await.has_a_desktop();
        let (vm, other) = (house.somebodys().await, house.somebodys().await);
        within(vm.handle.hibernate()).await.unwrap();
        within(other.handle.hibernate()).await.unwrap();
        let path = house.memory_of(&vm);
        let mut memory = std::fs::read(&path).unwrap();
        match how {
            "changed" => memory[1_500_000] ^= 1,
            "cut" => memory.truncate(1024 * 1024 + 16),
            "another's" => memory = std::fs::read(house.memory_of(&other)).unwrap(),
            "without a key" => house.store.hibernation_forget(vm.handle.id()).await.unwrap(),
            _ => {}
        }
        std::fs::write(&path, memory).unwrap();
        if how == "gone" {
            std::fs::remove_file(&path).unwrap();
        }
        assert!(within(vm.handle.visit()).await.is_err(), "{how}");
        let end = failed(&vm).await;
        let failure = end.failure.unwrap();
        assert_eq!((end.status, failure.code.as_str()), (VmStatus::Failed, "hibernation_damaged"), "{how}");
        assert!(house.agent.woken.lock().unwrap().is_empty(), "it has run: {how}");
        assert_eq!(house.files_of(vm.handle.id()), ["console.log"], "{how}");
        other.end().await;
    }
}

#[tokio::test]
async fn a_vm_that_cannot_be_put_to_disk_goes_on_as_if_nothing_had_been() {
    let house = House::new(LIVES).await.has_a_desktop();
    house.vmm.keeps_all_in_memory.store(true, Ordering::Relaxed);
    let mut vm = house.somebodys().await;
    let refused = within(vm.handle.hibernate()).await.unwrap_err();
    let NotHibernated::Failed(failure) = refused else { panic!("{refused}") };
    assert!(failure.message.contains("the device stays"), "{}", failure.message);
    vm.until(VmStatus::Ready).await;
    let visit = within(vm.handle.visit_when_ready()).await.unwrap();
    assert!(!house.memory_of(&vm).exists() && house.key_of(&vm).await.is_none());
    assert!(!house.files_of(vm.handle.id()).iter().any(|name| name.starts_with("memory")));
    drop(visit);
    vm.end().await;
}

#[tokio::test]
async fn what_is_nobodys_or_not_ready_stays_awake() {
    let house = House::new(LIVES).await.has_a_desktop();
    let mut spare = house.start().await;
    spare.until(VmStatus::Ready).await;
    let refused = within(spare.handle.hibernate()).await.unwrap_err();
    assert!(matches!(refused, NotHibernated::NotReady), "{refused}");
    spare.handle.stop(StopReason::Completed);
    failed(&spare).await;
    assert!(matches!(spare.handle.hibernate().await, Err(NotHibernated::Gone)));
}

#[tokio::test]
async fn a_vm_that_lives_meets_another_time_that_it_may_be_left_alone() {
    let house = House::new(LIVES).await.has_a_desktop();
    let vm = house.somebodys().await;
    let time = Some(Duration::from_millis(50));
    house.starter.set_hibernate_after(HibernateAfter { browser: time, cli: None });
    let mut state = vm.handle.state();
    within(state.wait_for(|state| state.status == VmStatus::Hibernated)).await.unwrap();
    vm.end().await;
}

#[tokio::test]
async fn a_vm_that_is_left_alone_hibernates_by_itself_and_not_while_somebody_is_there() {
    let house = House::hibernating_after(LIVES, Duration::from_millis(200)).await.has_a_desktop();
    let vm = house.somebodys().await;
    let (visit, hold) = (within(vm.handle.visit()).await.unwrap(), vm.handle.hold_awake());
    tokio::time::sleep(Duration::from_millis(400)).await;
    drop(visit);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(status(&vm), VmStatus::Ready);
    drop(hold);
    let mut state = vm.handle.state();
    within(state.wait_for(|state| state.status == VmStatus::Hibernated)).await.unwrap();
    // Who only waits does not have it woken; who comes does.
    let passive = within(vm.handle.visit_once_awake());
    let active = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(status(&vm), VmStatus::Hibernated);
        within(vm.handle.visit()).await.unwrap()
    };
    let (passive, active) = tokio::join!(passive, active);
    assert!(passive.is_some());
    drop((passive, active));
    vm.end().await;
}

#[tokio::test]
async fn a_guest_that_a_dead_daemon_left_standing_goes_on_where_it_stands() {
    for (left_at, has_key) in [(VmStatus::Hibernating, true), (VmStatus::Waking, false)] {
        let house = House::new(LIVES).await.has_a_desktop();
        let left = house.leave_alive().await;
        house.store.vm_set_status(left.id, left_at).await.unwrap();
        for name in ["memory.sealed.part", "memory.sealed"] {
            std::fs::write(left.directory.join(name), "as far as it came").unwrap();
        }
        if has_key {
            house.store.hibernation_put(&a_key(left.id)).await.unwrap();
        }
        let mut recovered = house.starter.recover().await.unwrap();
        let TakenOver { handle, events, .. } = recovered.taken.remove(0);
        let mut vm = Tenant { handle, events };
        vm.until(VmStatus::Ready).await;
        assert!(left.processes[0].is_alive(), "it is the same process");
        assert!(house.key_of(&vm).await.is_none());
        assert!(!house.files_of(left.id).iter().any(|name| name.starts_with("memory")));
        assert_eq!(house.agent.woken.lock().unwrap().len(), 1, "its clock may have stood still");
        vm.end().await;
    }
}

#[tokio::test]
async fn a_guest_that_was_half_way_to_the_disk_when_everything_ended_is_swept() {
    let house = House::new(LIVES).await;
    let process = house.leave_behind(true).await;
    let [left] = &house.store.vm_living().await.unwrap()[..] else { panic!("one VM") };
    process.kill();
    house.store.vm_set_status(left.id, VmStatus::Hibernating).await.unwrap();
    house.store.hibernation_put(&a_key(left.id)).await.unwrap();
    std::fs::write(left.directory.join("memory.sealed.part"), "as far as it came").unwrap();
    while process.is_alive() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let recovered = house.starter.recover().await.unwrap();
    assert!(recovered.taken.is_empty());
    assert_eq!(house.directories(), [""; 0]);
    assert!(house.store.hibernation_get(left.id).await.unwrap().is_none());
}

fn a_key(vm: anteroom_protocol::VmId) -> HibernationRecord {
    HibernationRecord {
        vm,
        key_id: "0123456789abcdef".into(),
        sealed: vec![7; 72],
        conditions: Some(json!({ "fake": 1 })),
        began_at: time::OffsetDateTime::now_utc(),
    }
}
