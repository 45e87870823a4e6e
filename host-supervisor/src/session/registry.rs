//! The living sessions of this daemon, and the only way to start one.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anteroom_protocol::{SessionId, VmId, agent::Surroundings, desk::Directions};
use time::OffsetDateTime;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::task::TaskTracker;

use super::{
    Activity, Asked, NewSession, SessionHandle, SessionView, history::History, launch, owner::Owner,
};
use crate::{
    config::{SessionLimits, VmShape},
    failure::Failure,
    images::ResolvedImage,
    net::Network,
    store::{SessionRecord, SessionStatus, Store, StoreError},
    vault::Vault,
    vm::{VmKind, VmRequest, VmStarter},
};

/// How many events of a VM may wait for their session. The agent keeps what does not fit.
const WAITING_EVENTS: usize = 64;
/// How many may look at one desktop at once. x11vnc sends each of them the whole picture.
const MOST_VIEWERS: usize = 8;

/// What sessions are made with.
#[derive(Debug)]
pub struct SessionSettings {
    pub limits: SessionLimits,
    pub most_vms: NonZeroU32,
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
    #[error("{most} VMs are running, which is the limit")]
    TooMany { most: NonZeroU32 },
    #[error("the daemon is stopping")]
    Stopping,
    #[error("no random numbers from the kernel")]
    NoRandomness(#[from] getrandom::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// Starts that have been let in but have no session yet.
    starting: u32,
    stopping: bool,
}

/// A place among the VMs, given back when the start does not come to anything.
struct Place<'a>(&'a Shared);

impl Sessions {
    #[must_use]
    pub fn new(store: Store, vault: Arc<Vault>, vms: Arc<VmStarter>, settings: SessionSettings) -> Self {
        let (living, owners) = (Mutex::default(), TaskTracker::new());
        Self { shared: Arc::new(Shared { store, vault, settings, vms, living, owners }) }
    }

    /// Starts a session: it is in the store, its VM is being made, and its task runs when this returns.
    ///
    /// # Errors
    /// When there are too many VMs, the daemon is stopping, or store or kernel do not do their part.
    pub async fn start(&self, new: NewSession) -> Result<SessionHandle, StartError> {
        let shared = &self.shared;
        let place = shared.take_place()?;
        let (id, vm_id) = (SessionId::random(), VmId::random());
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
        let (events_in, events) = mpsc::channel(WAITING_EVENTS);
        let vm = shared.vms.start(shared.settings.vm_request(vm_id, id), events_in);
        let (publish, view) = watch::channel(SessionView::new(record, new.launch));
        let (history, seen) = History::new();
        let (asks, asked) = mpsc::channel(1);
        let activity = Arc::new(Activity::starting_now());
        let viewers = Arc::new(Semaphore::new(MOST_VIEWERS));
        let handle = SessionHandle {
            id,
            view,
            history: seen,
            asks,
            activity: activity.clone(),
            vm: vm.clone(),
            viewers,
            agent_token: agent_token.clone(),
        };
        place.fill(handle.clone());
        tracing::info!(session = %id, vm = %vm_id, provider = new.provider.id, "session started");
        let owner = Owner::new(shared.clone(), new.provider, agent_token, publish, history, vm, activity);
        shared.owners.spawn(async move {
            owner.run(events, asked).await;
        });
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

    /// Ends in the store what a daemon that died has left behind there; returns how many sessions that were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_orphans(&self) -> Result<usize, StoreError> {
        let orphans = self.shared.store.session_unfinished().await?;
        for record in &orphans {
            let failure =
                Failure::new("daemon_restarted", "the daemon was restarted while the session was under way");
            let ended = SessionRecord {
                status: SessionStatus::Failed,
                completed_at: Some(OffsetDateTime::now_utc()),
                failure: Some(failure),
                ..record.clone()
            };
            self.shared.store.session_update(&ended).await?;
        }
        Ok(orphans.len())
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

impl SessionSettings {
    fn vm_request(&self, id: VmId, session: SessionId) -> VmRequest {
        VmRequest {
            id,
            session: Some(session),
            kind: VmKind::Browser,
            vcpus: self.vm.shape.vcpus,
            memory_mib: self.vm.shape.memory_mib,
            disk_mib: self.vm.disk_mib,
            image: self.vm.image.clone(),
            network: self.vm.network.clone(),
            clipboard: self.vm.clipboard,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Living> {
        // Nothing that holds the lock can panic half-way through a change.
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_place(&self) -> Result<Place<'_>, StartError> {
        let mut living = self.lock();
        if living.stopping {
            return Err(StartError::Stopping);
        }
        let most = self.settings.most_vms;
        if living.sessions.len() + living.starting as usize >= most.get() as usize {
            return Err(StartError::TooMany { most });
        }
        living.starting += 1;
        Ok(Place(self))
    }

    /// The session's VM is gone.
    pub(super) fn forget(&self, id: SessionId) {
        self.lock().sessions.remove(&id);
    }
}

impl Place<'_> {
    fn fill(self, handle: SessionHandle) {
        self.0.lock().sessions.insert(handle.id, handle);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().starting -= 1;
    }
}
