//! Looking at what a daemon that is gone has left, and removing it, without a daemon.

use super::{DaemonError, lock::Lock, machine::find_vmm, vm_settings};
use crate::{
    config::Config,
    net::HostNetwork,
    store::Store,
    vm::{self, Remnant, Swept, VmStarter},
};

/// What is left; where a daemon runs, what it is responsible for.
///
/// # Errors
/// When the store cannot be read.
pub async fn survey(config: &Config) -> Result<Vec<Remnant>, DaemonError> {
    if !config.state_dir.exists() {
        return Ok(Vec::new());
    }
    let store = Store::open(&config.state_dir).await?;
    let found = vm::survey(&store, &vm_settings(config).directory).await;
    store.close().await;
    Ok(found?)
}

/// Removes what cannot go on, or everything.
///
/// # Errors
/// While a daemon runs, and when the VMM or the network that has to help is not there.
pub async fn remove(config: &Config, all: bool) -> Result<Swept, DaemonError> {
    if !config.state_dir.exists() {
        return Ok(Swept::default());
    }
    let _lock = Lock::take(&config.state_dir, "removes what VMs have left")?;
    let store = Store::open(&config.state_dir).await?;
    let network = match config.network.host.clone() {
        Some(settings) => Some(HostNetwork::open(settings, store.clone()).await?),
        None => None,
    };
    let vmm = find_vmm(config).await.map_err(super::MachineError::from)?;
    let starter = VmStarter::new(vmm, store.clone(), network, vm_settings(config));
    let swept = starter.remove_remnants(all).await;
    store.close().await;
    Ok(swept?)
}
