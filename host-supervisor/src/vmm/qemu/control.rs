//! The way to a QEMU: a socket in its VM's directory, which is bound here and handed to it listening. Nobody is connected but for as
//! long as something is done, and whichever daemon comes next finds it there.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::{
    argv::{VSOCK_DEVICE, VSOCK_DRIVER, VSOCK_SLOT},
    qmp::{Qmp, QmpError},
};
use crate::socket_directory::SocketDirectory;

const SOCKET: &str = "control.sock";
/// Where devices stand that have a name (QEMU's object model).
const NAMED_DEVICES: &str = "/machine/peripheral";

/// The guest has a say in giving a device back (measured: 60 ms under TCG).
const UNPLUG: Duration = Duration::from_secs(10);

/// For QEMU to inherit.
pub(super) fn bind(directory: &Path) -> io::Result<OwnedFd> {
    match fs::remove_file(directory.join(SOCKET)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let place = SocketDirectory::open(directory)?;
    UnixListener::bind(place.short_path(SOCKET)).map(Into::into)
}

/// Waits until the QEMU in this directory takes commands.
pub(super) async fn connect(directory: &Path) -> Result<Qmp, QmpError> {
    let stream = {
        let place = SocketDirectory::open(directory)?;
        UnixStream::connect(place.short_path(SOCKET)).await?
    };
    let mut qemu = Qmp::open(stream).await?;
    let on = |capability| json!({ "capability": capability, "state": true });
    let capabilities = json!({ "capabilities": [on("x-ignore-shared"), on("events")] });
    qemu.execute("migrate-set-capabilities", capabilities).await?;
    Ok(qemu)
}

/// Puts the vsock device into its slot, where it is not there.
pub(super) async fn plug_vsock(qemu: &mut Qmp) -> Result<(), QmpError> {
    let devices = qemu.execute("qom-list", json!({ "path": NAMED_DEVICES })).await?;
    let is_vsock = |device: &Value| device["name"] == VSOCK_DEVICE;
    if devices.as_array().is_some_and(|devices| devices.iter().any(is_vsock)) {
        return Ok(());
    }
    let vsock =
        json!({ "driver": VSOCK_DRIVER, "chardev": VSOCK_DEVICE, "id": VSOCK_DEVICE, "bus": VSOCK_SLOT });
    qemu.execute("device_add", vsock).await.map(drop)
}

/// Has the guest give the vsock device back: QEMU saves no machine that has it.
pub(super) async fn unplug_vsock(qemu: &mut Qmp) -> Result<(), QmpError> {
    qemu.execute("device_del", json!({ "id": VSOCK_DEVICE })).await?;
    let is_gone = |event: &str, data: &Value| {
        (event == "DEVICE_DELETED" && data["device"] == VSOCK_DEVICE).then_some(())
    };
    qemu.event("the guest's giving vsock back", UNPLUG, is_gone).await
}
