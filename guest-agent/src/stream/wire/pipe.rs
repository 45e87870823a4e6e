//! The pipe: one connection from the host, on which every viewer's packets travel.
//!
//! A connection that comes takes the place of the one before: the host dials anew only when the old one is dead.

use anteroom_protocol::stream::datagram::Datagram;
use axum::serve::Listener;
use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::{
    Wire,
    board::Board,
    outgoing::Parcel,
    source::{Hands, Pictures},
};

/// How much is read and written at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Carries packets both ways, one connection after the other, for as long as the role lives.
pub(in crate::stream) async fn carry<P: Pictures, H: Hands>(
    wire: Wire<P, H>,
    mut host: impl Listener,
    mut packets: mpsc::Receiver<Parcel>,
) {
    let board = &wire.0.board;
    let mut next = None;
    loop {
        let stream = match next.take() {
            Some(stream) => stream,
            None => tokio::select! {
                (stream, _) = host.accept() => stream,
                // Without a pipe the network is down; what is sent into it is lost.
                packet = packets.recv() => match packet {
                    Some(_) => continue,
                    None => return,
                },
            },
        };
        tokio::select! {
            () = join(stream, board, &mut packets) => {}
            (stream, _) = host.accept() => next = Some(stream),
        }
    }
}

/// Until the connection ends, or breaks the format.
async fn join(stream: impl AsyncRead + AsyncWrite, board: &Board, packets: &mut mpsc::Receiver<Parcel>) {
    let (from_host, to_host) = tokio::io::split(stream);
    tokio::select! {
        () = take(from_host, board) => {}
        () = give(to_host, packets) => {}
    }
}

async fn take(mut host: impl AsyncRead + Unpin, board: &Board) {
    let mut stream = BytesMut::with_capacity(CHUNK_BYTES);
    loop {
        match host.read_buf(&mut stream).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        loop {
            match Datagram::read(&mut stream) {
                Ok(Some(datagram)) => board.deliver(datagram),
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!("the pipe carries something else: {error}");
                    return;
                }
            }
        }
    }
}

async fn give(mut host: impl AsyncWrite + Unpin, packets: &mut mpsc::Receiver<Parcel>) {
    let mut stream = BytesMut::with_capacity(CHUNK_BYTES);
    while let Some(packet) = packets.recv().await {
        let mut packet = Some(packet);
        // What waits goes out in one write: a picture has many packets, and a write costs a wake-up of the host.
        while let Some(waiting) = packet.take() {
            if let Err(error) = waiting.datagram.write(&mut stream) {
                tracing::debug!("a packet is left out: {error}");
            }
            if stream.len() < CHUNK_BYTES {
                packet = packets.try_recv().ok();
            }
        }
        if host.write_all(&stream).await.is_err() || host.flush().await.is_err() {
            return;
        }
        stream.clear();
    }
}
