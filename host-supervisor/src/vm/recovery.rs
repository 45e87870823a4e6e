//! What a daemon that is gone has left: a VM that lives is taken over, and what is left of any other is removed.
//!
//! ```text
//!  in the store, launched, every process alive ──adopt──▶ its owner goes on where the last one stopped
//!         ├── on the disk, or on its way there or back ──▶ it hibernates, or goes on where it stands (`hibernation`)
//!         └── not launched yet, being ended, or a process is gone ──▶ sweep
//! ```
//! The guest notices that nobody follows its events any more, and knocks until somebody does.

use std::{io, net::Ipv4Addr};

use anteroom_protocol::VmId;
use tokio::sync::mpsc;

use super::{
    StopReason, VmEvent, VmHandle, VmStarter, VmStatus, WAITING_EVENTS,
    book::Book,
    conversation::Arrival,
    hibernation::{self, Left},
    launches::holds_place,
    owner::{Owner, Stage},
    sweep::{self, Swept},
};
use crate::{
    agent::Knock,
    failure::causes,
    net::HostNetworkError,
    store::{Store, StoreError, VmRecord},
    vmm::{ProcessId, Survivor},
};

/// A VM that goes on.
#[derive(Debug)]
pub struct TakenOver {
    pub record: VmRecord,
    pub handle: VmHandle,
    /// Everything that its agent has to tell, from the first event that it still has.
    pub events: mpsc::Receiver<VmEvent>,
}

/// What became of what was left.
#[derive(Debug, Default)]
pub struct Recovered {
    pub taken: Vec<TakenOver>,
    pub swept: Swept,
}

/// Why a VM does not go on.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("it had not been launched yet")]
    NotLaunched,
    #[error("it was being ended")]
    Ending,
    #[error("its VMM")]
    Vmm(#[source] io::Error),
    #[error("its socket for the knock")]
    Knock(#[source] io::Error),
    #[error("its network")]
    Network(#[from] HostNetworkError),
    #[error("it was on its way to the disk or back, and neither runs nor is all of it there")]
    HalfAway,
    #[error("nobody knows what it was launched with")]
    UnknownMachine,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Stuck(String),
}

/// Whether it looks as if the VM could be taken over.
pub(super) async fn lives(store: &Store, record: &VmRecord) -> Result<bool, StoreError> {
    let runs = !record.processes.is_empty() && record.processes.iter().all(ProcessId::is_alive);
    Ok(match record.status {
        VmStatus::Booting | VmStatus::Running | VmStatus::Ready => runs,
        status if status.is_away() => left(store, record).await? != Left::Lost,
        _ => false,
    })
}

/// What is left of a VM that was on its way to the disk or back, or is there.
async fn left(store: &Store, record: &VmRecord) -> Result<Left, StoreError> {
    let runs = !record.processes.is_empty() && record.processes.iter().all(ProcessId::is_alive);
    let has_key = store.hibernation_get(record.id).await?.is_some();
    Ok(Left::of(record.status, has_key, hibernation::is_on_disk(&record.directory), runs))
}

impl TakenOver {
    /// Ends a VM that nobody wants any more.
    pub fn end(self, reason: StopReason) {
        self.handle.stop(reason);
    }
}

impl VmStarter {
    /// Takes over or removes what a daemon that is gone has left. To be called once, before the first start.
    ///
    /// # Errors
    /// When the store does not answer. What cannot be removed is logged and tried again at the next start.
    pub async fn recover(&self) -> Result<Recovered, StoreError> {
        let mut recovered = Recovered::default();
        for record in self.store.vm_living().await? {
            match self.take_over(&record).await {
                Ok(taken) => {
                    tracing::info!(vm = %record.id, status = ?record.status, "taken over");
                    recovered.taken.push(taken);
                }
                Err(cause) => {
                    tracing::warn!(vm = %record.id, cause = causes(&cause), "not taken over");
                    self.remove(&record, &mut recovered.swept).await?;
                }
            }
        }
        let living: Vec<VmId> = recovered.taken.iter().map(|taken| taken.record.id).collect();
        self.remove_strays(&living, &mut recovered.swept).await?;
        Ok(recovered)
    }

    /// Removes what is left of VMs, without a daemon: of those that cannot go on, or of all.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remove_remnants(&self, all: bool) -> Result<Swept, StoreError> {
        let (mut swept, mut living) = (Swept::default(), Vec::new());
        for record in self.store.vm_living().await? {
            if !all && lives(&self.store, &record).await? {
                living.push(record.id);
            } else {
                self.remove(&record, &mut swept).await?;
            }
        }
        self.remove_strays(&living, &mut swept).await?;
        Ok(swept)
    }

    async fn remove(&self, record: &VmRecord, swept: &mut Swept) -> Result<(), StoreError> {
        sweep::remove(&self.store, self.vmm.as_ref(), self.host_network.as_deref(), record, swept).await
    }

    /// What belongs to no VM but these.
    async fn remove_strays(&self, living: &[VmId], swept: &mut Swept) -> Result<(), StoreError> {
        swept.directories = sweep::remove_strays(&self.store, &self.settings.directory, living).await?;
        if let Some(network) = &self.host_network
            && let Err(error) = network.sweep(living).await
        {
            tracing::error!("what is left of the guests' network cannot be removed: {}", causes(&error));
        }
        Ok(())
    }

    async fn take_over(&self, record: &VmRecord) -> Result<TakenOver, NotTaken> {
        let arrival = match record.status {
            VmStatus::Creating => return Err(NotTaken::NotLaunched),
            VmStatus::Stopping | VmStatus::Destroyed | VmStatus::Failed => return Err(NotTaken::Ending),
            VmStatus::Booting => Arrival::Boots,
            VmStatus::Running | VmStatus::Ready => Arrival::TakenOver,
            VmStatus::Hibernating | VmStatus::Hibernated | VmStatus::Waking => {
                match left(&self.store, record).await? {
                    Left::OnDisk => return self.take_over_from_disk(record).await,
                    Left::InMemory => Arrival::Woke,
                    Left::Lost => return Err(NotTaken::HalfAway),
                }
            }
        };
        let address = match &self.host_network {
            Some(network) => network.address_of(record.id).await?,
            None => None,
        };
        // Before the VMM is adopted, which may have to show it to its guest.
        let knock =
            Knock::listen_again(&self.vmm.agent_address(&record.directory)).map_err(NotTaken::Knock)?;
        let survivor = Survivor {
            id: record.id,
            directory: record.directory.clone(),
            processes: record.processes.clone(),
        };
        let mut vm = self.vmm.adopt(&survivor).await.map_err(NotTaken::Vmm)?;
        let (mut owner, handle, events) = self.next_owner(record, address);
        owner.ticket = holds_place(record.status).then(|| self.launches.enter());
        let knock = if matches!(arrival, Arrival::Woke) {
            let stood_up = owner.stand_up(vm.as_mut()).await;
            stood_up.map_err(|failure| NotTaken::Stuck(failure.message))?
        } else {
            knock
        };
        self.owners.spawn(owner.resume(Some(vm), Stage::Awake(knock, arrival)));
        Ok(TakenOver { record: record.clone(), handle, events })
    }

    /// It goes on hibernating.
    async fn take_over_from_disk(&self, record: &VmRecord) -> Result<TakenOver, NotTaken> {
        if record.machine.is_none() {
            return Err(NotTaken::UnknownMachine);
        }
        sweep::end_processes(record).await;
        let address = match &self.host_network {
            Some(network) => network.address_of(record.id).await?,
            None => None,
        };
        self.store.vm_set_status(record.id, VmStatus::Hibernated).await?;
        let record = VmRecord { status: VmStatus::Hibernated, ..record.clone() };
        let (owner, handle, events) = self.next_owner(&record, address);
        owner.clear_away().await.map_err(|failure| NotTaken::Stuck(failure.message))?;
        self.owners.spawn(owner.resume(None, Stage::Asleep));
        Ok(TakenOver { record, handle, events })
    }

    fn next_owner(
        &self,
        record: &VmRecord,
        address: Option<Ipv4Addr>,
    ) -> (Owner, VmHandle, mpsc::Receiver<VmEvent>) {
        let (sender, events) = mpsc::channel(WAITING_EVENTS);
        let book = Book::resume(record, address.map(Into::into), self.store.clone());
        let (mut owner, handle) = self.owner(record.id, record.kind, record.memory_mib, book, sender);
        owner.is_somebodys = record.session_id.is_some() || record.user_id.is_some();
        owner.machine = record.machine.clone().and_then(|machine| serde_json::from_value(machine).ok());
        (owner, handle, events)
    }
}
