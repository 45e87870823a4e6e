//! Making the snapshot that a daemon with this configuration would use, without one.

use std::sync::Arc;

use anteroom_protocol::VmId;

use super::{DaemonError, Machine, guest_network, shelf, vm_settings, vm_template};
use crate::{
    config::Config,
    snapshots::{ShelfError, Snapshot},
    store::Store,
    vm::{VmSettings, VmStarter, golden::GoldenError},
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotBuildError {
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Golden(#[from] GoldenError),
    #[error("snapshots are turned off (setting snapshot.use)")]
    Off,
    #[error(
        "with network.mode = bridge its VM needs a place on the bridge, which is the daemon's: start `anteroom serve`, which makes \
         the snapshot by itself"
    )]
    Bridge,
    #[error("a directory for its VM cannot be made")]
    Scratch(#[source] std::io::Error),
}

/// Finds it, or makes it. `making` is called when it has to be made.
///
/// # Errors
/// With what is missing or in the way.
pub(crate) async fn build(
    config: &Config,
    making: impl FnOnce(),
) -> Result<(Snapshot, bool), SnapshotBuildError> {
    if config.snapshots.is_none() {
        return Err(SnapshotBuildError::Off);
    }
    if config.network.host.is_some() {
        return Err(SnapshotBuildError::Bridge);
    }
    let machine = Machine::find(config).await.map_err(DaemonError::from)?;
    let scratch = tempfile::tempdir().map_err(SnapshotBuildError::Scratch)?;
    let store = Store::open(scratch.path()).await.map_err(DaemonError::from)?;
    let network = guest_network(config, &machine.vmm.capabilities());
    let settings = VmSettings { directory: scratch.path().join("vms"), ..vm_settings(config) };
    let shelf = Arc::new(shelf(config));
    let request = vm_template(config, machine.image, network).request(VmId::random(), None);
    let starter = VmStarter::new(machine.vmm, store.clone(), None, settings);
    let (key, _) = starter.snapshot_conditions(&request).await?;
    let made = match shelf.find(&key).await {
        Ok(Some(snapshot)) => Ok((snapshot, false)),
        Ok(None) | Err(ShelfError::Damaged { .. } | ShelfError::Manifest { .. }) => {
            making();
            starter.make_snapshot(&shelf, request).await.map(|snapshot| (snapshot, true))
        }
        Err(error) => Err(error.into()),
    };
    starter.close().await;
    store.close().await;
    Ok(made?)
}
