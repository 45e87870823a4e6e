//! What can be asked of Firecracker: one enum is the whole interface.

use serde::Serialize;

use super::body::{
    Balloon, BootSource, Drive, EntropyDevice, InstanceActionInfo, MachineConfiguration, NetworkInterface,
    Vsock,
};

/// A request that changes something; all of them are `PUT` and are answered with 204.
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
        }
    }
}
