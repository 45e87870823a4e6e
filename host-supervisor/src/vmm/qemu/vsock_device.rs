//! vhost-device-vsock: vsock for a guest without a vsock driver in the host's kernel. One process for each VM.

use std::{path::Path, time::Duration};

use crate::vmm::{
    LaunchError,
    confine::{Cell, PLACE},
    process::{Invocation, Mounts, Process, socket},
};

/// Between the device and QEMU.
pub(super) const VHOST_SOCKET: &str = "vhost.sock";
/// Between the device and whoever wants to reach the guest.
pub(super) const GUEST_SOCKET: &str = "v.sock";
/// Only this process knows the guest by this number, so all guests can have the same.
const GUEST_CID: &str = "3";

const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the device, in the VM's cell if it has one, and waits until QEMU can connect to it. The names are relative to the
/// directory, because a socket's whole path must fit in 108 bytes (unix(7)).
pub(super) async fn start(
    program: &Path,
    directory: &Path,
    cell: Option<&Cell>,
) -> Result<Process, LaunchError> {
    socket::remove_stale(directory, &[VHOST_SOCKET, GUEST_SOCKET])?;
    let [vhost, guest] = [VHOST_SOCKET, GUEST_SOCKET].map(|socket| place_of(socket, cell));
    let arguments = ["--guest-cid", GUEST_CID, "--socket", &vhost, "--uds-path", &guest];
    let arguments = arguments.map(Into::into).into();
    // It may be installed where only root can go.
    let mut mounts = Mounts::default();
    let shown = cell.map(|cell| cell.show(program, &mut mounts)).transpose()?;
    let program = shown.as_deref().unwrap_or(program);
    let identity = cell.map(Cell::identity).transpose()?;
    let mut process =
        Process::start(Invocation { mounts, identity, ..Invocation::of(program, arguments, directory) })?;
    // It binds this socket last.
    socket::made_by(&mut process, directory, &vhost, PATIENCE).await?;
    if let Some(cell) = cell {
        cell.show_guest_socket()?;
    }
    Ok(process)
}

/// Where a socket is that the device or QEMU makes.
pub(super) fn place_of(socket: &str, cell: Option<&Cell>) -> String {
    cell.map_or_else(|| socket.to_owned(), |_| format!("{PLACE}/{socket}"))
}
