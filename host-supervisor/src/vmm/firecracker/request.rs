//! What can be asked of Firecracker: one enum is the whole interface.

use std::time::Duration;

use hyper::Method;
use serde::Serialize;

use super::body::{
    Balloon, BootSource, Drive, EntropyDevice, InstanceActionInfo, MachineConfiguration, NetworkInterface,
    SnapshotCreateParams, SnapshotLoadParams, Vm, Vsock,
};

/// A configuration is answered in a millisecond, the start of a large machine in some ten, or seconds under emulation.
const PATIENCE: Duration = Duration::from_secs(20);
/// All of a guest's memory has to reach the disk, of which a VM may have a small share.
const WRITING: Duration = Duration::from_secs(600);

/// A request that changes something; all of them are answered with 204.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Request {
    MachineConfig(MachineConfiguration),
    BootSource(BootSource),
    Drive(Drive),
    NetworkInterface(NetworkInterface),
    Vsock(Vsock),
    Entropy(EntropyDevice),
    Balloon(Balloon),
    Action(InstanceActionInfo),
    Vm(Vm),
    CreateSnapshot(SnapshotCreateParams),
    LoadSnapshot(SnapshotLoadParams),
}

impl Request {
    pub(super) fn path(&self) -> String {
        match self {
            Self::MachineConfig(_) => "/machine-config".to_owned(),
            Self::BootSource(_) => "/boot-source".to_owned(),
            Self::Drive(drive) => format!("/drives/{}", drive.drive_id.as_str()),
            Self::NetworkInterface(interface) => {
                format!("/network-interfaces/{}", interface.iface_id.as_str())
            }
            Self::Vsock(_) => "/vsock".to_owned(),
            Self::Entropy(_) => "/entropy".to_owned(),
            Self::Balloon(_) => "/balloon".to_owned(),
            Self::Action(_) => "/actions".to_owned(),
            Self::Vm(_) => "/vm".to_owned(),
            Self::CreateSnapshot(_) => "/snapshot/create".to_owned(),
            Self::LoadSnapshot(_) => "/snapshot/load".to_owned(),
        }
    }

    /// `PUT` makes or replaces; `PATCH` changes a part of what is.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Vm(_) => Method::PATCH,
            _ => Method::PUT,
        }
    }

    /// How long an answer may take.
    pub(super) fn patience(&self) -> Duration {
        match self {
            Self::CreateSnapshot(_) => WRITING,
            _ => PATIENCE,
        }
    }
}
