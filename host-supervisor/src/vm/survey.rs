//! What a daemon that is gone has left, without touching any of it.

use std::path::Path;

use anteroom_protocol::VmId;
use serde::Serialize;

use super::{VmStatus, recovery};
use crate::{
    store::{Store, StoreError},
    vmm::ProcessId,
};

/// What becomes of something that was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The next daemon takes it over.
    GoesOn,
    Removed,
}

/// Something that was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remnant {
    pub vm: VmId,
    /// `None` when the store knows no such VM, or takes it for gone.
    pub status: Option<VmStatus>,
    /// Those of its processes that run.
    pub processes: Vec<i32>,
    pub directory: bool,
    pub address: bool,
    pub fate: Fate,
}

/// Everything that is left, by the store and by the directory of VMs, oldest first.
///
/// # Errors
/// When the store does not answer.
pub async fn survey(store: &Store, directory: &Path) -> Result<Vec<Remnant>, StoreError> {
    let addresses: Vec<VmId> = store.address_list().await?.into_iter().map(|address| address.vm).collect();
    let mut remnants = Vec::new();
    for vm in store.vm_living().await? {
        let mut processes: Vec<ProcessId> = vm.processes.clone();
        processes.extend(ProcessId::unrecorded(vm.id, &vm.directory));
        processes.retain(ProcessId::is_alive);
        let mut processes: Vec<i32> = processes.into_iter().map(|process| process.pid).collect();
        processes.sort_unstable();
        processes.dedup();
        remnants.push(Remnant {
            vm: vm.id,
            status: Some(vm.status),
            processes,
            directory: vm.directory.exists(),
            address: addresses.contains(&vm.id),
            fate: if recovery::lives(store, &vm).await? { Fate::GoesOn } else { Fate::Removed },
        });
    }
    let known: Vec<VmId> = remnants.iter().map(|remnant| remnant.vm).collect();
    for vm in super::sweep::strays(store, directory, &known).await? {
        remnants.push(Remnant {
            vm,
            status: None,
            processes: Vec::new(),
            directory: true,
            address: addresses.contains(&vm),
            fate: Fate::Removed,
        });
    }
    for vm in addresses {
        if remnants.iter().all(|remnant| remnant.vm != vm) {
            let (status, processes) = (None, Vec::new());
            remnants.push(Remnant {
                vm,
                status,
                processes,
                directory: false,
                address: true,
                fate: Fate::Removed,
            });
        }
    }
    Ok(remnants)
}
