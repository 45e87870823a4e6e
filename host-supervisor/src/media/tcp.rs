//! ICE over TCP (RFC 6544): viewers on networks without UDP connect, and frame their packets (RFC 4571 section 2).
//!
//! A connection must begin with a check that names a guest; until then it is a stranger's and bounded in time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anteroom_protocol::stream::datagram::{MAX_PAYLOAD_BYTES, Remote, Transport};
use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};

use super::{
    flows::SILENCE,
    relay::{Relay, pause_after},
};

const MAX_CONNECTIONS: usize = 256;
/// How long the first packet may take.
const GREETING_PATIENCE: Duration = Duration::from_secs(10);
/// How long a viewer may take nothing.
const SEND_PATIENCE: Duration = Duration::from_secs(10);
/// Packets that wait for a slow viewer: half a second of a good picture. More of them would only be later.
const WAITING_PACKETS: usize = 512;

pub(super) async fn listen(listener: TcpListener, relay: Arc<Relay>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        // When every place is taken the newcomer is hung up on.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let relay = Arc::clone(&relay);
        tokio::spawn(async move {
            serve(stream, from, &relay).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, from: SocketAddr, relay: &Relay) {
    let _ = stream.set_nodelay(true);
    let remote = Remote::new(Transport::Tcp, from);
    let (mut read, write) = stream.into_split();
    let Ok(Some(first)) = timeout(GREETING_PATIENCE, packet(&mut read)).await else { return };
    let (to_viewer, packets) = mpsc::channel(WAITING_PACKETS);
    relay.connect(remote.address, to_viewer);
    if relay.take_from_viewer(remote, &first) {
        tokio::select! {
            () = take(read, remote, relay) => {}
            () = give(write, packets) => {}
        }
    }
    relay.disconnect(remote.address);
}

async fn take(mut viewer: impl AsyncRead + Unpin, remote: Remote, relay: &Relay) {
    while let Ok(Some(packet)) = timeout(SILENCE, packet(&mut viewer)).await {
        if !relay.take_from_viewer(remote, &packet) {
            return;
        }
    }
}

async fn give(mut viewer: impl AsyncWrite + Unpin, mut packets: mpsc::Receiver<Bytes>) {
    let mut framed = BytesMut::new();
    while let Some(packet) = packets.recv().await {
        let Ok(length) = u16::try_from(packet.len()) else { continue };
        framed.clear();
        framed.put_u16(length);
        framed.put_slice(&packet);
        match timeout(SEND_PATIENCE, viewer.write_all(&framed)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// The next packet; `None` at the end, or when it is longer than any may be.
async fn packet(viewer: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = usize::from(viewer.read_u16().await.ok()?);
    if !(1..=MAX_PAYLOAD_BYTES).contains(&length) {
        return None;
    }
    let mut packet = vec![0; length];
    viewer.read_exact(&mut packet).await.ok()?;
    Some(packet)
}
