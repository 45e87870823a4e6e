//! What VMs begin with, and who waits for whom.

use std::sync::Arc;

use anteroom_protocol::SessionId;
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    super::{Origin, host_mark, keeper::Keeper},
    house::{House, LIVES, Tenant, mark, within},
};
use crate::{
    config::{PoolSettings, SnapshotSettings},
    snapshots::{Shelf, Snapshot},
    store::{SessionPurpose, SessionRecord, SessionStatus},
    vm::{QueueFull, StopReason, VmRequest, VmStatus},
    vmm::fake::Restoring,
};

/// Every VM that has had this disk adds a byte to it.
const COUNTS: &str = "at=8192; while [ \"$(tail -c +$((at + 1)) disk.img | head -c 1)\" = x ]; do at=$((at + 1)); done; \
    printf x | dd of=disk.img bs=1 seek=$at conv=notrunc 2>/dev/null";

impl House {
    async fn with_a_desktop() -> Self {
        Self::new(&format!("{COUNTS}; {LIVES}")).await.has_a_desktop()
    }

    /// It is ready as soon as it is asked.
    pub(super) fn has_a_desktop(self) -> Self {
        self.agent.say(json!({ "type": "desktop_ready" }));
        self.agent.say(mark("desktop-painted", 6_000_000));
        self
    }

    async fn make_snapshot(&self) -> Snapshot {
        let shelf = self.starter.shelf().unwrap();
        within(self.starter.make_snapshot(&shelf, self.request())).await.unwrap()
    }

    pub(super) fn keeper(&self, pool: PoolSettings) -> AbortOnDropHandle<()> {
        let settings = SnapshotSettings {
            keep: std::num::NonZeroU32::MIN,
            max_age: std::time::Duration::from_secs(3600),
        };
        self.keeping(self.starter.shelf().map(|shelf| (shelf, settings)), pool)
    }

    pub(super) fn keeper_without_snapshots(&self, pool: PoolSettings) -> AbortOnDropHandle<()> {
        self.keeping(None, pool)
    }

    fn keeping(
        &self,
        snapshots: Option<(Arc<Shelf>, SnapshotSettings)>,
        pool: PoolSettings,
    ) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(self.a_keeper(snapshots, pool).run(CancellationToken::new())))
    }

    pub(super) fn a_keeper(
        &self,
        snapshots: Option<(Arc<Shelf>, SnapshotSettings)>,
        pool: PoolSettings,
    ) -> Keeper {
        Keeper {
            starter: Arc::clone(&self.starter),
            template: self.request(),
            snapshots,
            pool: Some(pool),
            memory: self.host_memory(),
            most_vms: 4,
        }
    }

    /// Somebody comes.
    async fn occupy(&self) -> Tenant {
        self.occupy_as("me").await.unwrap()
    }

    /// This user does.
    pub(super) async fn occupy_as(&self, user: &str) -> Result<Tenant, QueueFull> {
        let session = SessionRecord {
            id: SessionId::random(),
            user_id: user.into(),
            provider: "demo".into(),
            purpose: SessionPurpose::SignIn,
            status: SessionStatus::Initializing,
            vm_id: None,
            created_at: time::OffsetDateTime::now_utc(),
            completed_at: None,
            failure: None,
        };
        self.store.session_create(&session).await.unwrap();
        let berth = self.starter.reserve(user)?;
        let request = VmRequest { id: berth.id(), session: Some(session.id), ..self.request() };
        let (handle, events) = self.starter.occupy(berth, request).await.unwrap();
        Ok(Tenant { handle, events })
    }
}

impl Tenant {
    pub(super) fn origin(&self) -> Origin {
        self.handle.state().borrow().origin.clone().unwrap()
    }

    pub(super) fn marks(&self) -> Vec<String> {
        self.handle.state().borrow().timeline.iter().map(|mark| mark.name.clone()).collect()
    }

    pub(super) async fn end(self) {
        self.handle.stop(StopReason::Completed);
        within(self.handle.ended()).await;
    }
}

#[tokio::test]
async fn a_clone_is_told_who_it_is_and_begins_with_the_snapshots_disk() {
    let house = House::with_a_desktop().await;
    let mut first = house.start().await;
    first.until(VmStatus::Ready).await;
    assert_eq!(first.origin(), Origin::Boot { because: "there is no snapshot for it yet".into() });
    first.end().await;
    let snapshot = house.make_snapshot().await;
    assert_eq!(house.directories(), [""; 0], "nothing is left of the VM that was snapshotted");
    let mut clone = house.start().await;
    clone.until(VmStatus::Ready).await;
    assert_eq!(clone.origin(), Origin::Snapshot { key: snapshot.manifest.key });
    assert!(clone.marks().contains(&host_mark::RESTORED.to_owned()), "{:?}", clone.marks());
    let disk = house.settings().directory.join(clone.handle.id().to_string()).join("disk.img");
    let counted = async {
        while std::fs::read(&disk).unwrap()[8192..].iter().take_while(|byte| **byte == b'x').count() != 2 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    within(counted).await;
    let told = house.agent.resumed.lock().unwrap();
    let [trial, resumed] = &told[..] else { panic!("each is told once: {told:?}") };
    assert_ne!(trial["entropy"], resumed["entropy"]);
    assert_eq!(resumed["vm"], clone.handle.id().to_string());
    assert!(resumed["entropy"].as_str().unwrap().len() > 80);
    clone.handle.stop(StopReason::Completed);
}

#[tokio::test]
async fn a_vm_that_is_to_end_waits_for_no_snapshot_of_it() {
    let house = House::with_a_desktop().await;
    house.restoring(Restoring::IsNeverMade);
    let shelf = house.starter.shelf().unwrap();
    let has_begun = || {
        let drafts = std::fs::read_dir(shelf.directory()).into_iter().flatten().flatten();
        drafts.into_iter().any(|draft| draft.path().join("state").exists())
    };
    let begun = async {
        while !has_begun() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    // Somebody comes, for whom the making gives way.
    tokio::select! {
        made = house.starter.make_snapshot(&shelf, house.request()) => panic!("{made:?}"),
        () = within(begun) => {}
    }
    within(house.starter.close()).await;
    assert_eq!(house.directories(), [""; 0]);
    assert_eq!(std::fs::read_dir(shelf.directory()).unwrap().count(), 0, "nothing is left of it");
}

#[tokio::test]
async fn what_cannot_be_restored_boots_and_the_second_time_the_snapshot_goes() {
    for (restoring, because) in [
        (Restoring::IsRefused, "it is of another machine"),
        (Restoring::StaysSilent, "did not answer within"),
    ] {
        let house = House::with_a_desktop().await;
        house.make_snapshot().await;
        house.restoring(restoring);
        let shelf = house.starter.shelf().unwrap();
        // Once, it may have been somebody else's fault.
        for left in [1, 0] {
            let mut vm = house.start().await;
            vm.until(VmStatus::Ready).await;
            let Origin::Boot { because: said } = vm.origin() else { panic!("{:?}", vm.origin()) };
            assert!(said.starts_with("the snapshot could not be restored"), "{said}");
            assert!(said.contains(because), "{said}");
            assert!(vm.marks().contains(&host_mark::NOT_RESTORED.to_owned()));
            assert_eq!(shelf.list().unwrap().len(), left);
            vm.end().await;
        }
        assert_eq!(house.directories(), [""; 0]);
    }
}

#[tokio::test]
async fn a_snapshot_that_does_not_come_up_once_is_not_kept() {
    let house = House::with_a_desktop().await;
    house.restoring(Restoring::IsRefused);
    let shelf = house.starter.shelf().unwrap();
    let error = within(house.starter.make_snapshot(&shelf, house.request())).await.unwrap_err().to_string();
    assert!(error.starts_with("it was made, but the snapshot could not be restored"), "{error}");
    assert_eq!(shelf.list().unwrap().len(), 0);
    assert_eq!(house.directories(), [""; 0]);
}

#[tokio::test]
async fn a_snapshot_that_was_changed_is_never_restored() {
    let house = House::with_a_desktop().await;
    let snapshot = house.make_snapshot().await;
    std::fs::write(snapshot.files().memory, "echo evil").unwrap();
    let mut vm = house.start().await;
    vm.until(VmStatus::Ready).await;
    let Origin::Boot { because } = vm.origin() else { panic!("{:?}", vm.origin()) };
    assert!(because.contains("is not what was written"), "{because}");
    vm.end().await;
}

#[tokio::test]
async fn the_keeper_makes_the_snapshot_and_keeps_a_vm_ready_for_whoever_comes() {
    let house = House::with_a_desktop().await;
    let _keeper = house.keeper(PoolSettings { min: 1, max: 2 });
    let spare = async {
        while house.starter.spares() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    within(spare).await;
    let mut vm = house.occupy().await;
    vm.until(VmStatus::Ready).await;
    let mut state = vm.handle.state();
    let told = state.wait_for(|state| matches!(state.origin, Some(Origin::Pool { .. })));
    within(told).await.unwrap();
    let Origin::Pool { begun, .. } = vm.origin() else { unreachable!() };
    assert!(matches!(*begun, Origin::Snapshot { .. }), "{begun:?}");
    assert_eq!(vm.marks()[..2], ["requested", host_mark::WAS_READY]);
    let (event, _) = vm.event().await;
    assert_eq!(event.number, 1, "the session hears everything");
    let record = house.store.vm_get(vm.handle.id()).await.unwrap().unwrap();
    assert!(record.session_id.is_some(), "it is the session's in the store");
    vm.end().await;
    // Who comes when none is ready waits for a VM like anybody.
    let mut two = [house.occupy().await, house.occupy().await];
    for vm in &mut two {
        vm.until(VmStatus::Ready).await;
    }
    for vm in two {
        vm.end().await;
    }
    house.starter.close().await;
    assert_eq!(house.directories(), [""; 0], "those that waited are gone, too");
}

#[tokio::test]
async fn a_berth_that_nobody_occupies_ends_its_vm() {
    let house = House::with_a_desktop().await;
    let keeper = house.keeper(PoolSettings { min: 1, max: 1 });
    while house.starter.spares() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    drop(keeper);
    let berth = house.starter.reserve("me").unwrap();
    let id = berth.id();
    assert_eq!(house.starter.spares(), 0);
    drop(berth);
    while house.store.vm_get(id).await.unwrap().unwrap().status != VmStatus::Destroyed {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_making_of_a_snapshot_gives_way_to_whoever_comes() {
    // No desktop, so that it goes on until something ends it.
    let house = House::new(LIVES).await;
    let _keeper = house.keeper(PoolSettings::default());
    let golden = async {
        loop {
            if let [vm] = &house.store.vm_living().await.unwrap()[..] {
                return vm.id;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let golden = within(golden).await;
    let vm = house.occupy().await;
    let ended = async {
        loop {
            let status = house.store.vm_get(golden).await.unwrap().unwrap().status;
            if status.is_final() {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    // Left alone, it would have failed for want of a desktop.
    assert_eq!(within(ended).await, VmStatus::Destroyed);
    vm.end().await;
}
