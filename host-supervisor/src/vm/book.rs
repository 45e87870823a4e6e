//! What is known of one VM: kept in the order in which it must be kept. Stored first, then published.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use anteroom_protocol::{
    VmId,
    agent::{ServiceState, ServiceStatus},
};
use tokio::sync::watch;

use super::{
    HostMark, Origin, VmState, VmStatus, failures,
    life::{Happening, Life},
    timeline::{STAGES, Timeline, host_mark},
};
use crate::{
    failure::Failure,
    metrics,
    store::{Store, VmRecord},
};

/// More services than any image has; a bound because the guest names them.
const MAX_SERVICES: usize = 64;

#[derive(Debug)]
pub(super) struct Book {
    id: VmId,
    store: Store,
    life: Life,
    pub(super) timeline: Timeline,
    services: BTreeMap<String, ServiceStatus>,
    pub(super) address: Option<IpAddr>,
    pub(super) origin: Option<Origin>,
    /// Why no VM was ready, where something was short.
    pub(super) none_ready: Option<String>,
    starts_ahead: Option<usize>,
    /// Whether its way to the desktop was measured: one that was asleep becomes ready again.
    measured: bool,
    published: watch::Sender<VmState>,
}

impl Book {
    pub(super) fn open(id: VmId, store: Store) -> (Self, watch::Receiver<VmState>) {
        Self::with(id, store, Life::new(), Timeline::begin(), None)
    }

    /// Of a VM that another daemon has begun.
    pub(super) fn resume(
        record: &VmRecord,
        address: Option<IpAddr>,
        store: Store,
    ) -> (Self, watch::Receiver<VmState>) {
        let life = Life { status: record.status, failure: None };
        let marks = record.timeline.clone().and_then(|marks| serde_json::from_value(marks).ok());
        let timeline = Timeline::resume(record.created_at, marks.unwrap_or_default());
        Self::with(record.id, store, life, timeline, address)
    }

    fn with(
        id: VmId,
        store: Store,
        life: Life,
        timeline: Timeline,
        address: Option<IpAddr>,
    ) -> (Self, watch::Receiver<VmState>) {
        let state = VmState {
            status: life.status,
            starts_ahead: None,
            origin: None,
            none_ready: None,
            failure: None,
            timeline: timeline.marks().to_vec(),
            services: Vec::new(),
            address,
            generation: 0,
        };
        let (published, state) = watch::channel(state);
        let services = BTreeMap::new();
        let (origin, starts_ahead) = (None, None);
        (
            Self {
                id,
                store,
                life,
                timeline,
                services,
                address,
                origin,
                none_ready: None,
                starts_ahead,
                measured: false,
                published,
            },
            state,
        )
    }

    pub(super) fn status(&self) -> VmStatus {
        self.life.status
    }

    /// Whether it runs, and everything in it that has to.
    pub(super) fn is_at_its_goal(&self) -> bool {
        self.life.is_at_its_goal()
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        self.life.failure.as_ref()
    }

    /// Takes a change of state down, in the store first.
    ///
    /// # Errors
    /// When the store does not take it; it is published all the same, because it has happened.
    pub(super) async fn happened(&mut self, happening: Happening) -> Result<(), Failure> {
        let next = self.life.clone().step(happening);
        if next == self.life {
            return Ok(());
        }
        self.life = next;
        let stored =
            if self.life.status.is_final() { self.store_end().await } else { self.store_status().await };
        self.publish();
        if self.life.status == VmStatus::Ready && !std::mem::replace(&mut self.measured, true) {
            self.measure();
        }
        stored.map_err(|error| failures::store(&error))
    }

    fn measure(&self) {
        for mark in self.timeline.marks() {
            if let Some(stage) = STAGES.into_iter().find(|stage| *stage == mark.name) {
                metrics::vm_reached(stage, Duration::from_secs_f64((mark.since_request_ms / 1e3).max(0.0)));
            }
        }
    }

    /// Somebody has come for a VM that was ready, and counts from now on.
    ///
    /// # Errors
    /// When the store does not take it.
    pub(super) async fn occupied(&mut self) -> Result<(), Failure> {
        let waited = self.timeline.begin_anew();
        let begun = self.origin.take().unwrap_or(Origin::Boot { because: String::new() });
        self.origin = Some(Origin::Pool { waited_s: waited.as_secs(), begun: Box::new(begun) });
        self.publish();
        self.store_timeline().await.map_err(|error| failures::store(&error))
    }

    /// So many launches come before its own, or none does any more.
    pub(super) fn waits_behind(&mut self, starts_ahead: Option<usize>) {
        if self.starts_ahead.is_some() && starts_ahead.is_none() {
            self.timeline.mark(host_mark::TURN_CAME);
        }
        self.starts_ahead = starts_ahead;
        self.publish();
    }

    pub(super) fn note_service(&mut self, status: &ServiceStatus) {
        if self.services.len() < MAX_SERVICES || self.services.contains_key(&status.name) {
            self.services.insert(status.name.clone(), status.clone());
        }
    }

    /// The services that have not become ready.
    pub(super) fn unready_services(&self) -> Vec<&str> {
        let ready =
            |status: &&ServiceStatus| matches!(status.state, ServiceState::Ready | ServiceState::Stopped);
        self.services.values().filter(|status| !ready(status)).map(|status| status.name.as_str()).collect()
    }

    pub(super) fn publish(&self) {
        self.published.send_modify(|state| {
            *state = VmState {
                status: self.life.status,
                starts_ahead: self.starts_ahead,
                origin: self.origin.clone(),
                none_ready: self.none_ready.clone(),
                failure: self.life.failure.clone(),
                timeline: self.timeline.marks().to_vec(),
                services: self.services.values().cloned().collect(),
                address: self.address,
                generation: state.generation + 1,
            };
        });
    }

    async fn store_status(&self) -> Result<(), crate::store::StoreError> {
        self.store.vm_set_status(self.id, self.life.status).await?;
        self.store_timeline().await
    }

    async fn store_end(&self) -> Result<(), crate::store::StoreError> {
        self.store_timeline().await?;
        self.store.vm_end(self.id, self.life.status, self.life.failure.as_ref()).await
    }

    async fn store_timeline(&self) -> Result<(), crate::store::StoreError> {
        let marks: &[HostMark] = self.timeline.marks();
        // Strings, times and numbers always become JSON.
        let timeline = serde_json::to_value(marks).unwrap_or_default();
        self.store.vm_set_timeline(self.id, &timeline).await
    }
}
