//! vhost-device-vsock: vsock for a guest without a vsock driver in the host's kernel. One process for each VM.

use std::{path::Path, time::Duration};

use crate::vmm::{
    LaunchError,
    process::{Invocation, Process, socket},
};

/// Between the device and QEMU.
pub(super) const VHOST_SOCKET: &str = "vhost.sock";
/// Between the device and whoever wants to reach the guest.
pub(super) const GUEST_SOCKET: &str = "v.sock";
/// Only this process knows the guest by this number, so all guests can have the same.
const GUEST_CID: &str = "3";

const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the device and waits until QEMU can connect to it. The names are relative to the directory, because a
/// socket's whole path must fit in 108 bytes (unix(7)).
pub(super) async fn start(program: &Path, directory: &Path) -> Result<Process, LaunchError> {
    socket::remove_stale(directory, &[VHOST_SOCKET, GUEST_SOCKET])?;
    let arguments = ["--guest-cid", GUEST_CID, "--socket", VHOST_SOCKET, "--uds-path", GUEST_SOCKET];
    let arguments = arguments.map(Into::into).into();
    let mut process = Process::start(Invocation::of(program, arguments, directory))?;
    // It binds this socket last.
    socket::made_by(&mut process, directory, VHOST_SOCKET, PATIENCE).await?;
    Ok(process)
}
