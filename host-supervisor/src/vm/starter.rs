//! Starts VMs and, when the daemon ends, sees all of them gone.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anteroom_protocol::VmId;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use super::{
    LaunchBounds, LaunchCounts, Limits, Reached, Shortage, StopReason, VmEvent, VmHandle, VmKind, VmRequest,
    VmState, VmStatus,
    ack::Outstanding,
    book::Book,
    launches::{Launches, Ticket},
    owner::{Owner, Stop},
    pool::Pool,
    sweep, teardown,
    visit::Presence,
};
use crate::{
    disk::DiskTemplates,
    live::Live,
    net::HostNetwork,
    snapshots::Shelf,
    store::{Store, StoreError},
    vault::Vault,
    vmm::{Vmm, console},
};

/// Where VMs live and how long they may take.
#[derive(Debug, Clone)]
pub struct VmSettings {
    /// Holds one directory for each VM: `vms` in the state directory.
    pub directory: PathBuf,
    /// Where templates of disks are kept; daemons may share it.
    pub disk_templates: PathBuf,
    /// Where snapshots to begin with are; without it every VM boots.
    pub snapshots: Option<Arc<Shelf>>,
    /// By the VMM's acceleration when unset.
    pub limits: Option<Limits>,
    pub launches: LaunchBounds,
    /// Seals the memory of VMs that hibernate; without it none does.
    pub vault: Option<Arc<Vault>>,
    pub hibernate_after: HibernateAfter,
}

/// Somebody's VM hibernates when it was left alone for so long; none does by itself when unset.
#[derive(Debug, Clone, Copy, Default)]
pub struct HibernateAfter {
    pub browser: Option<Duration>,
    pub cli: Option<Duration>,
}

impl HibernateAfter {
    pub(super) fn of(self, kind: VmKind) -> Option<Duration> {
        match kind {
            VmKind::Browser => self.browser,
            VmKind::Cli => self.cli,
        }
    }
}

/// Starts VMs. One in each daemon.
#[derive(Debug)]
pub struct VmStarter {
    pub(super) vmm: Arc<dyn Vmm>,
    pub(super) store: Store,
    pub(super) host_network: Option<Arc<HostNetwork>>,
    pub(super) settings: VmSettings,
    pub(super) owners: TaskTracker,
    close: watch::Sender<Option<StopReason>>,
    pub(super) pool: Pool,
    pub(super) launches: Launches,
    /// How many VMs somebody is waiting for.
    pub(super) awaited: watch::Sender<usize>,
    /// Whether anybody has come for a VM without a desktop: until then nothing is made for them.
    pub(super) cli_wanted: watch::Sender<bool>,
    hibernate_after: Live<HibernateAfter>,
    /// Of every VM; those that are gone are forgotten when somebody counts.
    states: Mutex<Vec<(VmKind, watch::Receiver<VmState>)>>,
}

impl VmStarter {
    /// With a `host_network` every guest gets a device of it.
    #[must_use]
    pub fn new(
        vmm: Arc<dyn Vmm>,
        store: Store,
        host_network: Option<HostNetwork>,
        settings: VmSettings,
    ) -> Self {
        let host_network = host_network.map(Arc::new);
        let launches = Launches::new(settings.launches);
        Self {
            vmm,
            store,
            host_network,
            hibernate_after: Live::new(settings.hibernate_after),
            settings,
            owners: TaskTracker::new(),
            close: watch::Sender::new(None),
            pool: Pool::default(),
            launches,
            awaited: watch::Sender::new(0),
            cli_wanted: watch::Sender::new(false),
            states: Mutex::default(),
        }
    }

    /// From now on so many are launched at once, also of those that wait already.
    pub fn bound_launches(&self, bounds: LaunchBounds) {
        self.launches.bound(bounds);
    }

    /// Also those that live hibernate then.
    pub fn set_hibernate_after(&self, hibernate_after: HibernateAfter) {
        self.hibernate_after.set(hibernate_after);
    }

    #[must_use]
    pub fn vmm(&self) -> &Arc<dyn Vmm> {
        &self.vmm
    }

    #[must_use]
    pub fn shelf(&self) -> Option<Arc<Shelf>> {
        self.settings.snapshots.clone()
    }

    /// Starts a VM that nobody waits for, and returns at once: what becomes of it is seen in the handle's state. The agent's
    /// events go to `events`. It is launched when no person's VM has to be.
    #[must_use]
    pub fn start(&self, request: VmRequest, events: mpsc::Sender<VmEvent>) -> VmHandle {
        self.start_with(self.launches.ask_in_background(), request, events, None)
    }

    /// The same, when its turn has come; with what was short when none was ready for whoever waits.
    pub(super) fn start_with(
        &self,
        ticket: Ticket,
        request: VmRequest,
        events: mpsc::Sender<VmEvent>,
        shortage: Option<Shortage>,
    ) -> VmHandle {
        let (mut book, state) = Book::open(request.id, self.store.clone());
        book.none_ready = shortage.map(|shortage| shortage.to_string());
        let book = (book, state);
        let (mut owner, handle) = self.owner(request.id, request.kind, request.memory_mib, book, events);
        owner.ticket = Some(ticket);
        owner.is_somebodys = request.session.is_some() || request.user.is_some();
        self.owners.spawn(owner.run(request));
        handle
    }

    pub(super) fn owner(
        &self,
        id: VmId,
        kind: VmKind,
        memory_mib: u32,
        (book, state): (Book, watch::Receiver<VmState>),
        events: mpsc::Sender<VmEvent>,
    ) -> (Owner, VmHandle) {
        let (reached, reached_receiver) = watch::channel(Reached::default());
        let (stop, this) = watch::channel(None);
        let (orders, ordered) = mpsc::channel(1);
        let presence = Arc::new(Presence::new());
        let owner = Owner {
            id,
            kind,
            memory_mib,
            directory: self.settings.directory.join(id.to_string()),
            disks: DiskTemplates::new(self.settings.disk_templates.clone()),
            vmm: Arc::clone(&self.vmm),
            store: self.store.clone(),
            host_network: self.host_network.clone(),
            shelf: self.settings.snapshots.clone(),
            limits: self.settings.limits,
            orders: ordered,
            stop: Stop { this, all: self.close.subscribe() },
            book,
            reached,
            events,
            ticket: None,
            presence: Arc::clone(&presence),
            is_somebodys: false,
            machine: None,
            vault: self.settings.vault.clone(),
            hibernate_after: self.hibernate_after.changes(),
            heard: 0,
            outstanding: Outstanding::default(),
            done: watch::Sender::new(0),
        };
        let stop = Arc::new(stop);
        self.states().push((kind, state.clone()));
        (owner, VmHandle { id, memory_mib, state, stop, orders, reached: reached_receiver, presence })
    }

    /// Returns when it is worth being prepared for somebody who comes for such a VM.
    pub(super) async fn wanted(&self, kind: VmKind) {
        if kind == VmKind::Cli {
            // An error would mean that the sender is gone, which lives in `self`.
            let _ = self.cli_wanted.subscribe().wait_for(|wanted| *wanted).await;
        }
    }

    /// How many VMs of that kind take something of this machine: those that hibernate do not.
    #[must_use]
    pub fn awake(&self, kind: VmKind) -> usize {
        let mut states = self.states();
        states.retain(|(_, state)| !state.borrow().status.is_final());
        let takes_memory = |(of, state): &&(VmKind, watch::Receiver<VmState>)| {
            *of == kind && state.borrow().status != VmStatus::Hibernated
        };
        states.iter().filter(takes_memory).count()
    }

    fn states(&self) -> MutexGuard<'_, Vec<(VmKind, watch::Receiver<VmState>)>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[must_use]
    pub fn launch_counts(&self) -> LaunchCounts {
        self.launches.counts()
    }

    /// Ends every VM and waits until nothing of them is left.
    pub async fn close(&self) {
        self.close.send_replace(Some(StopReason::DaemonStopping));
        self.owners.close();
        self.owners.wait().await;
    }

    /// The serial console of a VM, living or failed: at most 256 KiB of its beginning and its end each.
    ///
    /// # Errors
    /// When there is no such VM any more.
    pub async fn console_log(&self, id: VmId) -> std::io::Result<String> {
        const LIMIT_BYTES: u64 = 256 * 1024;
        console::read_log(&self.settings.directory.join(id.to_string()), LIMIT_BYTES).await
    }

    /// Where the VMs have their directories.
    pub(crate) fn directory(&self) -> &Path {
        &self.settings.directory
    }

    /// Removes directories of VMs that are gone, or that nobody knows; those of failed VMs stay for their sessions.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget_strays(&self) -> Result<Vec<VmId>, StoreError> {
        let living: Vec<VmId> = self.store.vm_living().await?.into_iter().map(|vm| vm.id).collect();
        let mut removed = Vec::new();
        for id in sweep::strays(&self.store, &self.settings.directory, &living).await? {
            // It may have begun meanwhile: its row stands before its directory.
            let gone = self.store.vm_get(id).await?.is_none_or(|vm| vm.status.is_final());
            if gone && teardown::remove_directory(&self.settings.directory.join(id.to_string())).await.is_ok()
            {
                removed.push(id);
            }
        }
        Ok(removed)
    }

    /// Removes the log that a failed VM has left; to be called when its session is removed.
    ///
    /// # Errors
    /// When the directory exists but cannot be removed.
    pub async fn forget(&self, id: VmId) -> std::io::Result<()> {
        teardown::remove_directory(&self.settings.directory.join(id.to_string())).await
    }
}
