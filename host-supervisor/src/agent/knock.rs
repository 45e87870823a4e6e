//! The agent's first sign of life: it connects to the host when its control API listens.
//!
//! ```text
//!  guest: connect to CID 2, port 1025 ──▶ VMM ──▶ v.sock_1025        no bytes; from now on the host may dial
//! ```
//! It knocks as long as nobody follows its events: at its start, and again when the host's daemon is gone.
//! Dialling earlier only costs time with Firecracker, and silences vhost-device-vsock (0.3.0) for good: a connection that
//! comes while QEMU is handing over the guest's queues ends the thread that serves them.

use std::io;

use anteroom_protocol::ports::HOST_KNOCK;
use tokio::net::UnixListener;

use crate::{socket_directory::SocketDirectory, vmm::AgentAddress};

/// Waits for one guest's knock. Its socket is there from its making to the VM's end.
#[derive(Debug)]
pub struct Knock {
    listener: UnixListener,
}

impl Knock {
    /// To be called before the guest is started.
    ///
    /// # Errors
    /// When the socket cannot be made in the VM's directory.
    pub fn listen(address: &AgentAddress) -> io::Result<Self> {
        let directory = SocketDirectory::open(&address.directory)?;
        let listener = UnixListener::bind(directory.short_path(&address.host_socket(HOST_KNOCK)))?;
        Ok(Self { listener })
    }

    /// To be called for a guest whose daemon, which had listened there, is gone.
    ///
    /// # Errors
    /// When the socket cannot be made in the VM's directory.
    pub fn listen_again(address: &AgentAddress) -> io::Result<Self> {
        match std::fs::remove_file(address.directory.join(address.host_socket(HOST_KNOCK))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Self::listen(address),
        }
    }

    /// Returns when the guest has knocked. That it did says nothing about who in the guest it was.
    ///
    /// # Errors
    /// When the process can open no more files.
    pub async fn heard(self) -> io::Result<()> {
        self.listener.accept().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::tests::guest;

    #[tokio::test]
    async fn a_knock_is_heard_in_a_directory_deeper_than_a_sockets_path_can_be() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&directory).unwrap();
        let address = AgentAddress { directory: directory.clone(), socket: "v.sock".to_owned() };
        let knock = Knock::listen(&address).unwrap();
        assert!(directory.join("v.sock_1025").exists());
        tokio::join!(async { knock.heard().await.unwrap() }, guest::knock(&address));
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_an_error() {
        let address = AgentAddress { directory: "/nonexistent".into(), socket: "v.sock".to_owned() };
        assert_eq!(Knock::listen(&address).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
