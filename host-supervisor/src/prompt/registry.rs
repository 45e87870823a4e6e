//! The prompts of this daemon, and the only way to put one.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anteroom_protocol::{ProviderDefinition, VmId};
use time::OffsetDateTime;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    NewPrompt, PromptLimits, PromptSettings,
    cli_vms::{CliVms, NoVm},
    keeping::{self, Books},
    run::Running,
    story::{Story, Told},
};
use crate::{
    failure::{Failure, causes},
    metrics,
    store::{PromptId, PromptRecord, PromptStatus, Store, StoreError},
    traces,
    vault::Vault,
    vm::{StopReason, TakenOver, VmHandle, VmStarter},
};

/// How long what a prompt has told is kept after its end, in memory.
const KEEP: Duration = Duration::from_secs(600);
/// Of all prompts that have ended, in bytes; the oldest make room.
const MOST_KEPT_BYTES: usize = 128 * 1024 * 1024;
/// How long it is known that there was one, in the store.
const KEEP_RECORDS: time::Duration = time::Duration::days(90);
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Why a prompt is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    #[error("{waiting} prompts of this user are waiting, which is the limit (setting prompt.waiting)")]
    Waiting { waiting: u32 },
    #[error("the daemon is stopping")]
    Stopping,
    #[error(transparent)]
    Vm(#[from] NoVm),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prompts {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) vault: Arc<Vault>,
    pub(super) vms: CliVms,
    pub(super) settings: PromptSettings,
    state: Mutex<State>,
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct State {
    prompts: BTreeMap<PromptId, Known>,
    users: BTreeMap<String, User>,
    stopping: bool,
}

#[derive(Debug)]
struct Known {
    handle: PromptHandle,
    ended: Option<Instant>,
}

/// The turns of one user.
#[derive(Debug)]
struct User {
    turns: Arc<Semaphore>,
    /// Prompts that have not ended.
    prompts: u32,
}

/// A prompt as others see it; cheap to clone. It goes on when every handle is dropped.
#[derive(Debug, Clone)]
pub struct PromptHandle {
    id: PromptId,
    record: watch::Receiver<PromptRecord>,
    told: watch::Receiver<Told>,
    cancel: CancellationToken,
}

impl PromptHandle {
    #[must_use]
    pub fn id(&self) -> PromptId {
        self.id
    }

    #[must_use]
    pub fn record(&self) -> PromptRecord {
        self.record.borrow().clone()
    }

    /// What it has told, and will tell.
    #[must_use]
    pub fn told(&self) -> watch::Receiver<Told> {
        self.told.clone()
    }

    /// The CLI and everything that it has started is ended, within a second.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Prompts {
    #[must_use]
    pub fn new(store: Store, vault: Arc<Vault>, vms: Arc<VmStarter>, settings: PromptSettings) -> Self {
        let vms = CliVms::new(store.clone(), vms, settings.vm.clone(), settings.admission.clone());
        let (state, tasks) = (Mutex::default(), TaskTracker::new());
        Self { shared: Arc::new(Shared { store, vault, vms, settings, state, tasks }) }
    }

    /// Counts from now on.
    pub fn set_limits(&self, limits: PromptLimits) {
        self.shared.settings.limits.set(limits);
    }

    /// Goes on with the VMs of a daemon that is gone. Its prompts have come to nothing.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_over(&self, vms: Vec<TakenOver>) -> Result<(), StoreError> {
        vms.into_iter().for_each(|vm| self.shared.vms.adopt(vm));
        let failure =
            Failure::new("daemon_restarted", "the daemon was restarted while the prompt was under way");
        let ended = self.shared.store.prompts_end_all(&failure).await?;
        if ended > 0 {
            tracing::warn!(ended, "prompts of a daemon that is gone have come to nothing");
        }
        Ok(())
    }

    /// Takes a prompt: it is in the store, and runs when its turn has come.
    ///
    /// # Errors
    /// When too many of this user are waiting, the daemon is stopping, or the store does not answer.
    pub async fn execute(&self, new: NewPrompt) -> Result<PromptHandle, ExecuteError> {
        let shared = &self.shared;
        let turns = shared.enter(&new.user_id)?;
        let place = Place { shared: Arc::clone(shared), user: new.user_id.clone() };
        let record = PromptRecord {
            id: PromptId::random(),
            user_id: new.user_id.clone(),
            provider: new.provider.id.clone(),
            vm_id: shared.vms.living_of(&new.user_id).map(|vm| vm.id()),
            status: PromptStatus::Queued,
            created_at: OffsetDateTime::now_utc(),
            ended_at: None,
            exit_code: None,
            failure: None,
            usage: None,
        };
        shared.store.prompt_create(&record).await?;
        let (story, cancel) = (Story::begin(record.id), CancellationToken::new());
        let (publish, seen) = watch::channel(record);
        let id = publish.borrow().id;
        let handle = PromptHandle { id, record: seen, told: story.follow(), cancel: cancel.clone() };
        shared.state().prompts.insert(id, Known { handle: handle.clone(), ended: None });
        tracing::info!(prompt = %id, provider = new.provider.id, "prompt taken");
        let running = Running::new(Arc::clone(shared), new, publish, story, cancel);
        shared.tasks.spawn(traces::during(running.trace(), async move {
            running.run(turns).await;
            place.leave(id);
        }));
        Ok(handle)
    }

    /// One that is still remembered.
    #[must_use]
    pub fn find(&self, id: PromptId) -> Option<PromptHandle> {
        self.shared.state().prompts.get(&id).map(|known| known.handle.clone())
    }

    /// Whose VM that is, and the VM.
    #[must_use]
    pub fn vm(&self, id: VmId) -> Option<(String, VmHandle)> {
        self.shared.vms.find(id)
    }

    /// Why no prompt can be run, if that is so.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.shared.settings.vm.as_ref().err().map(String::as_str)
    }

    /// Forgets the credentials, and takes them out of the user's VM: one that does not do that is destroyed. Says whether there
    /// were any.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sign_out(&self, user: &str, definition: &ProviderDefinition) -> Result<bool, StoreError> {
        let forgotten = self.shared.store.credentials_delete(user, &definition.id).await?;
        self.clear_vm(user, definition).await;
        Ok(forgotten > 0)
    }

    /// Takes the credentials of a provider out of the user's VM, if there is one.
    ///
    /// # Cancel safety
    /// A caller that hangs up, or waits no longer, leaves none behind: it goes on without it.
    pub async fn clear_vm(&self, user: &str, definition: &ProviderDefinition) {
        let Some(vm) = self.shared.vms.living_of(user) else { return };
        let (vms, definition) = (self.shared.vms.clone(), definition.clone());
        let cleared = self.shared.tasks.spawn(async move {
            let cleared = async {
                let visit = vms.enter(&vm).await.map_err(|error| causes(&error))?;
                keeping::remove(&visit, &definition).await.map_err(|error| causes(&error))
            };
            if let Err(cause) = cleared.await {
                tracing::warn!(vm = %vm.id(), cause, "destroyed: the credentials cannot be taken out of it");
                vm.stop(StopReason::Cancelled);
                vm.ended().await;
            }
        });
        // A panic of its own has been logged.
        let _ = cleared.await;
    }

    /// Forgets what is old, and ends VMs that nobody uses, until `stop`.
    pub async fn tidy(self, stop: CancellationToken) {
        let mut limits = self.shared.settings.limits.changes();
        loop {
            let destroy_after = limits.borrow_and_update().destroy_after;
            self.shared.state().forget(Instant::now());
            let before = OffsetDateTime::now_utc() - KEEP_RECORDS;
            let done = async {
                self.shared.store.prompts_forget_before(before).await?;
                self.shared.vms.end_unused(destroy_after).await
            };
            if let Err(error) = done.await {
                tracing::error!(cause = causes(&error), "old prompts and VMs are not tidied up");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(destroy_after.clamp(Duration::from_secs(1), LOOK_EVERY)) => {}
                Ok(()) = limits.changed() => {}
            }
        }
    }

    /// Ends every prompt, takes no more, and puts the users' VMs to disk where the VMM can: they are there again for the next
    /// daemon.
    pub async fn shut_down(&self, patience: Duration) {
        let handles: Vec<PromptHandle> = {
            let mut state = self.shared.state();
            state.stopping = true;
            state.prompts.values().map(|known| known.handle.clone()).collect()
        };
        self.shared.tasks.close();
        handles.iter().for_each(PromptHandle::cancel);
        self.shared.tasks.wait().await;
        self.shared.vms.lay_down_all(patience).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn books(&self, user_id: &str, definition: &Arc<ProviderDefinition>) -> Books {
        Books {
            store: self.store.clone(),
            vault: Arc::clone(&self.vault),
            user_id: user_id.to_owned(),
            definition: Arc::clone(definition),
        }
    }

    fn enter(&self, user: &str) -> Result<Arc<Semaphore>, ExecuteError> {
        let mut state = self.state();
        if state.stopping {
            return Err(ExecuteError::Stopping);
        }
        let limits = self.settings.limits.now();
        let (at_once, waiting) = (limits.at_once.get(), limits.waiting);
        match state.users.entry(user.to_owned()) {
            Entry::Occupied(mut entry) => {
                let user = entry.get_mut();
                if user.prompts >= at_once.saturating_add(waiting) {
                    return Err(ExecuteError::Waiting { waiting });
                }
                user.prompts += 1;
                Ok(Arc::clone(&user.turns))
            }
            Entry::Vacant(entry) => {
                let turns = Arc::new(Semaphore::new(at_once as usize));
                entry.insert(User { turns: Arc::clone(&turns), prompts: 1 });
                Ok(turns)
            }
        }
    }
}

/// A place among a user's prompts, given back whatever happens.
struct Place {
    shared: Arc<Shared>,
    user: String,
}

impl Place {
    fn leave(self, id: PromptId) {
        if let Some(known) = self.shared.state().prompts.get_mut(&id) {
            known.ended = Some(Instant::now());
            metrics::prompt_ended(known.handle.record().status);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.shared.state().users.entry(self.user.clone()) {
            entry.get_mut().prompts -= 1;
            if entry.get().prompts == 0 {
                entry.remove();
            }
        }
    }
}

impl State {
    /// What has ended long ago, and as much of the rest as there is no room for.
    fn forget(&mut self, now: Instant) {
        self.prompts.retain(|_, known| known.ended.is_none_or(|ended| now.duration_since(ended) < KEEP));
        let mut ended: Vec<(Instant, PromptId, usize)> = self
            .prompts
            .iter()
            .filter_map(|(id, known)| Some((known.ended?, *id, known.handle.told.borrow().bytes())))
            .collect();
        ended.sort_unstable();
        let mut kept: usize = ended.iter().map(|(.., bytes)| bytes).sum();
        for (_, id, bytes) in ended {
            if kept <= MOST_KEPT_BYTES {
                break;
            }
            self.prompts.remove(&id);
            kept -= bytes;
        }
    }
}
