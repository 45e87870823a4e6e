//! Making a golden snapshot: a VM of its own boots, its desktop is painted, nothing has begun in it yet, and it is written to
//! files.

use std::{sync::Arc, time::Instant};

use anteroom_protocol::VmId;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    Origin, StopReason, VmHandle, VmRequest, VmStarter, VmStatus, WAITING_EVENTS,
    origin::{self, network_of},
};
use crate::{
    agent::AgentError,
    blocking,
    snapshots::{Key, Manifest, Shelf, ShelfError, Snapshot},
    vmm::SnapshotError,
};

#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    #[error("this kind of machine cannot be snapshotted here")]
    Unsupported,
    #[error("{0}")]
    Conditions(String),
    #[error("the VM to be snapshotted failed: {0}")]
    Failed(String),
    #[error("it was made, but {0}")]
    Useless(String),
    #[error("its guest is not ready for it")]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl VmStarter {
    /// What a snapshot for such VMs depends on, and its key.
    ///
    /// # Errors
    /// When there can be none.
    pub async fn snapshot_conditions(&self, request: &VmRequest) -> Result<(Key, Value), GoldenError> {
        let network = network_of(&request.network, self.host_network.is_some());
        let conditions = origin::conditions(self.vmm.as_ref(), request, &network).await;
        let conditions = conditions.map_err(GoldenError::Conditions)?.ok_or(GoldenError::Unsupported)?;
        Ok((Key::of(&conditions), conditions))
    }

    /// Makes one, which takes as long as a boot and some seconds.
    ///
    /// # Errors
    /// With what is in the way. Nothing is left when it fails.
    ///
    /// # Cancel safety
    /// When the future is dropped, the VM is ended and what is unfinished removed.
    pub async fn make_snapshot(
        &self,
        shelf: &Arc<Shelf>,
        request: VmRequest,
    ) -> Result<Snapshot, GoldenError> {
        let began = Instant::now();
        let (_, conditions) = self.snapshot_conditions(&request).await?;
        let profile = request.image.profile.clone();
        let trial = VmRequest { id: VmId::random(), ..request.clone() };
        let (events_in, mut events) = mpsc::channel(WAITING_EVENTS);
        let vm = Ended(self.start(VmRequest { golden: true, ..request }, events_in));
        // They say nothing that its state does not; but an agent that nobody hears has to wait.
        let drained = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
            while events.recv().await.is_some() {}
        }));
        desktop(&vm.0).await?;
        let agent = vm.0.answering_agent().await.ok_or_else(|| failed(&vm.0))?;
        agent.freeze().await?;
        let draft = shelf.begin(&Key::of(&conditions))?;
        vm.0.snapshot(draft.files(), draft.disk()).await?;
        drop(drained);
        vm.0.stop(StopReason::Completed);
        let finish = move || {
            draft.finish(|parts| {
                let build_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                Manifest::new(conditions, profile, build_ms, parts)
            })
        };
        let snapshot = blocking::run(finish).await?;
        vm.0.ended().await;
        if let Err(error) = self.try_out(trial).await {
            shelf.remove(&snapshot.manifest.key)?;
            return Err(error);
        }
        Ok(snapshot)
    }

    /// A clone that does not come up is noticed here, and not by a person.
    async fn try_out(&self, request: VmRequest) -> Result<(), GoldenError> {
        let (events_in, _events) = mpsc::channel(WAITING_EVENTS);
        let vm = Ended(self.start(request, events_in));
        let mut state = vm.0.state();
        let told = state.wait_for(|state| {
            let boots = matches!(state.origin, Some(Origin::Boot { .. }));
            boots || state.status == VmStatus::Ready || state.failure.is_some() || state.status.is_final()
        });
        let origin = match told.await {
            Ok(state) => state.origin.clone(),
            Err(_) => None,
        };
        let ready = vm.0.state().borrow().status == VmStatus::Ready;
        vm.0.stop(StopReason::Completed);
        vm.0.ended().await;
        match origin {
            Some(Origin::Snapshot { .. }) if ready => Ok(()),
            Some(Origin::Boot { because }) => Err(GoldenError::Useless(because)),
            _ => Err(failed(&vm.0)),
        }
    }
}

/// A VM that ends when nobody waits for it any more.
struct Ended(VmHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.stop(StopReason::Completed);
    }
}

async fn desktop(vm: &VmHandle) -> Result<(), GoldenError> {
    let mut state = vm.state();
    let ready = state.wait_for(|state| {
        state.status == VmStatus::Ready || state.failure.is_some() || state.status.is_final()
    });
    match ready.await {
        Ok(state) if state.status == VmStatus::Ready => Ok(()),
        _ => Err(failed(vm)),
    }
}

fn failed(vm: &VmHandle) -> GoldenError {
    let state = vm.state().borrow().clone();
    GoldenError::Failed(state.failure.map_or_else(|| "it was ended".to_owned(), |failure| failure.message))
}
