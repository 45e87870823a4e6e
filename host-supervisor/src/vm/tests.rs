//! The whole life of VMs, with real child processes and a real agent behind the real handshake; only the machine that
//! runs the guest is a shell script ([`crate::vmm::fake`]).

mod hibernation;
mod house;
mod launches;
mod pool;
mod snapshots;

use std::time::Duration;

use anteroom_protocol::{EventBody, ProtocolVersion};
use serde_json::json;

use super::*;
use crate::net::host::tests::scene::on_a_host;
use house::{House, LIVES, mark, within};

#[tokio::test]
async fn a_vm_becomes_ready_and_nothing_of_it_is_left_when_it_was_asked_to_end() {
    let house = House::new(LIVES).await;
    let mut vm = house.start().await;
    house.agent.say(mark("pid1", 1_000_000));
    house.agent.say(json!({ "type": "desktop_ready" }));
    vm.until(VmStatus::Ready).await;
    let record = house.store.vm_get(vm.handle.id()).await.unwrap().unwrap();
    assert_eq!(record.status, VmStatus::Ready, "the store knows it as well");
    assert_eq!(record.processes.len(), 1);
    assert!(record.processes[0].is_alive());

    vm.handle.stop(StopReason::Completed);
    let end = within(vm.handle.ended()).await;
    assert_eq!((end.status, end.failure), (VmStatus::Destroyed, None));
    assert!(house.agent.was_powered_off());
    assert!(!record.processes[0].is_alive());
    assert!(house.directories().is_empty());
    assert!(house.store.vm_living().await.unwrap().is_empty());
    assert!(vm.handle.agent().is_none());
}

#[tokio::test]
async fn the_timeline_tells_host_and_guest_in_one_order_and_is_stored() {
    let house = House::new(LIVES).await;
    let mut vm = house.start().await;
    house.agent.say(mark("desktop-ready", 3_000_000_000_000));
    house.agent.say(json!({ "type": "desktop_ready" }));
    vm.until(VmStatus::Ready).await;
    vm.handle.stop(StopReason::Completed);
    let end = within(vm.handle.ended()).await;
    let names: Vec<&str> = end.timeline.iter().map(|mark| mark.name.as_str()).collect();
    for name in [host_mark::REQUESTED, host_mark::DISK_READY, host_mark::VMM_STARTED, host_mark::KERNEL_START]
    {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!((names[0], names[names.len() - 1]), (host_mark::REQUESTED, host_mark::GONE));
    assert!(end.timeline.is_sorted_by_key(|mark| mark.at));
    let stored = house.store.vm_get(vm.handle.id()).await.unwrap().unwrap().timeline.unwrap();
    assert_eq!(stored, serde_json::to_value(&end.timeline).unwrap());
}

#[tokio::test]
async fn a_guest_whose_kernel_panics_fails_with_the_kernels_words_and_its_log_stays() {
    let house =
        House::new("echo 'BIOS'; echo '[ 1.0] Kernel panic - not syncing: out of luck'; exit 0").await;
    let vm = house.start().await;
    let end = within(vm.handle.ended()).await;
    let failure = end.failure.unwrap();
    assert_eq!((end.status, failure.code.as_str()), (VmStatus::Failed, "kernel_panic"));
    assert!(failure.message.contains("out of luck"), "{}", failure.message);
    assert_eq!(house.files_of(vm.handle.id()), ["console.log"], "the disk and the sockets are gone");
    let log = house.starter.console_log(vm.handle.id()).await.unwrap();
    assert!(log.contains("BIOS"));
    house.starter.forget(vm.handle.id()).await.unwrap();
    assert!(house.directories().is_empty());
}

#[tokio::test]
async fn a_vmm_that_dies_fails_the_vm_with_its_last_words() {
    let house = House::new("echo 'qemu: no such device' >&2; exit 1").await;
    let end = within(house.start().await.handle.ended()).await;
    let failure = end.failure.unwrap();
    assert_eq!(failure.code, "vmm_died");
    assert_eq!(failure.message, "sh ended with exit code 1: qemu: no such device");
}

#[tokio::test]
async fn a_missing_kernel_fails_the_vm_before_anything_runs() {
    let house = House::new(LIVES).await;
    std::fs::remove_file(house.kernel()).unwrap();
    let vm = house.start().await;
    let end = within(vm.handle.ended()).await;
    assert_eq!((end.status, end.failure.unwrap().code.as_str()), (VmStatus::Failed, "file_missing"));
    assert!(house.directories().is_empty(), "without a log nothing is kept");
}

#[test]
fn a_vm_for_which_no_address_is_left_fails_by_that_name_and_the_next_gets_the_one_that_was_freed() {
    on_a_host(|mut scene| async move {
        // The host's own address and one more.
        scene.settings.ipv4 = "10.77.0.1/30".parse().unwrap();
        let house = House::on_network(LIVES, scene.settings).await;
        let mut first = house.start().await;
        first.until(VmStatus::Running).await;
        let second = house.start().await;
        let end = within(second.handle.ended()).await;
        let failure = end.failure.unwrap();
        assert_eq!((end.status, failure.code.as_str()), (VmStatus::Failed, "no_address_left"));
        let said = "the guest gets no network: no address left in 10.77.0.0/30: 1 are in use";
        assert_eq!(failure.message, said);
        let stored = house.store.vm_get(second.handle.id()).await.unwrap().unwrap();
        assert_eq!(stored.failure, Some(failure));
        assert_eq!(house.directories(), [first.handle.id().to_string()], "nothing of it is left");

        first.handle.stop(StopReason::Completed);
        within(first.handle.ended()).await;
        let mut third = house.start().await;
        third.until(VmStatus::Running).await;
        assert_eq!(third.handle.state().borrow().address, Some("10.77.0.2".parse().unwrap()));
        house.starter.close().await;
    });
}

#[tokio::test]
async fn an_agent_of_another_major_version_fails_the_vm_and_names_the_older_side() {
    let house = House::new(LIVES).await;
    house.agent.speak(ProtocolVersion { major: ProtocolVersion::CURRENT.major + 1, minor: 0 });
    let end = within(house.start().await.handle.ended()).await;
    let failure = end.failure.unwrap();
    assert_eq!(failure.code, "agent_protocol");
    assert!(failure.message.contains("this host is too old"), "{}", failure.message);
}

#[tokio::test]
async fn a_guest_that_goes_silent_fails_within_its_limit() {
    let house = House::new(LIVES).await;
    let mut vm = house.start().await;
    vm.until(VmStatus::Running).await;
    house.agent.fall_silent();
    let end = within(vm.handle.ended()).await;
    assert_eq!(end.failure.unwrap().code, "guest_silent");
}

#[tokio::test]
async fn a_guest_whose_agent_never_answers_fails_within_its_limit() {
    let house = House::new(LIVES).await;
    house.agent.fall_silent();
    let end = within(house.start().await.handle.ended()).await;
    let failure = end.failure.unwrap();
    assert_eq!(failure.code, "boot_timeout");
    assert_eq!(failure.detail_lines, ["booting"]);
}

#[tokio::test]
async fn a_service_that_the_desktop_needs_fails_the_vm_with_its_last_lines() {
    let house = House::new(LIVES).await;
    let vm = house.start().await;
    let failed = json!({ "type": "desktop_failed", "service": "xvfb", "cause": "ended with code 1",
                         "last_lines": ["no screens found"] });
    house.agent.say(failed);
    let failure = within(vm.handle.ended()).await.failure.unwrap();
    assert_eq!(failure.message, "the service xvfb of the desktop failed: ended with code 1");
    assert_eq!(failure.detail_lines, ["no screens found"]);
}

#[tokio::test]
async fn a_desktop_that_does_not_come_fails_the_vm_and_tells_what_is_not_ready() {
    let house = House::new(LIVES).await;
    let vm = house.start().await;
    let starting =
        json!({ "type": "service", "name": "x11vnc", "state": { "is": "starting" }, "restarts": 0 });
    house.agent.say(starting);
    let failure = within(vm.handle.ended()).await.failure.unwrap();
    assert_eq!(failure.code, "desktop_timeout");
    assert!(failure.message.ends_with("not ready: x11vnc"), "{}", failure.message);
}

#[tokio::test]
async fn an_event_is_acknowledged_only_when_the_session_is_done_with_it() {
    let house = House::new(LIVES).await;
    let mut vm = house.start().await;
    house.agent.say(mark("one", 1));
    house.agent.say(mark("two", 2));
    let (one, guard_one) = vm.event().await;
    let (two, guard_two) = vm.event().await;
    assert!(matches!((one.body, two.body), (EventBody::Mark { .. }, EventBody::Mark { .. })));
    guard_two.done();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(house.agent.acknowledged(), 0, "the first one is not done yet");
    guard_one.done();
    within(house.agent.until_acknowledged(2)).await;
}

#[tokio::test]
async fn a_broken_event_stream_is_taken_up_again_and_nothing_comes_twice() {
    let house = House::new(LIVES).await;
    let mut vm = house.start().await;
    house.agent.say(mark("one", 1));
    assert_eq!(vm.event().await.0.number, 1);
    house.agent.break_streams();
    house.agent.say(mark("two", 2));
    assert_eq!(vm.event().await.0.number, 2);
}

#[tokio::test]
async fn a_session_that_does_not_take_its_events_does_not_hold_up_the_end() {
    let house = House::new(LIVES).await;
    let mut vm = house.start().await;
    vm.until(VmStatus::Running).await;
    for n in 0..500 {
        house.agent.say(mark("noise", n));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    vm.handle.stop(StopReason::Cancelled);
    assert_eq!(within(vm.handle.ended()).await.status, VmStatus::Destroyed);
}

#[tokio::test]
async fn a_guest_that_does_not_power_off_is_killed_after_its_limit() {
    let house = House::new("echo booting; while :; do sleep 600; done").await;
    let mut vm = house.start().await;
    vm.until(VmStatus::Running).await;
    vm.handle.stop(StopReason::TimedOut);
    assert_eq!(within(vm.handle.ended()).await.status, VmStatus::Destroyed);
    assert!(house.directories().is_empty());
}

#[tokio::test]
async fn a_vm_that_is_asked_to_end_at_once_is_gone_without_a_failure() {
    let house = House::new(LIVES).await;
    let vm = house.start().await;
    vm.handle.stop(StopReason::Cancelled);
    let end = within(vm.handle.ended()).await;
    assert_eq!((end.status, end.failure), (VmStatus::Destroyed, None));
    assert!(house.directories().is_empty());
}

#[tokio::test]
async fn closing_ends_every_vm_even_without_its_handle() {
    let house = House::new(LIVES).await;
    for _ in 0..3 {
        house.start().await.until(VmStatus::Running).await;
    }
    assert_eq!(house.store.vm_living().await.unwrap().len(), 3);
    within(house.starter.close()).await;
    assert!(house.store.vm_living().await.unwrap().is_empty());
    assert!(house.directories().is_empty());
}

#[tokio::test]
async fn what_a_killed_daemon_left_is_swept_whether_it_was_written_down_or_not() {
    let house = House::new(LIVES).await;
    let written = house.leave_behind(true).await;
    let unwritten = house.leave_behind(false).await;
    let stray = house.settings().directory.join(VmId::random().to_string());
    std::fs::create_dir_all(&stray).unwrap();
    let foreign = house.settings().directory.join("README");
    std::fs::write(&foreign, "not a VM").unwrap();

    let recovered = house.starter.recover().await.unwrap();
    assert!(recovered.taken.is_empty());
    let swept = recovered.swept;
    assert_eq!((swept.vms, swept.processes, swept.directories), (2, 2, 1));
    assert!(!written.is_alive() && !unwritten.is_alive());
    assert!(!stray.exists() && foreign.exists());
    assert!(house.store.vm_living().await.unwrap().is_empty());
    let records = house.store.vm_list(None, crate::store::Page::first(10)).await.unwrap();
    assert!(
        records.iter().all(|vm| vm.failure.as_ref().is_some_and(|failure| failure.code == "daemon_killed"))
    );
    let again = house.starter.recover().await.unwrap().swept;
    assert_eq!(again, Swept::default(), "a second time there is nothing");
}

#[tokio::test]
async fn a_vm_of_a_daemon_that_is_gone_goes_on_and_tells_everything_again() {
    let house = House::new(LIVES).await;
    let left = house.leave_alive().await;
    house.agent.say(mark("pid1", 1_000_000));
    house.agent.say(json!({ "type": "desktop_ready" }));

    let mut recovered = house.starter.recover().await.unwrap();
    assert_eq!(recovered.swept, Swept::default());
    let TakenOver { record, handle, events } = recovered.taken.remove(0);
    assert_eq!(record.id, left.id);
    let mut vm = house::Tenant { handle, events };
    vm.until(VmStatus::Ready).await;
    assert!(left.processes[0].is_alive(), "it is the same process");
    assert_eq!(vm.event().await.0.number, 1, "what the daemon that is gone has heard already");
    let stored = house.store.vm_get(left.id).await.unwrap().unwrap();
    assert_eq!(stored.status, VmStatus::Ready);

    vm.handle.stop(StopReason::Completed);
    let end = within(vm.handle.ended()).await;
    assert_eq!((end.status, end.failure), (VmStatus::Destroyed, None));
    assert!(end.timeline.iter().any(|mark| mark.name == host_mark::TAKEN_OVER), "{:?}", end.timeline);
    assert!(!left.processes[0].is_alive() && house.directories().is_empty());
}

#[tokio::test]
async fn a_guest_that_has_not_noticed_the_end_of_its_daemon_is_dialled_though_it_does_not_knock() {
    let house = House::new(LIVES).await;
    house.leave_alive().await;
    house.vmm.adopted_do_not_knock.store(true, std::sync::atomic::Ordering::Relaxed);
    house.agent.say(json!({ "type": "desktop_ready" }));
    let TakenOver { handle, events, .. } = house.starter.recover().await.unwrap().taken.remove(0);
    let mut vm = house::Tenant { handle, events };
    vm.until(VmStatus::Ready).await;
    assert_eq!(vm.event().await.0.number, 1);
    house.starter.close().await;
}

#[tokio::test]
async fn a_clone_that_nobody_has_told_who_it_is_fails_by_name_and_not_by_waiting() {
    let house = House::new(LIVES).await;
    house.leave_alive().await;
    *house.agent.vm.lock().unwrap() = Some(VmId::random());
    let mut recovered = house.starter.recover().await.unwrap();
    let end = within(recovered.taken.remove(0).handle.ended()).await;
    assert_eq!(end.failure.unwrap().code, "restore_interrupted");
    assert!(house.agent.resumed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_vm_that_was_taken_over_and_ends_by_itself_fails_with_the_words_of_both_lives() {
    let house = House::new("until [ -e v.sock ]; do sleep 0.01; done; echo later words; exit 1").await;
    let left = house.leave_alive().await;
    let mut recovered = house.starter.recover().await.unwrap();
    let end = within(recovered.taken.remove(0).handle.ended()).await;
    let failure = end.failure.unwrap();
    assert_eq!(failure.code, "vmm_died");
    assert!(failure.message.contains("only the daemon would know"), "{}", failure.message);
    let log = house.starter.console_log(left.id).await.unwrap();
    assert_eq!(log, "BIOS\nlater words\n");
}

#[tokio::test]
async fn what_is_left_is_told_before_it_is_touched_and_what_lives_is_kept_unless_all_has_to_go() {
    let house = House::new(LIVES).await;
    let living = house.leave_alive().await;
    let unlaunched = house.leave_behind(false).await;
    let stray = VmId::random();
    std::fs::create_dir_all(house.settings().directory.join(stray.to_string())).unwrap();

    let directory = house.settings().directory;
    let found = survey(&house.store, &directory).await.unwrap();
    let fate_of = |vm: VmId| found.iter().find(|remnant| remnant.vm == vm).map(|remnant| remnant.fate);
    assert_eq!((found.len(), fate_of(living.id)), (3, Some(Fate::GoesOn)));
    assert_eq!(fate_of(stray), Some(Fate::Removed));
    let other = found.iter().find(|remnant| ![living.id, stray].contains(&remnant.vm)).unwrap();
    assert_eq!((other.fate, &other.processes), (Fate::Removed, &vec![unlaunched.pid]));
    assert!(unlaunched.is_alive(), "nothing was touched");

    let swept = house.starter.remove_remnants(false).await.unwrap();
    assert_eq!((swept.vms, swept.processes, swept.directories), (1, 1, 1));
    assert!(living.processes[0].is_alive() && !unlaunched.is_alive());
    assert_eq!(survey(&house.store, &directory).await.unwrap().len(), 1);

    house.starter.remove_remnants(true).await.unwrap();
    assert!(!living.processes[0].is_alive());
    assert!(survey(&house.store, &directory).await.unwrap().is_empty());
}
