//! What a VM begins with: a snapshot, where there is one that fits, and a boot otherwise.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;
use serde_json::{Value, json};

use super::VmRequest;
use crate::{
    failure::causes,
    net::Network,
    snapshots::{Key, Shelf, Snapshot},
    vmm::Vmm,
};

/// What a VM began with, for people and for the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    Boot {
        /// Why not from a snapshot.
        because: String,
    },
    Snapshot {
        key: Key,
    },
    /// It was ready when somebody came.
    Pool {
        /// How long it had been waiting, in seconds.
        waited_s: u64,
        /// What it had begun with itself.
        begun: Box<Origin>,
    },
}

/// What it will begin with.
#[derive(Debug)]
pub(super) enum Beginning {
    Boot { because: String },
    Restore(Box<Snapshot>),
}

impl Beginning {
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Boot { because } => Origin::Boot { because: because.clone() },
            Self::Restore(snapshot) => Origin::Snapshot { key: snapshot.manifest.key.clone() },
        }
    }

    /// Looks for a snapshot.
    pub(super) async fn find(shelf: Option<&Arc<Shelf>>, vmm: &dyn Vmm, request: &VmRequest) -> Self {
        let boot = |because: &str| Self::Boot { because: because.to_owned() };
        if request.golden {
            return boot("a snapshot is made of it");
        }
        let Some(shelf) = shelf else { return boot("snapshots are turned off") };
        let conditions = match conditions(vmm, request, &network_of(&request.network, false)).await {
            Ok(Some(conditions)) => conditions,
            Ok(None) => return boot("this kind of machine cannot be snapshotted here"),
            // The launch will fail for the same reason, and say it.
            Err(error) => return Self::Boot { because: error },
        };
        let key = Key::of(&conditions);
        match shelf.find(&key).await {
            Ok(Some(snapshot)) => Self::Restore(Box::new(snapshot)),
            Ok(None) => boot("there is no snapshot for it yet"),
            Err(error) => {
                let because = format!("the snapshot is of no use: {}", causes(&error));
                tracing::error!(%key, "{because}");
                Self::Boot { because }
            }
        }
    }
}

/// Everything that a snapshot of such a VM depends on; `None` when there can be none.
///
/// # Errors
/// When the VMM cannot run it.
pub(super) async fn conditions(
    vmm: &dyn Vmm,
    request: &VmRequest,
    network: &str,
) -> Result<Option<Value>, String> {
    let spec = request.spec(PathBuf::new(), PathBuf::new());
    let Some(vmm) = vmm.snapshot_conditions(&spec).await.map_err(|error| causes(&error))? else {
        return Ok(None);
    };
    let name = |path: &std::path::Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Some(json!({
        "vmm": vmm,
        "anteroom": env!("CARGO_PKG_VERSION"),
        "kind": request.kind,
        "vcpus": request.vcpus,
        "memory_mib": request.memory_mib,
        "disk_mib": request.disk_mib,
        "image": request.image.digest,
        // The image's digest tells the kernel; the agent and its loader are in files named by theirs.
        "boot": request.image.boot.iter().map(|file| name(file)).collect::<Vec<_>>(),
        "layers": request.image.layers.iter().map(|layer| name(layer)).collect::<Vec<_>>(),
        "network": network,
        "clipboard": format!("{:?}", request.clipboard),
    })))
}

/// Where a guest is, as its VMM knows it. The addresses of a TAP device are told to each clone.
pub(super) fn network_of(network: &Network, is_on_host_network: bool) -> String {
    match network {
        _ if is_on_host_network => "tap".to_owned(),
        Network::Tap(_) => "tap".to_owned(),
        Network::None => "none".to_owned(),
        Network::User(user) => format!("{user:?}"),
    }
}
