//! The VMs without a desktop: one for each user who has asked something, kept for the next time.
//!
//! ```text
//!  first prompt ──▶ starts ──▶ ready ──nobody asks──▶ hibernates ──next prompt──▶ wakes ──▶ ready
//!                                 └── not used for long, or somebody wants it so ──▶ destroyed, and its disk with it
//! ```

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anteroom_protocol::VmId;
use time::OffsetDateTime;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    host_memory,
    session::{Admission, Load, Refusal, VmTemplate},
    store::{Store, StoreError},
    vm::{
        NoVisit, QueueFull, StopReason, TakenOver, Visit, VmEvent, VmHandle, VmKind, VmRequest, VmStarter,
        VmStatus,
    },
};

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct CliVms {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    starter: Arc<VmStarter>,
    template: Result<VmTemplate, String>,
    admission: watch::Receiver<Arc<Admission>>,
    /// By user.
    living: Mutex<BTreeMap<String, VmHandle>>,
}

/// Why there is no VM for a prompt.
#[derive(Debug, thiserror::Error)]
pub enum NoVm {
    #[error("there is no image for VMs without a desktop: {0}")]
    NoImage(String),
    #[error(transparent)]
    Full(#[from] Refusal),
    #[error(transparent)]
    NoVisit(#[from] NoVisit),
}

impl CliVms {
    pub(super) fn new(
        store: Store,
        starter: Arc<VmStarter>,
        template: Result<VmTemplate, String>,
        admission: watch::Receiver<Arc<Admission>>,
    ) -> Self {
        Self { shared: Arc::new(Shared { store, starter, template, admission, living: Mutex::default() }) }
    }

    /// The user's VM, which may not have been launched yet.
    ///
    /// # Errors
    /// When there is none, and none can be started.
    pub(super) fn of(&self, user: &str) -> Result<VmHandle, NoVm> {
        let mut living = self.living();
        if let Some(vm) = living.get(user).filter(|vm| is_of_use(vm)) {
            return Ok(vm.clone());
        }
        let template = self.shared.template.as_ref().map_err(|reason| NoVm::NoImage(reason.clone()))?;
        self.admit(template.shape.memory_mib)?;
        let request = VmRequest {
            kind: VmKind::Cli,
            user: Some(user.to_owned()),
            ..template.request(VmId::random(), None)
        };
        let full = |QueueFull { most_waiting }| Refusal::Queue { most: most_waiting };
        let (vm, events) = self.shared.starter.start_for(user, request).map_err(full)?;
        living.insert(user.to_owned(), vm.clone());
        self.follow(user.to_owned(), vm.clone(), events);
        Ok(vm)
    }

    /// Comes into it as soon as it runs programs, and has it woken where it hibernates.
    ///
    /// # Errors
    /// When it ends before, or there is no memory to wake it.
    pub(super) async fn enter(&self, vm: &VmHandle) -> Result<Visit, NoVisit> {
        let visit = match vm.visit().await {
            Err(NoVisit::NotYet) => vm.visit_when_ready().await.ok_or(NoVisit::Gone)?,
            answer => answer?,
        };
        let mut state = vm.state();
        let settled = state.wait_for(|state| {
            state.status == VmStatus::Ready || state.failure.is_some() || state.status.is_final()
        });
        match settled.await {
            Ok(state) if state.status == VmStatus::Ready => {}
            _ => return Err(NoVisit::Gone),
        }
        self.note_use(vm).await;
        Ok(visit)
    }

    /// Its user has done something in it.
    pub(super) async fn note_use(&self, vm: &VmHandle) {
        if let Err(error) = self.shared.store.vm_used(vm.id(), OffsetDateTime::now_utc()).await {
            tracing::warn!(vm = %vm.id(), "when it was used is not noted: {error}");
        }
    }

    /// The user's VM, if there is one.
    pub(super) fn living_of(&self, user: &str) -> Option<VmHandle> {
        self.living().get(user).filter(|vm| is_of_use(vm)).cloned()
    }

    /// Whose VM that is, and the VM.
    pub(super) fn find(&self, id: VmId) -> Option<(String, VmHandle)> {
        self.living().iter().find(|(_, vm)| vm.id() == id).map(|(user, vm)| (user.clone(), vm.clone()))
    }

    /// Goes on with a VM of a daemon that is gone. A second one of the same user is ended.
    pub(super) fn adopt(&self, taken: TakenOver) {
        let Some(user) = taken.record.user_id.clone() else { return taken.end(StopReason::Completed) };
        let mut living = self.living();
        if living.contains_key(&user) {
            return taken.end(StopReason::Completed);
        }
        living.insert(user.clone(), taken.handle.clone());
        self.follow(user, taken.handle, taken.events);
    }

    /// Ends those that nobody has used for so long.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn end_unused(&self, after: Duration) -> Result<(), StoreError> {
        let all: Vec<VmHandle> = self.living().values().cloned().collect();
        for vm in all {
            let Some(record) = self.shared.store.vm_get(vm.id()).await? else { continue };
            if OffsetDateTime::now_utc() - record.used_at.unwrap_or(record.created_at) > after
                && !vm.is_visited()
            {
                tracing::info!(vm = %vm.id(), "ended: its user has not come for long");
                vm.stop(StopReason::TimedOut);
            }
        }
        Ok(())
    }

    /// Puts all of them to disk, where the next daemon finds them; those that do not go there in time end with this one.
    pub(super) async fn lay_down_all(&self, patience: Duration) {
        let all: Vec<VmHandle> = self.living().values().filter(|vm| is_of_use(vm)).cloned().collect();
        let laid_down = all.iter().map(async |vm| match timeout(patience, vm.hibernate()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(vm = %vm.id(), "ends with the daemon: {error}"),
            Err(_) => tracing::warn!(vm = %vm.id(), "ends with the daemon: it was not on the disk in time"),
        });
        futures_util::future::join_all(laid_down).await;
    }

    fn admit(&self, vm_mib: u32) -> Result<(), Refusal> {
        let Shared { starter, admission, .. } = &*self.shared;
        let load = Load {
            vms: starter.awake(VmKind::Browser) + starter.awake(VmKind::Cli) - starter.spares(),
            // One each, which this would be.
            of_user: 0,
            waiting: starter.launch_counts().waiting,
            available_mib: host_memory::available_mib(),
        };
        Admission { vm_mib, ..**admission.borrow() }.admit(&load)
    }

    /// What its agent tells says nothing that its state does not, but an agent that nobody hears has to wait.
    fn follow(&self, user: String, vm: VmHandle, mut events: mpsc::Receiver<VmEvent>) {
        let vms = self.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                event.guard.done();
            }
            vm.ended().await;
            let mut living = vms.living();
            if living.get(&user).is_some_and(|other| other.id() == vm.id()) {
                living.remove(&user);
            }
        });
    }

    fn living(&self) -> MutexGuard<'_, BTreeMap<String, VmHandle>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.shared.living.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it has not ended, and nobody has asked for that.
fn is_of_use(vm: &VmHandle) -> bool {
    let state = vm.state();
    let state = state.borrow();
    state.failure.is_none()
        && !matches!(state.status, VmStatus::Stopping | VmStatus::Destroyed | VmStatus::Failed)
        && !vm.is_to_end()
}
