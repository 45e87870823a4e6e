//! Sockets that a child of ours makes in its working directory: by their appearance it is ready.

use std::{io, os::unix::net::UnixStream, path::Path, time::Duration};

use super::{
    super::{LaunchError, VmExit},
    Process,
};
use crate::socket_directory::SocketDirectory;

/// None of the programs that do this tells when it is done, and all are done within milliseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Removes those that an earlier process has left: neither Firecracker nor vhost-device-vsock starts where one lies.
pub(in crate::vmm) fn remove_stale(directory: &Path, sockets: &[&str]) -> Result<(), LaunchError> {
    for path in sockets.iter().map(|socket| directory.join(socket)) {
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(LaunchError::Io { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Waits until the process has made it. For one that takes a single connection, which must not be used up by trying.
pub(in crate::vmm) async fn made_by(
    process: &mut Process,
    directory: &Path,
    socket: &str,
    patience: Duration,
) -> Result<(), LaunchError> {
    wait(process, socket, patience, || directory.join(socket).exists()).await
}

/// Waits until the process accepts connections there; between bind(2) and listen(2) a socket is there and refuses.
pub(in crate::vmm) async fn accepted_by(
    process: &mut Process,
    directory: &Path,
    socket: &str,
    patience: Duration,
) -> Result<(), LaunchError> {
    let place = SocketDirectory::open(directory)
        .map_err(|source| LaunchError::Io { path: directory.to_owned(), source })?;
    wait(process, socket, patience, || UnixStream::connect(place.short_path(socket)).is_ok()).await
}

async fn wait(
    process: &mut Process,
    socket: &str,
    patience: Duration,
    is_there: impl Fn() -> bool,
) -> Result<(), LaunchError> {
    let program = process.name.clone();
    let appears = async {
        while !is_there() {
            if let Some(exit) = process.ended().await {
                // There was no guest yet, whatever the code.
                return Err(LaunchError::Died {
                    exit: VmExit { by_guest: false, ..exit },
                    console: Vec::new(),
                });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    };
    let late = |_| LaunchError::Late { program, socket: socket.to_owned(), seconds: patience.as_secs() };
    tokio::time::timeout(patience, appears).await.map_err(late)?
}
