//! Reaching a vsock port of the guest through the Unix socket that the VMM offers for it.
//!
//! ```text
//!  host: connect, "CONNECT 1024\n"   ──▶
//!                                    ◀──   "OK <port>\n"      then both ways the bytes of the connection
//!                                    ◀──   end of file        nothing listens there (yet)
//! ```
//! Nothing may be sent before the OK has come, and the CONNECT line must go out in one write: the bytes behind it would
//! be lost, a split line breaks the connection.

use std::io;

use anteroom_protocol::ports::AGENT_VSOCK;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use crate::{socket_directory::SocketDirectory, vmm::AgentAddress};

/// `OK 4294967295\n` has 14 bytes.
const MAX_ANSWER_BYTES: usize = 32;

#[derive(Debug)]
pub(super) struct Dialler {
    directory: SocketDirectory,
    socket: String,
}

impl Dialler {
    pub(super) fn new(address: &AgentAddress) -> io::Result<Self> {
        Ok(Self { directory: SocketDirectory::open(&address.directory)?, socket: address.socket.clone() })
    }

    /// A connection to the agent's port; not bounded in time.
    pub(super) async fn dial(&self) -> io::Result<UnixStream> {
        self.dial_port(AGENT_VSOCK).await
    }

    /// A connection to any port of the guest; not bounded in time.
    pub(super) async fn dial_port(&self, port: u32) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(self.directory.short_path(&self.socket)).await?;
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
}

fn unexpected(answer: &[u8]) -> io::Error {
    let shown = String::from_utf8_lossy(answer).trim_end().escape_debug().to_string();
    io::Error::new(io::ErrorKind::InvalidData, format!("expected OK, got {shown:?}"))
}
