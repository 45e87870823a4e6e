//! The task that owns one VM. It alone changes the VM's state; everything else reaches it through channels.
//!
//! ```text
//!  run:    its turn ──▶ prepare (disk, network) ──▶ restore ─────┐  it does not answer:
//!                           └─ there is no snapshot ──▶ boot ◀───┼───────────┐
//!                                                        │       ▼           │
//!  resume: the VM of a daemon that is gone ──────────────┴───▶ watch ────────┴──▶ tear down
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anteroom_protocol::{Event, EventBody, VmId};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Limits, Order, Origin, Reached, StopReason, VmEvent, VmKind, VmRequest, VmStatus,
    ack::Outstanding,
    book::Book,
    conversation::{Conversation, News},
    failures,
    identity::Identity,
    launches::{Ticket, holds_place},
    life::Happening,
    origin::Beginning,
    timeline::host_mark,
};
use crate::{
    agent::Knock,
    disk::{DiskError, DiskTemplates},
    failure::{Failure, causes},
    net::{HostNetwork, Network},
    snapshots::Shelf,
    store::{Store, VmRecord},
    vmm::{LaunchError, SnapshotError, SnapshotFiles, Vm, VmSpec, Vmm},
};

/// How many pieces of news may wait for the owner; a guest that talks more has to wait itself.
const NEWS: usize = 64;

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
    pub(super) async fn resume(mut self, mut vm: Box<dyn Vm>, knock: Knock) {
        self.book.timeline.mark(host_mark::TAKEN_OVER);
        let end = self.watch(vm.as_mut(), knock, None).await.unwrap_or_else(Happening::Failed);
        self.tear_down(Some(vm), end).await;
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
        identity: Option<Identity>,
        place: &mut Option<Box<dyn Vm>>,
    ) -> Result<Happening, Failure> {
        let knock = Knock::listen(&self.vmm.agent_address(&self.directory))
            .map_err(|error| failures::directory(&error, &self.directory))?;
        let launched = tokio::select! {
            biased;
            reason = self.stop.asked() => return Ok(Happening::StopAsked(reason)),
            launched = launch => launched,
        };
        let vm = place.insert(launched.map_err(|error| failures::launch(&error))?);
        self.store
            .vm_set_processes(self.id, &vm.processes())
            .await
            .map_err(|error| failures::store(&error))?;
        self.book.timeline.mark(if identity.is_some() {
            host_mark::RESTORED
        } else {
            host_mark::VMM_STARTED
        });
        self.book.happened(Happening::Launched).await?;
        self.watch(vm.as_mut(), knock, identity).await
    }

    /// # Errors
    /// When the VM fails by something that is noticed here.
    async fn watch(
        &mut self,
        vm: &mut dyn Vm,
        knock: Knock,
        identity: Option<Identity>,
    ) -> Result<Happening, Failure> {
        let console = vm.console();
        self.reached.send_modify(|reached| reached.console = Some(Arc::clone(&console)));

        let limits = self.limits();
        let (done, done_receiver) = watch::channel(0);
        let (news_sender, mut news) = mpsc::channel(NEWS);
        let has_answered = identity.is_none() && self.book.status() != VmStatus::Booting;
        let conversation = Conversation {
            address: self.vmm.agent_address(&self.directory),
            console: Arc::clone(&console),
            limits,
            // A guest that has answered before, to a daemon that is gone, knocks again within moments.
            patience: match &identity {
                Some(_) => limits.restore,
                None if has_answered => 2 * limits.silence,
                None => limits.boot,
            },
            has_answered,
            vm: self.id,
            identity: identity.clone(),
            done: done_receiver,
            news: news_sender,
        };
        let _conversation = AbortOnDropHandle::new(tokio::spawn(conversation.hold(knock)));
        let mut outstanding = Outstanding::default();
        let mut desktop_due = None;
        let session = self.events.clone();
        loop {
            // A session that does not keep up slows its guest down, not this task.
            let room = session.capacity() > 0 || session.is_closed();
            let waits_for_desktop = self.book.status() == VmStatus::Running && self.kind == VmKind::Browser;
            tokio::select! {
                biased;
                reason = self.stop.asked() => return Ok(Happening::StopAsked(reason)),
                exit = vm.wait() => {
                    console.ended().await;
                    return Err(failures::ended(&exit, &console.tail(), self.kind, self.memory_mib));
                }
                through = outstanding.next() => drop(done.send_replace(through)),
                Some(item) = news.recv(), if room => {
                    if matches!(item, News::Answered { .. }) {
                        desktop_due = Some(Instant::now() + limits.desktop);
                    }
                    self.learn(item, identity.is_some(), &mut outstanding).await?;
                    if !holds_place(self.kind, self.book.status()) {
                        self.ticket = None;
                    }
                }
                Some(order) = self.orders.recv() => {
                    let Order::Snapshot { files, disk, done } = order else {
                        self.book.occupied().await?;
                        continue;
                    };
                    // Nobody reaches its agent any more. Who has asked may have gone.
                    self.reached.send_modify(|reached| reached.agent = None);
                    let (disks, own) = (self.disks.clone(), self.disk());
                    let made = tokio::select! {
                        biased;
                        reason = self.stop.asked() => return Ok(Happening::StopAsked(reason)),
                        made = snapshot(vm, &files, disks.copy_disk(&own, &disk)) => made,
                    };
                    let _ = done.send(made);
                    // It does not run any more; somebody will ask for its end.
                    return Ok(Happening::StopAsked(self.stop.asked().await));
                }
                _ = session.reserve(), if !room => {}
                () = sleep_until(desktop_due), if waits_for_desktop => {
                    let failure = failures::no_desktop(limits.desktop, &self.book.unready_services());
                    return Err(failures::with_memory_hint(failure, self.memory_mib));
                }
            }
        }
    }

    async fn learn(
        &mut self,
        news: News,
        is_clone: bool,
        outstanding: &mut Outstanding,
    ) -> Result<(), Failure> {
        match news {
            News::Answered { agent, at, clock } => {
                if is_clone {
                    self.book.timeline.learn_clones_clock(clock);
                    if let (Some(shelf), Some(Origin::Snapshot { key })) = (&self.shelf, &self.book.origin) {
                        shelf.clear(key);
                    }
                } else {
                    self.book.timeline.learn_guest_clock(clock);
                }
                self.book.timeline.mark_first(host_mark::AGENT_ANSWERED, at);
                self.reached.send_modify(|reached| reached.agent = Some(agent));
                self.book.happened(Happening::AgentAnswered).await
            }
            News::Event(event) => {
                let verdict = self.heed(&event).await;
                let at = self.book.timeline.moment_of(event.uptime_ns);
                let guard = outstanding.hand_out(event.number);
                // There is room, or nobody is there to take it.
                let _ = self.events.try_send(VmEvent { event, at, guard });
                verdict
            }
            News::Failed(failure) => Err(failures::with_memory_hint(failure, self.memory_mib)),
        }
    }

    /// What an event means for the VM itself.
    async fn heed(&mut self, event: &Event) -> Result<(), Failure> {
        match &event.body {
            EventBody::Mark { name } => {
                self.book.timeline.mark_guest(name, event.uptime_ns);
                self.book.publish();
            }
            EventBody::Service(status) => {
                self.book.note_service(status);
                self.book.publish();
            }
            EventBody::DesktopReady => return self.book.happened(Happening::DesktopReady).await,
            EventBody::DesktopFailed { service, cause, last_lines } => {
                return Err(failures::desktop(service, cause, last_lines, &self.console_tail()));
            }
            _ => {}
        }
        Ok(())
    }

    fn console_tail(&self) -> Vec<String> {
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

    pub(super) fn spec(&self, request: &VmRequest) -> VmSpec {
        request.spec(self.directory.clone(), self.disk())
    }

    fn record(&self, request: &VmRequest) -> VmRecord {
        VmRecord {
            id: request.id,
            session_id: request.session,
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
        }
    }
}

async fn snapshot(
    vm: &mut dyn Vm,
    files: &SnapshotFiles,
    disk_copied: impl Future<Output = Result<(), DiskError>>,
) -> Result<(), SnapshotError> {
    vm.snapshot(files).await?;
    // The guest stands still, so that what it has written is what its memory believes.
    disk_copied.await.map_err(|error| SnapshotError::Vmm(causes(&error)))
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn make_private_directory(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).await?;
    }
    tokio::fs::DirBuilder::new().mode(0o700).create(path).await
}
