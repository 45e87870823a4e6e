//! Keeps what nobody shall wait for: the snapshot for this daemon's VMs, and VMs that are ready.
//!
//! Both are work in the background, which rests while somebody waits for a VM. Beside it the machine's memory is watched: VMs that
//! wait give theirs back when it is short, whatever else is going on.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::VmId;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Shortage, VmKind, VmRequest, VmStarter, VmState, VmStatus, WAITING_EVENTS, golden::GoldenError,
    pool::Spare, thrift,
};
use crate::{
    blocking,
    config::{PoolSettings, SnapshotSettings},
    failure::causes,
    host_memory::Source,
    snapshots::{Manifest, Shelf, Snapshot},
};

/// When nothing is known to have changed.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// Memory is short without telling.
const LOOK_AT_MEMORY: Duration = Duration::from_secs(5);
/// A daemon that has just started may have somebody at its door.
const SETTLED: Duration = Duration::from_secs(2);
/// After a failure; then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How often the making of a snapshot gives way to people.
const MOST_GIVEN_WAY: u32 = 3;

#[derive(Debug)]
pub struct Keeper {
    pub starter: Arc<VmStarter>,
    /// Of every VM; the id is another one each time.
    pub template: VmRequest,
    pub snapshots: Option<(Arc<Shelf>, SnapshotSettings)>,
    /// Without it none of this kind wait for anybody.
    pub pool: Option<PoolSettings>,
    pub memory: Source,
    /// VMs at once, those that wait among them.
    pub most_vms: usize,
}

/// What has been tried.
#[derive(Debug, Default)]
struct Tried {
    given_way: u32,
    failures: u32,
    not_before: Option<tokio::time::Instant>,
    /// Nothing will help until the daemon is started again.
    in_vain: bool,
}

impl Keeper {
    /// Runs until `stop`; the VMs that wait are ended with everybody else's.
    pub async fn run(self, stop: CancellationToken) {
        let work = async {
            self.starter.wanted(self.template.kind).await;
            tokio::time::sleep(SETTLED).await;
            let mut tried = Tried::default();
            loop {
                self.tend(&mut tried).await;
                tokio::select! {
                    () = self.starter.pool.news.notified() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
            () = self.watch_memory() => {}
        }
    }

    /// Ends those that wait, where too many do for the memory that there is.
    async fn watch_memory(&self) {
        let Some(settings) = self.pool else { return std::future::pending().await };
        loop {
            let was_short = self.starter.pool().shortage.is_some();
            let most = self.may_wait(settings);
            self.starter.pool.shrink_to(most);
            if was_short && self.starter.pool().shortage.is_none() {
                self.starter.pool.news.notify_one();
            }
            tokio::time::sleep(LOOK_AT_MEMORY).await;
        }
    }

    /// How many there may be that wait, as things are.
    fn may_wait(&self, settings: PoolSettings) -> usize {
        let (pool, ready) = (&self.starter.pool, self.starter.spares());
        let wanted = pool.wanted(settings);
        let (most, shortage) = thrift::may_wait(self.memory.read(), self.template.memory_mib, ready, wanted);
        let awake = self.starter.awake(VmKind::Browser) + self.starter.awake(VmKind::Cli);
        // The one that is being made is among them.
        let is_full = awake - pool.making().min(awake) >= self.most_vms;
        let (most, shortage) = match shortage {
            None if ready < wanted && is_full => (ready, Some(Shortage::Vms { most: self.most_vms })),
            other => (most, other),
        };
        pool.look(wanted, shortage);
        most
    }

    /// One round: whatever is missing and may be made.
    async fn tend(&self, tried: &mut Tried) {
        self.nobody_waits().await;
        if let Some((shelf, settings)) = &self.snapshots {
            self.tend_snapshot(shelf, *settings, tried).await;
        }
        let Some(pool) = self.pool else { return };
        while self.starter.spares() < self.may_wait(pool) {
            self.nobody_waits().await;
            if !self.add_spare().await {
                break;
            }
        }
    }

    async fn nobody_waits(&self) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.starter.awaited.subscribe().wait_for(|count| *count == 0).await;
    }

    async fn tend_snapshot(&self, shelf: &Arc<Shelf>, settings: SnapshotSettings, tried: &mut Tried) {
        if tried.in_vain || tried.not_before.is_some_and(|moment| tokio::time::Instant::now() < moment) {
            return;
        }
        match self.see_to_snapshot(shelf, tried).await {
            Ok(Some(snapshot)) => {
                tried.failures = 0;
                self.collect(shelf, settings, &snapshot.manifest).await;
            }
            Ok(None) => {}
            Err(GoldenError::Unsupported) => {
                tracing::info!("this VMM makes no snapshots: every VM boots");
                tried.in_vain = true;
            }
            Err(error) => {
                let pause = (FIRST_PAUSE * 2_u32.saturating_pow(tried.failures)).min(LONGEST_PAUSE);
                tried.failures = tried.failures.saturating_add(1);
                tried.not_before = Some(tokio::time::Instant::now() + pause);
                tracing::error!(again_in_s = pause.as_secs(), "no snapshot was made: {}", causes(&error));
            }
        }
    }

    /// Nothing when there is one, or when somebody came in between.
    async fn see_to_snapshot(
        &self,
        shelf: &Arc<Shelf>,
        tried: &mut Tried,
    ) -> Result<Option<Snapshot>, GoldenError> {
        let (key, _) = self.starter.snapshot_conditions(&self.template).await?;
        match shelf.find(&key).await {
            Ok(Some(_)) => return Ok(None),
            Ok(None) => {}
            Err(error) => tracing::error!(%key, "the snapshot is of no use: {}", causes(&error)),
        }
        tracing::info!(%key, "a snapshot is being made");
        let request = VmRequest { id: VmId::random(), session: None, ..self.template.clone() };
        let mut awaited = self.starter.awaited.subscribe();
        let gives_way = tried.given_way < MOST_GIVEN_WAY;
        tokio::select! {
            made = self.starter.make_snapshot(shelf, request) => {
                let snapshot = made?;
                let (mib, ms) = (snapshot.manifest.stored_bytes() >> 20, snapshot.manifest.build_ms);
                tracing::info!(%key, mib, ms, "a snapshot is made");
                Ok(Some(snapshot))
            }
            Ok(_) = awaited.wait_for(|count| *count > 0), if gives_way => {
                tried.given_way += 1;
                tracing::info!(%key, "the making of the snapshot gives way to somebody");
                self.starter.pool.news.notify_one();
                Ok(None)
            }
        }
    }

    async fn collect(&self, shelf: &Arc<Shelf>, settings: SnapshotSettings, in_use: &Manifest) {
        let (shelf, in_use) = (Arc::clone(shelf), in_use.clone());
        let keep = settings.keep.get() as usize;
        match blocking::run(move || shelf.collect(&in_use, keep, settings.max_age)).await {
            Ok(gone) => gone.iter().for_each(|key| tracing::info!(%key, "an old snapshot is removed")),
            Err(error) => tracing::error!("old snapshots cannot be removed: {}", causes(&error)),
        }
    }

    /// Says whether it became ready. It gives way to whoever has to wait because of it.
    async fn add_spare(&self) -> bool {
        let (events_in, events) = mpsc::channel(WAITING_EVENTS);
        let request = VmRequest { id: VmId::random(), session: None, ..self.template.clone() };
        let handle = self.starter.start(request, events_in);
        let state = handle.state();
        let spare = Spare::of(handle, events);
        self.starter.pool.makes(1);
        let ready = tokio::select! {
            ready = became_ready(state) => ready,
            () = self.starter.launches.somebody_waits() => false,
        };
        self.starter.pool.makes(0);
        if ready {
            self.starter.pool.put(spare);
        }
        ready
    }
}

async fn became_ready(mut state: watch::Receiver<VmState>) -> bool {
    let settled = state.wait_for(|state| {
        state.status == VmStatus::Ready || state.failure.is_some() || state.status.is_final()
    });
    settled.await.is_ok_and(|state| state.status == VmStatus::Ready)
}
