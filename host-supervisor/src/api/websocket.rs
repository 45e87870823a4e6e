//! WebSockets that carry bytes of a guest (RFC 6455): bounded, kept alive, and ended with a reason.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
};
use futures_util::{SinkExt as _, stream::SplitSink};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Largest message of a page, in bytes: a text that is pasted into a desktop is the most.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Most that is on its way to one page inside this process, in bytes.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
/// A page that takes nothing for so long is gone.
const SEND_PATIENCE: Duration = Duration::from_secs(60);
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Keeps proxies from taking a quiet stream for a dead one.
const PING_EVERY: Duration = Duration::from_secs(25);

/// With limits to what a page may send, and to what waits for it.
pub(super) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * CHUNK_BYTES)
}

/// From the guest to the page, which is told why it ends: the guest's end has gone, or the session has ended.
pub(super) async fn tell(
    mut guest: impl AsyncRead + Unpin,
    mut page: SplitSink<WebSocket, Message>,
    over: impl Future<Output = ()>,
    gone: &'static str,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut over = std::pin::pin!(over);
    let end = loop {
        let message = tokio::select! {
            read = guest.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break gone,
                Ok(count) => Message::Binary(Bytes::copy_from_slice(&buffer[..count])),
            },
            () = &mut over => break "the session has ended",
            () = tokio::time::sleep(PING_EVERY) => Message::Ping(Bytes::new()),
        };
        match tokio::time::timeout(SEND_PATIENCE, page.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    };
    let close = Message::Close(Some(CloseFrame { code: close_code::AWAY, reason: end.into() }));
    let _ = tokio::time::timeout(CLOSE_PATIENCE, page.send(close)).await;
}
