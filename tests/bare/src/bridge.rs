//! In place of a VMM's vsock: the host's socket with its `CONNECT` handshake on one side, a Unix socket for each port on the other.

use std::{io, path::PathBuf, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

/// The longest that a host says before it is connected: `CONNECT 4294967295\n`.
const MAX_ORDER_BYTES: usize = 32;
/// Carried at once: what a packet of vsock has at most (`VIRTIO_VSOCK_MAX_PKT_BUF_SIZE` of Linux).
const CHUNK_BYTES: usize = 64 * 1024;

/// Joins whoever connects with the port that it asks for, until it is aborted. `ports` is the directory of the guest's sockets.
pub(crate) async fn serve(host: UnixListener, ports: Arc<PathBuf>) {
    while let Ok((stream, _)) = host.accept().await {
        let ports = Arc::clone(&ports);
        tokio::spawn(async move {
            if let Err(error) = join(stream, &ports).await {
                tracing::debug!("a connection to the guest: {error}");
            }
        });
    }
}

async fn join(mut host: UnixStream, ports: &std::path::Path) -> io::Result<()> {
    let port = asked_for(&mut host).await?;
    let mut guest = UnixStream::connect(ports.join(port.to_string())).await?;
    host.write_all(b"OK 1\n").await?;
    let carried =
        tokio::io::copy_bidirectional_with_sizes(&mut host, &mut guest, CHUNK_BYTES, CHUNK_BYTES).await;
    carried.map(drop)
}

async fn asked_for(host: &mut UnixStream) -> io::Result<u32> {
    let mut order = Vec::new();
    // Byte by byte: what follows is the guest's.
    while order.len() < MAX_ORDER_BYTES {
        match host.read_u8().await? {
            b'\n' => break,
            byte => order.push(byte),
        }
    }
    let port =
        std::str::from_utf8(&order).ok().and_then(|order| order.strip_prefix("CONNECT ")?.parse().ok());
    port.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no CONNECT"))
}
