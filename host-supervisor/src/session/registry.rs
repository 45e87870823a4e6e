//! The living sessions of this daemon, and the only way to start one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anteroom_protocol::{ProviderDefinition, Secret, SessionId, VmId, agent::Surroundings, desk::Directions};
use time::OffsetDateTime;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::task::TaskTracker;

use super::{
    Activity, Asked, NewSession, SessionHandle, SessionView,
    admission::{Admission, Load, Refusal},
    history::History,
    launch,
    machine::State,
    owner::{Owner, Parts},
};
use crate::{
    config::{SessionLimits, VmShape},
    failure::Failure,
    host_memory,
    images::ResolvedImage,
    live::Live,
    net::Network,
    store::{SessionPlan, SessionRecord, SessionStatus, Store, StoreError},
    traces,
    vault::Vault,
    vm::{QueueFull, StopReason, TakenOver, VmHandle, VmKind, VmRequest, VmStarter},
};

/// How many may look at one desktop at once. x11vnc sends each of them the whole picture.
const MOST_VIEWERS: usize = 8;

/// What sessions are made with.
#[derive(Debug)]
pub struct SessionSettings {
    pub limits: Live<SessionLimits>,
    pub admission: Live<Admission>,
    pub vm: VmTemplate,
    pub surroundings: Surroundings,
}

/// What every VM with a desktop has in common.
#[derive(Debug, Clone)]
pub struct VmTemplate {
    pub shape: VmShape,
    pub disk_mib: u32,
    pub image: ResolvedImage,
    pub network: Network,
    pub clipboard: Directions,
}

/// Why a session cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Full(#[from] Refusal),
    #[error("the daemon is stopping")]
    Stopping,
    #[error("no random numbers from the kernel")]
    NoRandomness(#[from] getrandom::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of the sessions of a daemon that is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resumed {
    /// They go on.
    pub sessions: usize,
    /// Their VMs were gone.
    pub ended: usize,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) vault: Arc<Vault>,
    pub(super) settings: SessionSettings,
    vms: Arc<VmStarter>,
    living: Mutex<Living>,
    owners: TaskTracker,
}

#[derive(Debug, Default)]
struct Living {
    sessions: BTreeMap<SessionId, SessionHandle>,
    /// Users whose starts have been let in but have no session yet.
    starting: Vec<String>,
    stopping: bool,
}

/// A place among the VMs, given back when the start does not come to anything.
struct Place<'a> {
    shared: &'a Shared,
    user: String,
}

impl Sessions {
    #[must_use]
    pub fn new(store: Store, vault: Arc<Vault>, vms: Arc<VmStarter>, settings: SessionSettings) -> Self {
        let (living, owners) = (Mutex::default(), TaskTracker::new());
        Self { shared: Arc::new(Shared { store, vault, settings, vms, living, owners }) }
    }

    /// Starts a session: it is in the store, its VM is being made or waits for its turn, and its task runs when this returns.
    ///
    /// # Errors
    /// When there are too many VMs or starts that wait, the daemon is stopping, or store or kernel do not do their part.
    pub async fn start(&self, new: NewSession) -> Result<SessionHandle, StartError> {
        let shared = &self.shared;
        let place = shared.take_place(&new.user_id)?;
        let full = |QueueFull { most_waiting }| Refusal::Queue { most: most_waiting };
        let (id, berth) = (SessionId::random(), shared.vms.reserve(&new.user_id).map_err(full)?);
        let vm_id = berth.id();
        let agent_token = launch::agent_token()?;
        let record = SessionRecord {
            id,
            user_id: new.user_id,
            provider: new.provider.id.clone(),
            purpose: new.purpose,
            status: SessionStatus::Initializing,
            vm_id: Some(vm_id),
            created_at: OffsetDateTime::now_utc(),
            completed_at: None,
            failure: None,
        };
        shared.store.session_create(&record).await?;
        // A definition is plain data with string keys; it always has a JSON form.
        let definition = serde_json::to_value(&new.provider).unwrap_or_default();
        let plan = SessionPlan { definition, launch: new.launch.clone() };
        shared.store.session_set_plan(id, &plan).await?;
        let (vm, events) = shared.vms.occupy(berth, shared.settings.vm.request(vm_id, Some(id))).await?;
        let view = SessionView::new(record, new.launch, vm.state().borrow().status);
        let (handle, owner) = shared.session(view, new.provider, agent_token, vm, State::new());
        place.fill(handle.clone());
        tracing::info!(session = %id, vm = %vm_id, "session started");
        shared.owners.spawn(traces::during(owner.trace(), owner.run(events)));
        Ok(handle)
    }

    /// A session that has not ended, or whose VM is still being torn down.
    #[must_use]
    pub fn living(&self, id: SessionId) -> Option<SessionHandle> {
        self.shared.lock().sessions.get(&id).cloned()
    }

    #[must_use]
    pub fn all_living(&self) -> Vec<SessionHandle> {
        self.shared.lock().sessions.values().cloned().collect()
    }

    #[must_use]
    pub fn living_with_vm(&self, vm: VmId) -> Option<SessionHandle> {
        self.shared.lock().sessions.values().find(|session| session.vm.id() == vm).cloned()
    }

    #[must_use]
    pub fn settings(&self) -> &SessionSettings {
        &self.shared.settings
    }

    /// Goes on with the sessions whose VMs were taken over from a daemon that is gone, and ends the others: those VMs to which
    /// no session belongs any more, and in the store those sessions that have no VM any more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_over(&self, vms: Vec<TakenOver>) -> Result<Resumed, StoreError> {
        let mut resumed = Resumed::default();
        let mut unfinished: BTreeMap<SessionId, SessionRecord> = BTreeMap::new();
        for record in self.shared.store.session_unfinished().await? {
            unfinished.insert(record.id, record);
        }
        for vm in vms {
            let session = vm.record.session_id.and_then(|id| unfinished.get(&id));
            let went_on = match session {
                Some(record) => self.resume(record.clone(), vm).await?,
                None => Err(vm),
            };
            match went_on {
                Ok(id) => {
                    resumed.sessions += 1;
                    unfinished.remove(&id);
                }
                Err(vm) => vm.end(StopReason::Completed),
            }
        }
        resumed.ended = unfinished.len();
        for record in unfinished.into_values() {
            let failure =
                Failure::new("daemon_restarted", "the daemon was restarted while the session was under way");
            let ended = SessionRecord {
                status: SessionStatus::Failed,
                completed_at: Some(OffsetDateTime::now_utc()),
                failure: Some(failure),
                ..record
            };
            self.shared.store.session_update(&ended).await?;
        }
        Ok(resumed)
    }

    /// Gives the VM back when nobody can know how to go on.
    async fn resume(
        &self,
        record: SessionRecord,
        vm: TakenOver,
    ) -> Result<Result<SessionId, TakenOver>, StoreError> {
        let shared = &self.shared;
        let id = record.id;
        let Some(plan) = shared.store.session_plan(id).await? else { return Ok(Err(vm)) };
        let (Ok(definition), Ok(agent_token)) =
            (serde_json::from_value::<ProviderDefinition>(plan.definition), launch::agent_token())
        else {
            return Ok(Err(vm));
        };
        tracing::info!(session = %id, vm = %vm.record.id, "session taken over");
        let state = State::resumed(record.status);
        let view = SessionView::new(record, plan.launch, vm.record.status);
        let (handle, owner) = shared.session(view, definition, agent_token, vm.handle, state);
        shared.lock().sessions.insert(id, handle);
        shared.owners.spawn(owner.resume(vm.events));
        Ok(Ok(id))
    }

    /// Ends every session and waits until their VMs are gone, at most this long. No new ones are let in.
    pub async fn shut_down(&self, patience: Duration) {
        self.shared.lock().stopping = true;
        self.shared.owners.close();
        let stopped = || Failure::new("daemon_stopped", "the daemon was stopped");
        for session in self.all_living() {
            // The channel is full when somebody else has just cancelled it, which does as well.
            let _ = session.asks.try_send(Asked::Cancel(stopped()));
        }
        let all_gone = async { tokio::join!(self.shared.owners.wait(), self.shared.vms.close()) };
        if tokio::time::timeout(patience, all_gone).await.is_err() {
            tracing::warn!(
                left = self.all_living().len(),
                "VMs did not end in time; the next start removes them"
            );
        }
    }
}

impl VmTemplate {
    /// A VM like that.
    #[must_use]
    pub fn request(&self, id: VmId, session: Option<SessionId>) -> VmRequest {
        VmRequest {
            id,
            session,
            user: None,
            kind: VmKind::Browser,
            vcpus: self.shape.vcpus,
            memory_mib: self.shape.memory_mib,
            disk_mib: self.disk_mib,
            image: self.image.clone(),
            network: self.network.clone(),
            clipboard: self.clipboard,
            golden: false,
        }
    }
}

impl Shared {
    /// Everything of a session but the running of its task.
    fn session(
        self: &Arc<Self>,
        view: SessionView,
        definition: ProviderDefinition,
        agent_token: Secret,
        vm: VmHandle,
        state: State,
    ) -> (SessionHandle, Owner) {
        let id = view.record.id;
        let (publish, view) = watch::channel(view);
        let (history, seen) = History::new();
        let (asks, asked) = mpsc::channel(1);
        let activity = Arc::new(Activity::starting_now());
        let handle = SessionHandle {
            id,
            view,
            history: seen,
            asks,
            activity: activity.clone(),
            vm: vm.clone(),
            viewers: Arc::new(Semaphore::new(MOST_VIEWERS)),
            agent_token: agent_token.clone(),
        };
        let parts = Parts { definition, agent_token, publish, history, vm, activity, asked };
        (handle, Owner::new(self.clone(), parts, state))
    }

    fn lock(&self) -> MutexGuard<'_, Living> {
        // Nothing that holds the lock can panic half-way through a change.
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_place(&self, user: &str) -> Result<Place<'_>, StartError> {
        let mut living = self.lock();
        if living.stopping {
            return Err(StartError::Stopping);
        }
        let of_user = living.sessions.values().filter(|session| session.is_of(user)).count()
            + living.starting.iter().filter(|other| *other == user).count();
        // One that hibernates is its user's, and takes nothing of this machine's.
        let asleep = living.sessions.values().filter(|session| session.hibernates()).count();
        let without_desktop = self.vms.awake(VmKind::Cli);
        let vms = living.sessions.len() - asleep + living.starting.len() + without_desktop;
        let admission = self.settings.admission.now();
        // A VM that waits for somebody has its memory already.
        let spare_mib = u64::from(admission.vm_mib) * self.vms.spares() as u64;
        let available_mib = host_memory::available_mib().map(|available| available + spare_mib);
        let waiting = self.vms.launch_counts().waiting;
        admission.admit(&Load { vms, of_user, waiting, available_mib })?;
        living.starting.push(user.to_owned());
        Ok(Place { shared: self, user: user.to_owned() })
    }

    /// The session's VM is gone.
    pub(super) fn forget(&self, id: SessionId) {
        self.lock().sessions.remove(&id);
    }
}

impl Place<'_> {
    fn fill(self, handle: SessionHandle) {
        self.shared.lock().sessions.insert(handle.id, handle);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut living = self.shared.lock();
        if let Some(at) = living.starting.iter().position(|user| *user == self.user) {
            living.starting.swap_remove(at);
        }
    }
}
