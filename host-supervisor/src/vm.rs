//! One disposable VM from its request to its end: a single owner task composes disk, VMM and agent.
//!
//! ```text
//! creating ──▶ booting ──▶ running ──▶ ready ──▶ stopping ──▶ destroyed    (asked to end)
//!     └────────────┴───────────┴──────────┴────▶ stopping ──▶ failed       (torn down as well; the cause stays)
//!
//! ready ──▶ hibernating ──▶ hibernated ──▶ waking ──▶ ready    (to the disk, and back)
//! ```
//! Others hold a [`VmHandle`]: they watch its [`VmState`], get the agent's events and may ask for its end. Every
//! change is stored before it is published, and published before it is acted on. What the VM owns on the host is in
//! the store before it exists, so that the next daemon finds what one that was killed has left: VMs that live are taken over
//! (`recovery`), the rest is removed (`sweep`). Few are launched at once: the others wait for their turn (`queue`), and own nothing
//! on the host by then.

mod ack;
mod beginning;
mod book;
mod conversation;
mod failures;
pub mod golden;
mod hibernation;
mod identity;
pub mod keeper;
mod launches;
mod life;
mod origin;
mod owner;
mod pool;
mod queue;
mod recovery;
mod starter;
mod survey;
mod sweep;
mod teardown;
#[cfg(test)]
mod tests;
mod thrift;
mod timeline;
mod visit;
mod watching;

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use anteroom_protocol::{Event, SessionId, VmId, agent::ServiceStatus, desk::Directions};
use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};

pub use crate::store::{VmKind, VmStatus};
use crate::{
    agent::AgentClient,
    failure::Failure,
    images::ResolvedImage,
    net::Network,
    vmm::{SnapshotError, SnapshotFiles, VmSpec, console::Console},
};
pub use ack::AckGuard;
pub use hibernation::NotHibernated;
pub use launches::LaunchCounts;
pub use origin::Origin;
pub use pool::{Berth, PoolView};
pub use queue::{LaunchBounds, QueueFull};
pub use recovery::{Recovered, TakenOver};
pub use starter::{HibernateAfter, VmSettings, VmStarter};
pub use survey::{Fate, Remnant, survey};
pub use sweep::Swept;
pub use thrift::Shortage;
pub(crate) use thrift::may_wait;
pub(crate) use timeline::stages;
pub use timeline::{HostMark, host_mark};
use visit::Presence;
pub use visit::{Hold, NoVisit, Visit};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct VmRequest {
    pub id: VmId,
    /// Whose VM it will be.
    pub session: Option<SessionId>,
    /// Of a VM that outlives any session: the user's own.
    pub user: Option<String>,
    pub kind: VmKind,
    pub vcpus: u8,
    pub memory_mib: u32,
    pub disk_mib: u32,
    pub image: ResolvedImage,
    /// Replaced by a [`Network::Tap`] where the host has a network for guests.
    pub network: Network,
    pub clipboard: Directions,
    /// It boots, and a snapshot is made of it ([`VmHandle::snapshot`]).
    pub golden: bool,
}

impl VmRequest {
    fn spec(&self, directory: PathBuf, disk: PathBuf) -> VmSpec {
        let Self { id, vcpus, memory_mib, image, network, clipboard, golden, .. } = self;
        VmSpec {
            id: *id,
            vcpus: *vcpus,
            memory_mib: *memory_mib,
            boot: image.boot.clone(),
            layers: image.layers.clone(),
            disk: Some(disk),
            network: network.clone(),
            clipboard: *clipboard,
            directory,
            golden: *golden,
        }
    }
}

/// How many events of a VM may wait for their session. The agent keeps what does not fit.
pub const WAITING_EVENTS: usize = 64;

/// Something that the agent tells.
#[derive(Debug)]
pub struct VmEvent {
    pub event: Event,
    /// When it happened.
    pub at: OffsetDateTime,
    /// To be called when it has been dealt with.
    pub guard: AckGuard,
}

/// What is known of a VM. A new one is published for every change.
#[derive(Debug, Clone, Serialize)]
pub struct VmState {
    pub status: VmStatus,
    /// While it waits to be launched: how many launches come before its own.
    pub starts_ahead: Option<usize>,
    /// What it began with; nothing before that is decided, and of a VM that was taken over.
    pub origin: Option<Origin>,
    /// Why no VM was ready for whoever came for this one, where something was short.
    pub none_ready: Option<String>,
    /// Set as soon as it is known, while the VM is still being torn down.
    pub failure: Option<Failure>,
    /// In the order of time.
    pub timeline: Vec<HostMark>,
    pub services: Vec<ServiceStatus>,
    /// On the host's network, once it has one there.
    pub address: Option<IpAddr>,
    /// Grows by one with every change.
    pub generation: u64,
}

/// Why a VM is to end. The first reason counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Its session has what it wanted.
    Completed,
    Cancelled,
    /// Nobody has been seen for too long, or the session took too long.
    TimedOut,
    SessionFailed,
    DaemonStopping,
}

/// How long a VM may take for what, before it counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the VMM's start to the agent's first answer.
    pub boot: Duration,
    /// The same for a guest that is restored; after that it boots.
    pub restore: Duration,
    /// From the agent's first answer to a desktop.
    pub desktop: Duration,
    /// Without any sign of life from a running guest.
    pub silence: Duration,
    /// For an orderly power-off, before the VMM is killed.
    pub power_off: Duration,
}

impl Limits {
    /// With hardware acceleration.
    pub const ACCELERATED: Self = Self {
        boot: Duration::from_secs(30),
        // A clone of Firecracker reads its memory from the disk as it goes, and this may be the first that does.
        restore: Duration::from_secs(10),
        desktop: Duration::from_secs(60),
        // A VMM's end and a kernel's panic are noticed at once, so that only a guest that hangs is waited for. One that stands
        // still while its host writes to a slow disk, or is itself a guest that was not given a processor, is back by then.
        silence: Duration::from_secs(15),
        power_off: Duration::from_secs(3),
    };
    /// A guest whose every instruction is translated, beside others on few processors, pauses for seconds at times;
    /// a person's session must not be ended for that.
    pub const TRANSLATED: Self = Self {
        boot: Duration::from_secs(180),
        restore: Duration::from_secs(15),
        desktop: Duration::from_secs(300),
        silence: Duration::from_secs(30),
        power_off: Duration::from_secs(5),
    };
}

/// A VM as others see it; cheap to clone. The VM lives on when every handle is dropped.
#[derive(Debug, Clone)]
pub struct VmHandle {
    id: VmId,
    memory_mib: u32,
    state: watch::Receiver<VmState>,
    stop: Arc<watch::Sender<Option<StopReason>>>,
    orders: mpsc::Sender<Order>,
    reached: watch::Receiver<Reached>,
    presence: Arc<Presence>,
}

/// What an owner can be asked to do with a VM that runs.
#[derive(Debug)]
enum Order {
    /// To these files, and the disk to another.
    Snapshot { files: SnapshotFiles, disk: PathBuf, done: oneshot::Sender<Result<(), SnapshotError>> },
    /// Somebody has come for it.
    Occupy,
    /// To the disk, if nobody is in it.
    Hibernate { done: oneshot::Sender<Result<(), NotHibernated>> },
}

/// What of the VM can be reached by now.
#[derive(Debug, Clone, Default)]
struct Reached {
    console: Option<Arc<Console>>,
    agent: Option<AgentClient>,
}

impl VmHandle {
    #[must_use]
    pub fn id(&self) -> VmId {
        self.id
    }

    #[must_use]
    pub fn state(&self) -> watch::Receiver<VmState> {
        self.state.clone()
    }

    /// Whether somebody has asked for its end.
    #[must_use]
    pub fn is_to_end(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Returns when it fails, or is torn down.
    pub async fn begins_to_end(&self) {
        let mut state = self.state.clone();
        let ends = [VmStatus::Stopping, VmStatus::Destroyed, VmStatus::Failed];
        // An error means that its owner has ended.
        let _ = state.wait_for(|state| state.failure.is_some() || ends.contains(&state.status)).await;
    }

    /// Why it fails, if that is why a call to it broke: its owner names the cause moments later.
    pub async fn failure_soon(&self) -> Option<Failure> {
        const MOMENT: Duration = Duration::from_secs(2);
        let mut state = self.state.clone();
        let failed = state.wait_for(|state| state.failure.is_some() || state.status.is_final());
        let failed = tokio::time::timeout(MOMENT, failed).await.ok()?.ok()?;
        failed.failure.clone()
    }

    /// Asks for the end; [`VmHandle::ended`] sees it gone.
    pub fn stop(&self, reason: StopReason) {
        self.stop.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert(reason);
            first
        });
    }

    /// Writes a golden VM to files, disk included. The guest has been made ready for it, and does not run any more afterwards.
    ///
    /// # Errors
    /// When the VM ends, or its VMM does not do its part.
    pub async fn snapshot(&self, files: SnapshotFiles, disk: PathBuf) -> Result<(), SnapshotError> {
        let (done, answer) = oneshot::channel();
        let ended = |_| SnapshotError::Vmm("the VM has ended".to_owned());
        self.orders.send(Order::Snapshot { files, disk, done }).await.map_err(|_| ended(()))?;
        answer.await.map_err(|_| ended(()))?
    }

    /// Waits until nothing of the VM is left on the host, and says how it ended.
    pub async fn ended(&self) -> VmState {
        let mut state = self.state.clone();
        // An error means that the owner has ended without a word, which is an end too.
        let _ = state.wait_for(|state| state.status.is_final()).await;
        state.borrow().clone()
    }

    /// The agent, once it has answered, for who only looks: the VM may hibernate at any moment, and is not woken for that.
    #[must_use]
    pub fn agent(&self) -> Option<AgentClient> {
        self.reached.borrow().agent.clone()
    }

    /// Waits until the agent answers, also when that is after somebody else has had the VM woken; `None` when it ends without.
    pub async fn answering_agent(&self) -> Option<AgentClient> {
        let mut reached = self.reached.clone();
        let answered = reached.wait_for(|reached| reached.agent.is_some()).await;
        answered.ok().and_then(|reached| reached.agent.clone())
    }

    /// The last lines of the serial console.
    #[must_use]
    pub fn console_tail(&self) -> Vec<String> {
        self.reached.borrow().console.as_ref().map(|console| console.tail()).unwrap_or_default()
    }
}
