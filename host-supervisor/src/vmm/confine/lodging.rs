//! Where a VM lives that runs as a user of its own: a directory of that user's within the VM's, which is root's.
//!
//! ```text
//!  vms/ID/                     root's
//!    v.sock, v.sock_1025       what the host connects to and listens on ┐ hard links: the same sockets under
//!    the lodging/                                                       │ two names
//!      v.sock, v.sock_1025  ◀───────────────────────────────────────────┘
//!      disk                    a hard link
//!      kernel, initrd, agent, layer0… bind mounts, seen by the VM's processes only
//! ```
//! What root reads of a VM by its name (the console's log) lies outside, so that nobody in there can put another file under it.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anteroom_protocol::ports::HOST_KNOCK;

use super::Uid;
use crate::{
    net::{self, Network},
    vmm::{AgentAddress, BootFiles, LaunchError, VmSpec, process::Mounts},
};

#[derive(Debug)]
pub(in crate::vmm) struct Lodging {
    pub(in crate::vmm) uid: Uid,
    /// The VM's.
    pub(in crate::vmm) directory: PathBuf,
    /// As the host sees it.
    pub(in crate::vmm) root: PathBuf,
    /// As the VM's processes see it.
    pub(in crate::vmm) from_inside: &'static str,
    pub(in crate::vmm) guest_socket: &'static str,
}

impl Lodging {
    /// Says what the VM looks like from inside, and what has to be mounted for that.
    pub(in crate::vmm) fn bring_in(&self, spec: &VmSpec) -> io::Result<(VmSpec, Mounts)> {
        let mut mounts = Mounts::default();
        let mut inside = |file: &Path, name: String| -> io::Result<PathBuf> {
            mounts.show(file, self.root.join(&name))?;
            Ok(self.inside(&name))
        };
        let BootFiles { kernel, initrd, agent } = &spec.boot;
        let boot = BootFiles {
            kernel: inside(kernel, "kernel".to_owned())?,
            initrd: initrd.as_ref().map(|initrd| inside(initrd, "initrd".to_owned())).transpose()?,
            agent: agent.as_ref().map(|agent| inside(agent, "agent".to_owned())).transpose()?,
        };
        let layers = spec
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| inside(layer, format!("layer{index}")))
            .collect::<io::Result<_>>()?;
        let disk = spec.disk.as_ref().map(|disk| self.give(disk, "disk")).transpose()?;
        if let Network::Tap(tap) = &spec.network {
            net::host::give_device(&tap.device, self.uid.number())?;
        }
        self.let_the_knock_out()?;
        Ok((VmSpec { boot, layers, disk, ..spec.clone() }, mounts))
    }

    pub(in crate::vmm) fn inside(&self, name: &str) -> PathBuf {
        Path::new(self.from_inside).join(name)
    }

    /// The guest's knock reaches the socket on which the host listens for it now. It is there unless somebody starts a guest
    /// that nobody wants to hear of.
    pub(in crate::vmm) fn let_the_knock_out(&self) -> io::Result<()> {
        let address =
            AgentAddress { directory: self.directory.clone(), socket: self.guest_socket.to_owned() };
        let knock = address.host_socket(HOST_KNOCK);
        gone(fs::remove_file(self.root.join(&knock)))?;
        if self.directory.join(&knock).exists() {
            self.give(&self.directory.join(&knock), &knock)?;
        }
        Ok(())
    }

    /// The same file under a name in here, and its user's.
    fn give(&self, file: &Path, name: &str) -> io::Result<PathBuf> {
        fs::hard_link(file, self.root.join(name))?;
        self.own(file)?;
        Ok(self.inside(name))
    }

    /// Makes it the user's, and nobody else's.
    pub(in crate::vmm) fn own(&self, file: &Path) -> io::Result<()> {
        chown(file, Some(self.uid.number()), Some(self.uid.number()))?;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))
    }

    /// The guest's socket appears in here; from now on it is where a VM's belongs. No guest runs yet that could have put
    /// something else in its place.
    pub(in crate::vmm) fn show_guest_socket(&self) -> Result<(), LaunchError> {
        let path = self.directory.join(self.guest_socket);
        fs::hard_link(self.root.join(self.guest_socket), &path)
            .map_err(|source| LaunchError::Io { path, source })
    }
}

pub(in crate::vmm) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
