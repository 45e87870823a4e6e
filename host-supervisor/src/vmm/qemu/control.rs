//! The way to a QEMU: a socket in its VM's directory, which is bound here and handed to it listening. Nobody is connected but for as
//! long as something is done, and whichever daemon comes next finds it there.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::Path,
    time::{Duration, Instant},
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

/// It is there within milliseconds, on a machine that has nothing else to do.
const NEW_SOCKET: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

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

/// Puts the vsock device into its slot.
pub(super) async fn plug_vsock(qemu: &mut Qmp) -> Result<(), QmpError> {
    let vsock =
        json!({ "driver": VSOCK_DRIVER, "chardev": VSOCK_DEVICE, "id": VSOCK_DEVICE, "bus": VSOCK_SLOT });
    qemu.execute("device_add", vsock).await.map(drop)
}

/// The same for a machine that has had one, which may be there still. The process that is the device has taken its end for that of the
/// guest, and begins anew at the same socket.
pub(super) async fn plug_vsock_again(qemu: &mut Qmp, socket: &str) -> Result<(), QmpError> {
    let devices = qemu.execute("qom-list", json!({ "path": NAMED_DEVICES })).await?;
    let is_vsock = |device: &Value| device["name"] == VSOCK_DEVICE;
    if devices.as_array().is_some_and(|devices| devices.iter().any(is_vsock)) {
        return Ok(());
    }
    // One that another attempt has removed is gone.
    let _ = qemu.execute("chardev-remove", json!({ "id": VSOCK_DEVICE })).await;
    let address = json!({ "type": "unix", "data": { "path": socket } });
    let backend = json!({ "type": "socket", "data": { "addr": address, "server": false } });
    let begin = Instant::now();
    loop {
        let connected = qemu.execute("chardev-add", json!({ "id": VSOCK_DEVICE, "backend": backend })).await;
        match connected {
            Ok(_) => return plug_vsock(qemu).await,
            Err(QmpError::Refused { .. }) if begin.elapsed() < NEW_SOCKET => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Has the guest give the vsock device back: QEMU saves no machine that has it.
pub(super) async fn unplug_vsock(qemu: &mut Qmp) -> Result<(), QmpError> {
    qemu.execute("device_del", json!({ "id": VSOCK_DEVICE })).await?;
    let is_gone = |event: &str, data: &Value| {
        (event == "DEVICE_DELETED" && data["device"] == VSOCK_DEVICE).then_some(())
    };
    qemu.event("the guest's giving vsock back", UNPLUG, is_gone).await
}
