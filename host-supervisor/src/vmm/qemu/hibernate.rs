//! Hibernation of QEMU, through a pipe ([`guest_stream`]). QEMU's own migration would carry the memory, too, but touches every page
//! of it, there and back, and with that makes each of them take room.

use std::{fs::File, io, os::fd::OwnedFd, path::Path};

use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::json;

use super::{
    control::{self, plug_vsock_again},
    memory::GuestMemory,
    qmp::QmpError,
    suspend,
};
use crate::{
    blocking,
    failure::causes,
    vmm::{SnapshotError, guest_stream},
};

/// Afterwards the machine stands still, or, after an error, may do so.
pub(super) async fn hibernate(
    directory: &Path,
    memory: &GuestMemory,
    into: OwnedFd,
) -> Result<(), SnapshotError> {
    let failed = |error: io::Error| SnapshotError::Vmm(error.to_string());
    let mut state = state_file().map_err(failed)?;
    let given = suspend::give_state(directory, &state).await;
    given.map_err(|error| SnapshotError::Vmm(causes(&error)))?;
    let memory = memory.clone();
    let written = blocking::run(move || guest_stream::write(memory.as_file(), &mut state, into));
    written.await.map_err(failed)
}

/// What comes out of the pipe: the memory into this one, and the state, in memory as well.
///
/// # Errors
/// When it is not what [`hibernate`] writes, for example because it ends early.
pub(super) fn read(from: OwnedFd, memory: &GuestMemory) -> io::Result<File> {
    let mut state = state_file()?;
    guest_stream::read(from, memory.as_file(), &mut state)?;
    Ok(state)
}

/// Lets a machine run that stands still.
pub(super) async fn go_on(directory: &Path, vsock_socket: &str) -> Result<(), QmpError> {
    let mut qemu = control::connect(directory).await?;
    plug_vsock_again(&mut qemu, vsock_socket).await?;
    qemu.execute("cont", json!({})).await.map(drop)
}

fn state_file() -> io::Result<File> {
    Ok(memfd_create("guest-state", MFdFlags::MFD_CLOEXEC)?.into())
}
