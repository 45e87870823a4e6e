//! The task that owns one VM. It alone changes the VM's state; everything else reaches it through channels.
//!
//! ```text
//!  run:    its turn ──▶ prepare (disk, network) ──▶ restore ─────┐  it does not answer:
//!                           └─ there is no snapshot ──▶ boot ◀───┼───────────┐
//!                                                        │       ▼           │
//!  resume: the VM of a daemon that is gone ──────────────┴───▶ days ─────────┴──▶ tear down
//!
//!  days:   awake: watch ──nobody is there──▶ lay down ──▶ asleep: wait ──somebody comes──▶ wake ──▶ awake
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anteroom_protocol::VmId;
use tokio::sync::{mpsc, watch};

use super::{
    HibernateAfter, Limits, Order, Reached, StopReason, VmEvent, VmKind, VmRequest, VmStatus,
    ack::Outstanding, book::Book, conversation::Arrival, failures, launches::Ticket, life::Happening,
    origin::Beginning, timeline::host_mark, visit::Presence, watching::Passage,
};
use crate::{
    agent::Knock,
    disk::DiskTemplates,
    failure::Failure,
    net::{HostNetwork, Network},
    snapshots::Shelf,
    store::{Store, VmRecord},
    vault::Vault,
    vmm::{LaunchError, Vm, VmSpec, Vmm},
};

#[derive(Debug)]
pub(super) struct Owner {
    pub(super) id: VmId,
    pub(super) kind: VmKind,
    pub(super) memory_mib: u32,
    pub(super) directory: PathBuf,
    pub(super) vmm: Arc<dyn Vmm>,
    pub(super) store: Store,
    pub(super) disks: DiskTemplates,
    /// Where guests get a TAP device; without it they have what the request says.
    pub(super) host_network: Option<Arc<HostNetwork>>,
    /// Where snapshots are looked for.
    pub(super) shelf: Option<Arc<Shelf>>,
    pub(super) limits: Option<Limits>,
    pub(super) book: Book,
    pub(super) reached: watch::Sender<Reached>,
    /// To the session.
    pub(super) events: mpsc::Sender<VmEvent>,
    pub(super) stop: Stop,
    pub(super) orders: mpsc::Receiver<Order>,
    /// Its place among the launches, until it is launched.
    pub(super) ticket: Option<Ticket>,
    /// Who is in it.
    pub(super) presence: Arc<Presence>,
    /// Whether a session has it: nobody's VM is put to disk.
    pub(super) is_somebodys: bool,
    /// What it runs as, once that is decided.
    pub(super) machine: Option<VmSpec>,
    /// Seals its memory on the disk; without it the VM cannot hibernate.
    pub(super) vault: Option<Arc<Vault>>,
    /// It is put to disk when it was left alone for so long; never by itself when unset.
    pub(super) hibernate_after: watch::Receiver<Arc<HibernateAfter>>,
    /// The last event that was heard.
    pub(super) heard: u64,
    pub(super) outstanding: Outstanding,
    /// Up to which event everything is done.
    pub(super) done: watch::Sender<u64>,
}

/// What a VM is doing.
pub(super) enum Stage {
    /// It runs, or is about to.
    Awake(Knock, Arrival),
    /// It is on the disk.
    Asleep,
    Over(Happening),
}

/// The two ways of being asked to end: this VM, or all of them.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) this: watch::Receiver<Option<StopReason>>,
    pub(super) all: watch::Receiver<Option<StopReason>>,
}

impl Stop {
    /// Resolves when somebody asks; never when everybody who could ask is gone.
    pub(super) async fn asked(&mut self) -> StopReason {
        tokio::select! {
            reason = asked(&mut self.this) => reason,
            reason = asked(&mut self.all) => reason,
        }
    }
}

async fn asked(receiver: &mut watch::Receiver<Option<StopReason>>) -> StopReason {
    match receiver.wait_for(Option::is_some).await.map(|reason| *reason) {
        Ok(Some(reason)) => reason,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

impl Owner {
    /// The whole life of the VM.
    pub(super) async fn run(mut self, mut request: VmRequest) {
        let mut vm = None;
        let end = self.course(&mut request, &mut vm).await.unwrap_or_else(Happening::Failed);
        self.end(vm, end).await;
    }

    async fn end(self, vm: Option<Box<dyn Vm>>, end: Happening) {
        let stopping = end == Happening::StopAsked(StopReason::DaemonStopping);
        if stopping && self.kind == VmKind::Cli && self.book.status() == VmStatus::Hibernated {
            tracing::info!(vm = %self.id, "stays on the disk for the next daemon");
            return;
        }
        self.tear_down(vm, end).await;
    }

    /// # Errors
    /// When the VM fails before anything runs.
    async fn course(
        &mut self,
        request: &mut VmRequest,
        place: &mut Option<Box<dyn Vm>>,
    ) -> Result<Happening, Failure> {
        let record = self.record(request);
        self.store.vm_create(&record).await.map_err(|error| failures::store(&error))?;
        if let Some(reason) = self.turn().await {
            return Ok(Happening::StopAsked(reason));
        }
        let beginning = self.prepare(request).await?;
        Ok(self.begin(beginning, request, place).await)
    }

    /// Waits until it may be launched, or somebody asks for its end. Nothing of it is on the host meanwhile.
    async fn turn(&mut self) -> Option<StopReason> {
        let ticket = self.ticket.as_ref()?;
        let mut ahead = ticket.ahead()?;
        tracing::info!(vm = %self.id, ahead, "waits for its turn to be launched");
        loop {
            self.book.waits_behind(Some(ahead));
            tokio::select! {
                biased;
                reason = self.stop.asked() => return Some(reason),
                () = ticket.moved_on_from(ahead) => {}
            }
            let Some(still) = ticket.ahead() else { break };
            ahead = still;
        }
        self.book.waits_behind(None);
        None
    }

    /// The rest of the life of a VM that another daemon has launched. Its guest knocks again, because nobody follows it.
    pub(super) async fn resume(mut self, mut place: Option<Box<dyn Vm>>, stage: Stage) {
        self.book.timeline.mark(host_mark::TAKEN_OVER);
        let end = self.days(&mut place, stage).await.unwrap_or_else(Happening::Failed);
        self.end(place, end).await;
    }

    /// Makes the directory and the network of a VM that is in the store. Short, and never given up half-way.
    async fn prepare(&mut self, request: &mut VmRequest) -> Result<Beginning, Failure> {
        make_private_directory(&self.directory)
            .await
            .map_err(|error| failures::directory(&error, &self.directory))?;
        if let Some(network) = &self.host_network {
            let tap = network.attach(self.id).await.map_err(|error| failures::network(&error))?;
            self.book.address = Some(tap.address.into());
            request.network = Network::Tap(tap);
        }
        let beginning = Beginning::find(self.shelf.as_ref(), self.vmm.as_ref(), request).await;
        self.book.origin = Some(beginning.origin());
        Ok(beginning)
    }

    /// From the launch to whatever ends it.
    ///
    /// # Errors
    /// When the VM fails.
    pub(super) async fn live(
        &mut self,
        launch: impl Future<Output = Result<Box<dyn Vm>, LaunchError>>,
        arrival: Arrival,
        place: &mut Option<Box<dyn Vm>>,
    ) -> Result<Happening, Failure> {
        let knock = Knock::listen(&self.vmm.agent_address(&self.directory))
            .map_err(|error| failures::directory(&error, &self.directory))?;
        let launched = tokio::select! {
            biased;
            reason = self.stop.asked() => return Ok(Happening::StopAsked(reason)),
            launched = launch => launched,
        };
        let vm =
            place.insert(launched.map_err(|error| failures::launch(&error, self.kind, self.memory_mib))?);
        self.store
            .vm_set_processes(self.id, &vm.processes())
            .await
            .map_err(|error| failures::store(&error))?;
        self.book.timeline.mark(match arrival {
            Arrival::Cloned(_) => host_mark::RESTORED,
            Arrival::Boots | Arrival::TakenOver | Arrival::Woke => host_mark::VMM_STARTED,
        });
        self.book.happened(Happening::Launched).await?;
        self.days(place, Stage::Awake(knock, arrival)).await
    }

    /// Day after day, until the VM ends.
    ///
    /// # Errors
    /// When the VM fails.
    async fn days(
        &mut self,
        place: &mut Option<Box<dyn Vm>>,
        mut stage: Stage,
    ) -> Result<Happening, Failure> {
        loop {
            stage = match (stage, place.as_mut()) {
                (Stage::Over(end), _) => return Ok(end),
                (Stage::Awake(knock, arrival), Some(vm)) => {
                    match self.watch(vm.as_mut(), knock, arrival).await? {
                        Passage::Ends(end) => Stage::Over(end),
                        Passage::Rests(resting) => {
                            let stage = self.lay_down(vm.as_mut(), resting).await?;
                            if matches!(stage, Stage::Asleep) {
                                *place = None;
                            }
                            stage
                        }
                    }
                }
                (Stage::Awake(..) | Stage::Asleep, _) => match self.sleep().await {
                    Some(reason) => Stage::Over(Happening::StopAsked(reason)),
                    None => self.wake(place).await?,
                },
            };
        }
    }

    /// Writes down what the VM is launched as: another daemon may have to wake it.
    ///
    /// # Errors
    /// When the store does not take it.
    pub(super) async fn decide_machine(&mut self, request: &VmRequest) -> Result<VmSpec, Failure> {
        let spec = request.spec(self.directory.clone(), self.disk());
        // Paths that are no text cannot be launched, either.
        let machine = serde_json::to_value(&spec).unwrap_or_default();
        let stored = self.store.vm_set_machine(self.id, &machine).await;
        stored.map_err(|error| failures::store(&error))?;
        self.machine = Some(spec.clone());
        Ok(spec)
    }

    pub(super) fn console_tail(&self) -> Vec<String> {
        self.reached.borrow().console.as_ref().map(|console| console.tail()).unwrap_or_default()
    }

    pub(super) fn limits(&self) -> Limits {
        let by_acceleration = || match self.vmm.capabilities().acceleration {
            Some(crate::vmm::Acceleration::Kvm) => Limits::ACCELERATED,
            Some(crate::vmm::Acceleration::Tcg) | None => Limits::TRANSLATED,
        };
        self.limits.unwrap_or_else(by_acceleration)
    }

    pub(super) fn disk(&self) -> PathBuf {
        self.directory.join("disk.img")
    }

    fn record(&self, request: &VmRequest) -> VmRecord {
        VmRecord {
            id: request.id,
            session_id: request.session,
            user_id: request.user.clone(),
            kind: request.kind,
            status: VmStatus::Creating,
            directory: self.directory.clone(),
            vcpus: request.vcpus,
            memory_mib: request.memory_mib,
            image_digest: request.image.digest.clone(),
            created_at: self.book.timeline.requested_at(),
            ended_at: None,
            failure: None,
            processes: Vec::new(),
            timeline: None,
            machine: None,
            used_at: None,
        }
    }
}

async fn make_private_directory(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).await?;
    }
    tokio::fs::DirBuilder::new().mode(0o700).create(path).await
}
