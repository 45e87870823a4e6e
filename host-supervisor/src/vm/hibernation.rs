//! A VM that hibernates: all of it is on the disk, its memory sealed on the way there, and it goes on when somebody comes.
//!
//! ```text
//!  hibernating   its key in the store ─▶ guest told ─▶ memory.sealed.part written ─▶ memory.sealed ─▶ hibernated
//!                                  └── it comes to nothing: key and files forgotten, and it goes on    processes ended
//!  waking        key ─▶ memory opened, piece by piece ─▶ whole, standing still ─▶ key forgotten ─▶ goes on
//! ```
//! The guest runs on from what was written once at most: its key is forgotten before it takes its first step. So whatever instant
//! a daemon is killed at, the next one knows: a key and no step taken, it hibernates; no key, it runs or is lost.

mod left;
mod memory;

use std::{fs::File, io::pipe, sync::Arc, time::Duration};

use anteroom_protocol::VmId;
use anteroom_sealed_stream::StreamKey;
use nix::fcntl::{FcntlArg, fcntl};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Order, StopReason, VmHandle, VmStatus,
    conversation::Arrival,
    failures,
    life::Happening,
    owner::{Owner, Stage},
    teardown::{self, LAST_LINES},
    timeline::host_mark,
};
use crate::{
    agent::{AgentClient, Knock},
    blocking,
    failure::{Failure, causes},
    net::Network,
    store::HibernationRecord,
    vault::{Sealed, Vault, VaultError},
    vmm::{Vm, VmSpec, console::Console},
};
pub(super) use left::Left;
pub(super) use memory::{forget_files, is_on_disk};

/// Of the pipe between daemon and VMM; the default holds a sixteenth of what is sealed at once.
const PIPE_BYTES: i32 = 1024 * 1024;

/// How long somebody may be in a VM that is to be put to disk: the daemon's own calls are over by then.
const MOMENT: Duration = Duration::from_secs(3);

/// Why a VM does not hibernate.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotHibernated {
    #[error("{0}")]
    Unsupported(String),
    #[error("somebody is in the VM: a viewer, or the stream of a program or of a port")]
    InUse,
    #[error("the VM is not ready yet, or belongs to nobody")]
    NotReady,
    #[error("the VM is gone")]
    Gone,
    /// It goes on.
    #[error("the VM could not be put to disk: {}", .0.message)]
    Failed(Failure),
}

/// A guest that is about to be put to disk.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) agent: AgentClient,
    /// Who has asked for it, if anybody has.
    pub(super) done: Option<oneshot::Sender<Result<(), NotHibernated>>>,
}

impl VmHandle {
    /// Puts the VM to disk; at once when it is there. Whoever is in it for a moment is waited for.
    ///
    /// # Errors
    /// When somebody stays in it, this kind of VM cannot hibernate, or it comes to nothing; then the VM goes on.
    pub async fn hibernate(&self) -> Result<(), NotHibernated> {
        let deadline = Instant::now() + MOMENT;
        loop {
            match self.ask_to_hibernate().await {
                Err(NotHibernated::InUse) => {
                    let left = tokio::time::timeout_at(deadline, self.presence.left());
                    left.await.map_err(|_| NotHibernated::InUse)?;
                }
                answer => return answer,
            }
        }
    }

    async fn ask_to_hibernate(&self) -> Result<(), NotHibernated> {
        match self.state.borrow().status {
            VmStatus::Hibernated => return Ok(()),
            VmStatus::Creating | VmStatus::Booting => return Err(NotHibernated::NotReady),
            VmStatus::Stopping | VmStatus::Destroyed | VmStatus::Failed => return Err(NotHibernated::Gone),
            VmStatus::Running | VmStatus::Ready | VmStatus::Hibernating | VmStatus::Waking => {}
        }
        let (done, answer) = oneshot::channel();
        self.orders.send(Order::Hibernate { done }).await.map_err(|_| NotHibernated::Gone)?;
        answer.await.map_err(|_| NotHibernated::Gone)?
    }
}

impl Owner {
    /// Whether it could be put to disk, if nobody is in it.
    pub(super) fn may_rest(&self) -> Result<(), NotHibernated> {
        let capabilities = self.vmm.capabilities();
        if !capabilities.hibernation {
            let backend = capabilities.backend;
            return Err(NotHibernated::Unsupported(format!("{backend} cannot put a VM to disk sealed here")));
        }
        if self.vault.is_none() || self.machine.is_none() {
            let old = "this VM was begun by a version that could not hibernate VMs";
            return Err(NotHibernated::Unsupported(old.to_owned()));
        }
        if self.is_somebodys && self.book.is_at_its_goal() { Ok(()) } else { Err(NotHibernated::NotReady) }
    }

    /// Puts the guest to disk. It goes on when that comes to nothing.
    ///
    /// # Errors
    /// When it can neither be put to disk nor go on.
    pub(super) async fn lay_down(
        &mut self,
        vm: &mut dyn Vm,
        Resting { agent, done }: Resting,
    ) -> Result<Stage, Failure> {
        self.book.happened(Happening::HibernationBegun).await?;
        let put = match self.make_key().await {
            Ok(key) => {
                let (id, directory, disk) = (self.id, self.directory.clone(), self.disk());
                tokio::select! {
                    biased;
                    reason = self.stop.asked() => return Ok(Stage::Over(Happening::StopAsked(reason))),
                    put = put_to_disk(vm, &agent, id, key, &directory, &disk) => put,
                }
            }
            Err(failure) => Err(failure),
        };
        let (stage, answer) = match put {
            Ok(bytes) => {
                tracing::info!(vm = %self.id, mib = bytes >> 20, "hibernates");
                self.book.timeline.mark(host_mark::HIBERNATED);
                self.book.happened(Happening::Hibernated).await?;
                vm.kill().await;
                // Whoever wakes it goes on with the same log.
                let _ = tokio::time::timeout(LAST_LINES, vm.console().ended()).await;
                self.clear_away().await?;
                (Stage::Asleep, Ok(()))
            }
            Err(failure) => {
                tracing::warn!(vm = %self.id, "does not hibernate: {}", failure.message);
                let knock = self.stand_up(vm).await?;
                (Stage::Awake(knock, Arrival::Woke), Err(NotHibernated::Failed(failure)))
            }
        };
        if let Some(done) = done {
            // Who has asked may have gone.
            let _ = done.send(answer);
        }
        Ok(stage)
    }

    /// A key for the memory, which is in the store before the memory is anywhere.
    async fn make_key(&self) -> Result<StreamKey, Failure> {
        let (Some(vault), Some(machine)) = (&self.vault, &self.machine) else {
            return Err(Failure::new("hibernation_unsupported", "nothing is there to seal its memory with"));
        };
        let key = StreamKey::random().map_err(|error| Failure::new("no_randomness", error.to_string()))?;
        let sealed = vault.seal_stream_key(self.id, &key).map_err(|error| sealed_otherwise(&error))?;
        let conditions = self.conditions(machine).await?;
        let record = HibernationRecord {
            vm: self.id,
            key_id: sealed.key_id,
            sealed: sealed.bytes,
            conditions,
            began_at: OffsetDateTime::now_utc(),
        };
        self.store.hibernation_put(&record).await.map_err(|error| failures::store(&error))?;
        Ok(key)
    }

    /// Of a VM that is on the disk, what its processes have left, so that nothing but its disk, its memory and its log is there.
    pub(super) async fn clear_away(&self) -> Result<(), Failure> {
        self.vmm.clear(self.id).await;
        let kept = ["disk.img", Console::FILE_NAME, memory::SEALED];
        let emptied = teardown::empty_directory_but(&self.directory, &kept).await;
        emptied.map_err(|error| failures::directory(&error, &self.directory))?;
        self.store.vm_set_processes(self.id, &[]).await.map_err(|error| failures::store(&error))
    }

    /// Has a guest go on whose hibernation came to nothing, or was interrupted with a daemon.
    pub(super) async fn stand_up(&mut self, vm: &mut dyn Vm) -> Result<Knock, Failure> {
        // Before it takes a step: what was written must never be woken.
        forget_files(&self.directory).map_err(|error| failures::directory(&error, &self.directory))?;
        self.store.hibernation_forget(self.id).await.map_err(|error| failures::store(&error))?;
        let knock = Knock::listen_again(&self.vmm.agent_address(&self.directory))
            .map_err(|error| failures::directory(&error, &self.directory))?;
        vm.go_on().await.map_err(|error| Failure::new("hibernation_stuck", causes(&error)))?;
        self.presence.touch();
        Ok(knock)
    }

    /// Waits until somebody comes, or asks for the end.
    pub(super) async fn sleep(&mut self) -> Option<StopReason> {
        loop {
            tokio::select! {
                biased;
                reason = self.stop.asked() => return Some(reason),
                () = self.presence.visited() => return None,
                Some(order) = self.orders.recv() => match order {
                    // Nothing needs to be done, and whoever waits sees an order that was dropped.
                    Order::Hibernate { done } => drop(done.send(Ok(()))),
                    Order::Occupy | Order::Snapshot { .. } => {}
                },
            }
        }
    }

    /// Has the guest go on from the disk.
    ///
    /// # Errors
    /// When its memory is not what was written, or the VMM does not take it: the guest has not run then.
    pub(super) async fn wake(&mut self, place: &mut Option<Box<dyn Vm>>) -> Result<Stage, Failure> {
        self.book.timeline.mark(host_mark::WAKING);
        self.book.happened(Happening::WakingBegun).await?;
        let (key, spec) = self.memory_key().await?;
        if let (Some(network), Network::Tap(_)) = (&self.host_network, &spec.network) {
            network.attach_again(self.id).await.map_err(|error| failures::network(&error))?;
        }
        let knock = Knock::listen_again(&self.vmm.agent_address(&self.directory))
            .map_err(|error| failures::directory(&error, &self.directory))?;
        let (vmm, id, kind, memory_mib) = (Arc::clone(&self.vmm), self.id, self.kind, self.memory_mib);
        let from_disk = async {
            let (from, into) =
                pipe_of_size().map_err(|error| failures::directory(&error, &spec.directory))?;
            let directory = spec.directory.clone();
            let opened = blocking::run(move || memory::open(&key, id, &directory, into));
            let (woken, opened) = tokio::join!(vmm.wake(&spec, from.into()), opened);
            // What is wrong with the memory is the cause of whatever else went wrong.
            opened.map_err(|error| failures::memory(&error))?;
            woken.map_err(|error| failures::not_woken(&error, kind, memory_mib))
        };
        let woken = tokio::select! {
            biased;
            reason = self.stop.asked() => return Ok(Stage::Over(Happening::StopAsked(reason))),
            woken = from_disk => woken?,
        };
        let vm = place.insert(woken);
        let stored = self.store.vm_set_processes(id, &vm.processes()).await;
        stored.map_err(|error| failures::store(&error))?;
        self.store.hibernation_forget(id).await.map_err(|error| failures::store(&error))?;
        vm.go_on().await.map_err(|error| Failure::new("hibernation_stuck", causes(&error)))?;
        if let Err(error) = forget_files(&self.directory) {
            tracing::warn!(vm = %id, "what it was woken from stays on the disk, unreadable, until its end: {error}");
        }
        tracing::info!(vm = %id, "goes on from the disk");
        Ok(Stage::Awake(knock, Arrival::Woke))
    }

    /// By what it can be woken.
    async fn conditions(&self, machine: &VmSpec) -> Result<Option<Value>, Failure> {
        let conditions = self.vmm.snapshot_conditions(machine).await;
        conditions.map_err(|error| failures::launch(&error, self.kind, self.memory_mib))
    }

    /// And the machine that it belongs to.
    async fn memory_key(&self) -> Result<(StreamKey, VmSpec), Failure> {
        let lost = || Failure::new("hibernation_damaged", "the key of the VM's memory on the disk is lost");
        let (Some(vault), Some(machine)) = (&self.vault, &self.machine) else { return Err(lost()) };
        let record = self.store.hibernation_get(self.id).await.map_err(|error| failures::store(&error))?;
        let record = record.ok_or_else(lost)?;
        let now = self.conditions(machine).await?;
        if now != record.conditions {
            return Err(failures::other_conditions(record.conditions.as_ref(), now.as_ref()));
        }
        let key = key_of(vault, self.id, record)?;
        Ok((key, machine.clone()))
    }
}

fn key_of(vault: &Vault, vm: VmId, record: HibernationRecord) -> Result<StreamKey, Failure> {
    let sealed = Sealed { key_id: record.key_id, bytes: record.sealed };
    vault.open_stream_key(vm, &sealed).map_err(|error| sealed_otherwise(&error))
}

fn sealed_otherwise(error: &VaultError) -> Failure {
    let code = match error {
        VaultError::AnotherKey { .. } => "sealed_with_another_key",
        VaultError::Damaged => "hibernation_damaged",
        VaultError::NoRandomness(_) => "no_randomness",
    };
    Failure::new(code, format!("the key of the VM's memory: {}", causes(error)))
}

/// Returns how many bytes its memory takes there.
async fn put_to_disk(
    vm: &mut dyn Vm,
    agent: &AgentClient,
    id: VmId,
    key: StreamKey,
    directory: &std::path::Path,
    disk: &std::path::Path,
) -> Result<u64, Failure> {
    let at_directory = |error: std::io::Error| failures::directory(&error, directory);
    agent.doze().await.map_err(|error| failures::agent(&error))?;
    let (from, into) = pipe_of_size().map_err(at_directory)?;
    let at = directory.to_owned();
    let sealed = blocking::run(move || memory::seal(&key, id, from, &at));
    let (written, sealed) = tokio::join!(vm.hibernate(into.into()), sealed);
    // A full disk is the cause of whatever else went wrong.
    let bytes = sealed.map_err(at_directory)?;
    written.map_err(|error| failures::not_put_to_disk(&error))?;
    let (at, disk) = (directory.to_owned(), disk.to_owned());
    let finished = blocking::run(move || {
        // The guest's disk is in the page cache only, as it is used to.
        File::open(disk)?.sync_all()?;
        memory::finish(&at)
    });
    finished.await.map_err(at_directory)?;
    Ok(bytes)
}

fn pipe_of_size() -> std::io::Result<(std::io::PipeReader, std::io::PipeWriter)> {
    let (from, into) = pipe()?;
    // An error means that this user has many pipes already, and this one is small.
    let _ = fcntl(&into, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
    Ok((from, into))
}
