//! Reaching a vsock port of the guest through the Unix socket that the VMM offers for it.
//!
//! ```text
//!  host: connect, "CONNECT 1024\n"   ──▶
//!                                    ◀──   "OK <port>\n"      then both ways the bytes of the connection
//!                                    ◀──   end of file        nothing listens there (yet)
//! ```
//! Nothing may be sent before the OK has come, and the CONNECT line must go out in one write: the bytes behind it would
//! be lost, a split line breaks the connection. Nor may the host hang up before the OK: vhost-device-vsock (0.3.0) dies of
//! writing it to nobody, and with it every other connection of that guest. So a handshake is brought to its end whatever
//! becomes of who wanted it, and a daemon that hands its VMs over waits for those that are under way ([`hold_still`]).

use std::{io, sync::Arc};

use anteroom_protocol::ports::AGENT_VSOCK;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::{RwLock, RwLockWriteGuard},
};

use crate::{socket_directory::SocketDirectory, vmm::AgentAddress};

/// `OK 4294967295\n` has 14 bytes.
const MAX_ANSWER_BYTES: usize = 32;

/// Read by every handshake of this process as long as it is under way.
static HANDSHAKES: RwLock<()> = RwLock::const_new(());

/// Waits for the handshakes that are under way; no other begins as long as the guard lives.
pub async fn hold_still() -> RwLockWriteGuard<'static, ()> {
    HANDSHAKES.write().await
}

#[derive(Debug)]
pub(super) struct Dialler {
    directory: Arc<SocketDirectory>,
    socket: String,
}

impl Dialler {
    pub(super) fn new(address: &AgentAddress) -> io::Result<Self> {
        Ok(Self {
            directory: Arc::new(SocketDirectory::open(&address.directory)?),
            socket: address.socket.clone(),
        })
    }

    /// A connection to the agent's port; not bounded in time.
    pub(super) async fn dial(&self) -> io::Result<UnixStream> {
        self.dial_port(AGENT_VSOCK).await
    }

    /// A connection to any port of the guest; not bounded in time.
    pub(super) async fn dial_port(&self, port: u32) -> io::Result<UnixStream> {
        let (directory, socket) = (Arc::clone(&self.directory), self.socket.clone());
        // Its own task, because whoever waits may give up.
        tokio::spawn(async move { handshake(&directory, &socket, port).await })
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

async fn handshake(directory: &SocketDirectory, socket: &str, port: u32) -> io::Result<UnixStream> {
    let _under_way = HANDSHAKES.read().await;
    let mut stream = UnixStream::connect(directory.short_path(socket)).await?;
    stream.write_all(format!("CONNECT {port}\n").as_bytes()).await?;
    let mut answer = Vec::with_capacity(MAX_ANSWER_BYTES);
    loop {
        // Byte by byte, because what follows the line belongs to the connection.
        answer.push(stream.read_u8().await?);
        match answer.last() {
            Some(b'\n') => break,
            _ if answer.len() == MAX_ANSWER_BYTES => return Err(unexpected(&answer)),
            _ => {}
        }
    }
    if answer.starts_with(b"OK ") { Ok(stream) } else { Err(unexpected(&answer)) }
}

fn unexpected(answer: &[u8]) -> io::Error {
    let shown = String::from_utf8_lossy(answer).trim_end().escape_debug().to_string();
    io::Error::new(io::ErrorKind::InvalidData, format!("expected OK, got {shown:?}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{net::UnixListener, time::timeout};

    use super::*;

    #[tokio::test]
    async fn a_handshake_is_brought_to_its_end_although_nobody_waits_for_it_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let address = AgentAddress { directory: directory.path().to_owned(), socket: "v.sock".to_owned() };
        let vmm = UnixListener::bind(directory.path().join(&address.socket)).unwrap();
        let dialler = Dialler::new(&address).unwrap();
        let given_up = timeout(Duration::from_millis(20), dialler.dial()).await;
        assert!(given_up.is_err());

        let (mut guest, _) = vmm.accept().await.unwrap();
        let mut asked = [0; 13];
        guest.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"CONNECT 1024\n");
        let more = timeout(Duration::from_millis(50), guest.read_u8()).await;
        assert!(more.is_err(), "the host has hung up before the OK: {more:?}");
        let still = timeout(Duration::from_millis(50), hold_still()).await;
        assert!(still.is_err(), "a handshake is under way");

        guest.write_all(b"OK 1\n").await.unwrap();
        let still = timeout(Duration::from_secs(5), hold_still()).await;
        assert!(still.is_ok(), "it has ended");
    }
}
