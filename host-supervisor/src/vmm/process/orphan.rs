//! A process that a daemon has started which is gone. It is nobody's child here, so its end is told, but not its exit code.

use std::{io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::{Interest, unix::AsyncFd};

use super::ProcessId;

/// It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Orphan {
    id: ProcessId,
    /// Readable when the process has ended (pidfd_open(2)).
    pidfd: AsyncFd<OwnedFd>,
    killed: bool,
}

impl Orphan {
    /// # Errors
    /// When it has ended, or its pid is another process's by now.
    pub(super) fn adopt(id: ProcessId) -> io::Result<Self> {
        let pid = Pid::from_raw(id.pid).ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        // Whatever the descriptor stands for cannot change any more; so look now whether it is the right one.
        if !id.is_alive() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has ended"));
        }
        Ok(Self { id, pidfd: watched(pidfd)?, killed: false })
    }

    /// Its exit code, as far as anybody can know.
    ///
    /// # Cancel safety
    /// Can be dropped and called again.
    pub(super) async fn ended(&mut self) -> Option<i32> {
        const SIGKILL: i32 = 9;
        // An error would mean that the runtime ends.
        let _ = self.pidfd.readable().await;
        self.killed.then_some(128 + SIGKILL)
    }

    pub(super) fn kill(&mut self) {
        if self.id.is_alive() {
            self.killed = true;
            self.id.kill();
        }
    }
}

#[expect(unsafe_code, reason = "a descriptor is given to the reactor")]
fn watched(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is open, and an `OwnedFd` stays the same one until it is dropped, which is with the `AsyncFd`.
    let watched = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) };
    Ok(watched?)
}

impl Drop for Orphan {
    fn drop(&mut self) {
        self.id.kill();
    }
}
