//! vhost-device-vsock: vsock for a guest without a vsock driver in the host's kernel. One process for each VM.

use std::{path::Path, time::Duration};

use crate::vmm::{
    LaunchError,
    process::{Invocation, Process},
};

/// Between the device and QEMU.
pub(super) const VHOST_SOCKET: &str = "vhost.sock";
/// Between the device and whoever wants to reach the guest.
pub(super) const GUEST_SOCKET: &str = "v.sock";
/// Only this process knows the guest by this number, so all guests can have the same.
const GUEST_CID: &str = "3";

const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Starts the device and waits until QEMU can connect to it. The names are relative to the directory, because a
/// socket's whole path must fit in 108 bytes (unix(7)).
pub(super) async fn start(program: &Path, directory: &Path) -> Result<Process, LaunchError> {
    for socket in [VHOST_SOCKET, GUEST_SOCKET] {
        // The device does not start where a socket of an earlier one still lies.
        match std::fs::remove_file(directory.join(socket)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(LaunchError::Io { path: directory.join(socket), source });
            }
            _ => {}
        }
    }
    let arguments = ["--guest-cid", GUEST_CID, "--socket", VHOST_SOCKET, "--uds-path", GUEST_SOCKET];
    let arguments = arguments.map(Into::into).into();
    let mut process = Process::start(Invocation { program, arguments, directory })?;
    let appears = async {
        // It binds this socket last.
        while !directory.join(VHOST_SOCKET).exists() {
            if let Some(exit) = process.ended().await {
                let stderr = exit.stderr.join("; ");
                return Err(LaunchError::Died { program: exit.program, code: exit.code, stderr });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    };
    let late = |_| {
        Err(LaunchError::Late {
            program: program.display().to_string(),
            socket: VHOST_SOCKET.to_owned(),
            seconds: PATIENCE.as_secs(),
        })
    };
    tokio::time::timeout(PATIENCE, appears).await.unwrap_or_else(late)?;
    Ok(process)
}
