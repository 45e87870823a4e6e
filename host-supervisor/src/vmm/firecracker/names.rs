//! Under which names a Firecracker finds its files: the same in the working directory of each, because a snapshot has them
//! written in it, and a clone opens what it finds under them.
//!
//! In a jail the files are there (`confine::Lodging`). Where there is none, links are.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::vmm::{BootFiles, VmSpec};

/// Of a snapshot.
pub(super) const MEMORY: &str = "memory";
pub(super) const STATE: &str = "state";
const AGENT: &str = "agent";
/// The VM's own.
const DISK: &str = "disk";

/// Puts links to the drives in the VM's directory. Says what the VM looks like from there.
pub(super) fn link(spec: &VmSpec) -> io::Result<VmSpec> {
    let named = |file: &Path, name: String| {
        let link = spec.directory.join(&name);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => symlink(std::path::absolute(file)?, link)?,
        }
        Ok(PathBuf::from(name))
    };
    let agent = spec.boot.agent.as_ref().map(|agent| named(agent, AGENT.to_owned())).transpose()?;
    let layers = spec
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| named(layer, format!("layer{index}")))
        .collect::<io::Result<_>>()?;
    let disk = spec.disk.as_ref().map(|disk| named(disk, DISK.to_owned())).transpose()?;
    let boot = BootFiles { agent, ..spec.boot.clone() };
    Ok(VmSpec { boot, layers, disk, ..spec.clone() })
}
