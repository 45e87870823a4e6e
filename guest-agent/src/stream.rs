//! The role that shows the desktop over WebRTC: unprivileged, on a Unix socket for PID 1 and on a vsock port for the packets.
//!
//! ```text
//!  X server ──▶ picture (capture, encoder) ──▶ ┌──────┐ ══datagrams, vsock 1026══ host ══UDP, TCP══ viewers
//!  X server ◀── hands (keys, pointer, ...) ◀── │ wire │
//!  init ─────────(offers, statistics)────────▶ └──────┘
//! ```
//! DTLS ends here and in the viewer's browser: the host carries what it cannot read. It is a process of its own, so that a
//! fault in an encoder or a parser of packets costs a viewer a reconnection, and nobody the sign-in.

mod hands;
mod picture;
pub(crate) mod record;
mod wire;

use std::{io, path::Path, process::ExitCode, sync::Arc};

use anteroom_protocol::ports::STREAM_VSOCK;
use tokio::runtime::Builder;

use crate::{
    call::{self, STREAM_SOCKET},
    control::vsock,
    role,
};
use hands::Desk;
use picture::Studio;
use wire::Wire;

#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("{what} cannot be opened")]
    Listen { what: String, source: io::Error },
    #[error("the screen cannot be captured")]
    Picture(#[source] picture::StudioError),
    #[error("keys and pointer cannot be injected")]
    Hands(#[source] hands::DeskError),
    #[error("the screen takes no input any more")]
    NoDesk,
    #[error("nobody answers any more")]
    Serve(#[source] io::Error),
}

/// Runs until the process is ended.
pub(crate) fn run() -> ExitCode {
    role::play(Builder::new_multi_thread().worker_threads(2).enable_all().build(), serve())
}

async fn serve() -> Result<(), StreamError> {
    let listen = |what: &str, source| StreamError::Listen { what: what.to_owned(), source };
    let display = std::env::var("DISPLAY").unwrap_or_else(|_| ":1".to_owned());
    let studio = Studio::open(&display, picture::Options::default()).map_err(StreamError::Picture)?;
    let desk = Desk::open(&display).map_err(StreamError::Hands)?;
    let (wire, packets) = Wire::new(studio, Arc::clone(&desk));
    let pipe = vsock::bind(STREAM_VSOCK).map_err(|error| listen("the vsock port of the packets", error))?;
    let socket = call::listen(Path::new(STREAM_SOCKET)).map_err(|error| listen(STREAM_SOCKET, error))?;
    tracing::info!("listening on vsock port {STREAM_VSOCK} and {STREAM_SOCKET}");
    tokio::select! {
        ended = wire::serve(wire.clone(), socket) => ended.map_err(StreamError::Serve),
        () = wire::carry(wire, pipe, packets) => Ok(()),
        error = without_hands(&desk) => Err(error),
    }
}

/// Whoever supervises this starts it again, for the screen that there is then.
async fn without_hands(desk: &Desk) -> StreamError {
    desk.ended().await;
    StreamError::NoDesk
}
