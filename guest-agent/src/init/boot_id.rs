//! The name of this boot (random(4)), which programs take for the name of a running system: a copy needs another one.
//!
//! The kernel draws it once and has no way to change it, so a file lies over it. A process that mounts a `/proc` of its own
//! in a user namespace, as sandboxes do, may only do so where an uncovered one is to be seen (`mount_too_revealing` in the
//! kernel's fs/namespace.c): there is one, in a directory that only root can look into.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use nix::mount::MsFlags;

use super::mount::{self, MountError, attach};

pub(crate) const FILE: &str = "/proc/sys/kernel/random/boot_id";
/// A random UUID, another at each reading.
const UUID: &str = "/proc/sys/kernel/random/uuid";
/// Where the file is that lies over it, and the uncovered `/proc`.
const HIDDEN: &str = "/run/anteroom-init";
const OURS: &str = "/run/anteroom-init/boot_id";
const UNCOVERED: &str = "/run/anteroom-init/proc";

#[derive(Debug, thiserror::Error)]
pub(super) enum BootIdError {
    #[error("no new name of this boot can be written down")]
    Write(#[source] io::Error),
    #[error(transparent)]
    Mount(#[from] MountError),
}

/// Draws another one.
pub(super) fn renew() -> Result<(), BootIdError> {
    let id = fs::read_to_string(UUID).map_err(BootIdError::Write)?;
    fs::create_dir_all(HIDDEN)
        .and_then(|()| fs::set_permissions(HIDDEN, Permissions::from_mode(0o700)))
        .and_then(|()| fs::write(OURS, id))
        .and_then(|()| fs::set_permissions(OURS, Permissions::from_mode(0o444)))
        .map_err(BootIdError::Write)?;
    if !Path::new(UNCOVERED).join("self").exists() {
        attach("proc", Path::new(UNCOVERED), Some("proc"), mount::PLAIN.union(MsFlags::MS_NODEV), "")?;
        attach(OURS, Path::new(FILE), None, MsFlags::MS_BIND, "")?;
    }
    Ok(())
}
