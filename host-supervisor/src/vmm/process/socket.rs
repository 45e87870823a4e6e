//! Sockets that a child of ours makes in its working directory: by their appearance it is ready.

use std::{io, path::Path, time::Duration};

use super::{Process, super::LaunchError};

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

/// Waits until the process has made it.
pub(in crate::vmm) async fn made_by(
    process: &mut Process,
    directory: &Path,
    socket: &str,
    patience: Duration,
) -> Result<(), LaunchError> {
    let program = process.name.clone();
    let appears = async {
        while !directory.join(socket).exists() {
            if let Some(exit) = process.ended().await {
                let stderr = exit.stderr.join("; ");
                return Err(LaunchError::Died { program: exit.program, code: exit.code, stderr });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    };
    let late =
        |_| Err(LaunchError::Late { program, socket: socket.to_owned(), seconds: patience.as_secs() });
    tokio::time::timeout(patience, appears).await.unwrap_or_else(late)
}
