//! The root of the desktop: read-only layers, a writable disk, overlayfs over both, and the way into it.
//!
//! ```text
//!  /mnt (tmpfs, seen only until the switch)
//!    layers/0 … n   erofs, lowest first ─┐
//!    disk           ext4, or tmpfs       ├─▶ /mnt/root  overlay ──MS_MOVE──▶ /
//!                                        ┘
//! ```
//! The agent is in no layer: the running program itself is bound over its path in the new root, be it a file of the agent's disk
//! or of another root that the kernel has mounted.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anteroom_protocol::cmdline::KernelCommandLine;
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    unistd::{chdir, chroot},
};

use super::mount::{MountError, attach};
use crate::appear::{self, AppearError};

/// Where everything is put together. It exists on the agent's disk and in every Debian root.
const STAGING: &str = "/mnt";
/// The agent's place in the final root.
const AGENT: &str = "usr/lib/anteroom/anteroom-agent";
/// Block devices are there when their driver is, so this is only ever spent on a device that does not exist.
const DEVICE_PATIENCE: Duration = Duration::from_secs(3);
/// Where the writable disk is mounted in the final root, besides being part of it.
pub(super) const DISK: &str = "/run/anteroom-init/disk";

#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    #[error("the kernel command line names no anteroom.layers: there is nothing to mount as the root")]
    NoLayers,
    #[error(transparent)]
    NoDevice(#[from] AppearError),
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error("{0} cannot be made")]
    NoPath(PathBuf, #[source] io::Error),
    #[error("the root cannot be switched")]
    Switch(#[source] Errno),
}

/// Makes the root and goes into it. `/proc`, `/sys`, `/dev` and `/run` come along.
pub(super) fn assemble(line: &KernelCommandLine) -> Result<(), RootError> {
    if line.layers.is_empty() {
        // A root that the kernel has mounted may be the whole system.
        return if Path::new("/").join(AGENT).exists() { Ok(()) } else { Err(RootError::NoLayers) };
    }
    let staging = Path::new(STAGING);
    attach("tmpfs", staging, Some("tmpfs"), MsFlags::empty(), "mode=0700")?;
    let mut layers = Vec::new();
    for (index, device) in line.layers.iter().enumerate() {
        let target = staging.join("layers").join(index.to_string());
        mount_device(device, &target, "erofs", MsFlags::MS_RDONLY)?;
        layers.push(target);
    }
    let disk = staging.join("disk");
    match &line.disk {
        Some(device) => mount_device(device, &disk, "ext4", MsFlags::MS_NOATIME)?,
        None => attach("tmpfs", &disk, Some("tmpfs"), MsFlags::empty(), "mode=0755,size=50%")?,
    }
    let root = staging.join("root");
    overlay(&layers, &disk, &root)?;
    bring_agent(&root)?;
    switch(&root, &disk)
}

/// Waits for the device, which appears when its driver has found it.
pub(crate) fn mount_device(device: &str, target: &Path, kind: &str, flags: MsFlags) -> Result<(), RootError> {
    appear::wait_blocking(Path::new(device), DEVICE_PATIENCE)?;
    Ok(attach(device, target, Some(kind), flags, "")?)
}

fn overlay(layers: &[PathBuf], disk: &Path, root: &Path) -> Result<(), RootError> {
    let (upper, work) = (disk.join("upper"), disk.join("work"));
    for path in [&upper, &work] {
        fs::create_dir_all(path).map_err(|error| RootError::NoPath(path.clone(), error))?;
    }
    Ok(attach("overlay", root, Some("overlay"), MsFlags::empty(), &overlay_options(layers, &upper, &work))?)
}

/// overlayfs wants the topmost layer first; the command line names the lowest first.
fn overlay_options(layers: &[PathBuf], upper: &Path, work: &Path) -> String {
    let lower: Vec<_> = layers.iter().rev().map(|layer| layer.to_string_lossy()).collect();
    format!("lowerdir={},upperdir={},workdir={}", lower.join(":"), upper.display(), work.display())
}

fn bring_agent(root: &Path) -> Result<(), RootError> {
    let place = root.join(AGENT);
    let made = match place.parent() {
        Some(directory) => fs::create_dir_all(directory),
        None => Ok(()),
    };
    made.and_then(|()| fs::OpenOptions::new().append(true).create(true).open(&place))
        .map_err(|error| RootError::NoPath(place.clone(), error))?;
    Ok(attach("/proc/self/exe", &place, None, MsFlags::MS_BIND, "")?)
}

/// As switch_root(8): pivot_root(2) cannot leave an initramfs.
fn switch(root: &Path, disk: &Path) -> Result<(), RootError> {
    for part in ["/proc", "/sys", "/dev", "/run"] {
        bring_along(part, root)?;
    }
    // Out of everybody's sight, but not of ours: it is made read-only at the end.
    let place = root.join(DISK.trim_start_matches('/'));
    let hidden = place.parent().unwrap_or(root);
    fs::create_dir_all(&place)
        .and_then(|()| fs::set_permissions(hidden, fs::Permissions::from_mode(0o700)))
        .map_err(|error| RootError::NoPath(place.clone(), error))?;
    move_mount(disk, &place)?;
    enter(root)
}

/// What is mounted on `part` is from now on at the same place in the new root.
pub(crate) fn bring_along(part: &str, root: &Path) -> Result<(), RootError> {
    let to = root.join(part.trim_start_matches('/'));
    fs::create_dir_all(&to).map_err(|error| RootError::NoPath(to.clone(), error))?;
    move_mount(Path::new(part), &to)
}

/// What is mounted on `root` becomes `/`.
pub(crate) fn enter(root: &Path) -> Result<(), RootError> {
    chdir(root).map_err(RootError::Switch)?;
    move_mount(Path::new("."), Path::new("/"))?;
    chroot(".").and_then(|()| chdir("/")).map_err(RootError::Switch)
}

fn move_mount(from: &Path, to: &Path) -> Result<(), RootError> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_MOVE, None::<&str>).map_err(RootError::Switch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topmost_layer_comes_first_in_the_overlay() {
        let layers = ["/mnt/layers/0", "/mnt/layers/1"].map(PathBuf::from);
        assert_eq!(
            overlay_options(&layers, Path::new("/d/upper"), Path::new("/d/work")),
            "lowerdir=/mnt/layers/1:/mnt/layers/0,upperdir=/d/upper,workdir=/d/work"
        );
    }
}
