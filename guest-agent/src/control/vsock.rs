//! The listener: vsock, and only the host; and the knock that tells the host of it.
//!
//! A guest that is no VM has no vsock: where the directory [`STAND_IN`] exists, which is in no image, each port is a Unix
//! socket in it. The benchmarks start such guests, to measure without emulation.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anteroom_protocol::ports::{HOST_CID, HOST_KNOCK, STAND_IN};
use axum::serve::Listener;
use tokio::{
    net::{UnixListener, UnixStream},
    time::{sleep, timeout},
};
use tokio_util::either::Either;
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener, VsockStream};

/// How long one knock may take, and the pause before the next.
const KNOCK_PATIENCE: Duration = Duration::from_secs(2);
const KNOCK_PAUSE: Duration = Duration::from_millis(100);
/// A host that has not heard that many does not listen: somebody else has started this VM.
const KNOCKS: usize = 50;

/// Accepts the host; whoever else dials is hung up on.
pub(crate) enum HostOnly {
    Vsock(VsockListener),
    StandIn(UnixListener),
}

pub(crate) fn bind(port: u32) -> io::Result<HostOnly> {
    if Path::new(STAND_IN).is_dir() {
        let socket = stand_in(port);
        // Of a role that was restarted.
        let _ = std::fs::remove_file(&socket);
        return UnixListener::bind(socket).map(HostOnly::StandIn);
    }
    VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port)).map(HostOnly::Vsock)
}

fn stand_in(port: u32) -> PathBuf {
    Path::new(STAND_IN).join(port.to_string())
}

/// Tells the host that it may dial. One that is heard is enough.
pub(super) async fn knock() {
    for _ in 0..KNOCKS {
        match timeout(KNOCK_PATIENCE, dial(HOST_KNOCK)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::debug!("the host does not hear: {error}"),
            Err(_) => tracing::debug!("the host does not hear"),
        }
        sleep(KNOCK_PAUSE).await;
    }
    tracing::warn!("no host listens on vsock port {HOST_KNOCK}");
}

async fn dial(port: u32) -> io::Result<()> {
    if Path::new(STAND_IN).is_dir() {
        return UnixStream::connect(stand_in(port)).await.map(drop);
    }
    VsockStream::connect(VsockAddr::new(HOST_CID, port)).await.map(drop)
}

impl Listener for HostOnly {
    type Io = Either<VsockStream, UnixStream>;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, ()) {
        loop {
            // The inner listener sleeps over errors such as too many open files.
            match self {
                Self::Vsock(vsock) => {
                    let (stream, peer) = Listener::accept(vsock).await;
                    if peer.cid() == HOST_CID {
                        return (Either::Left(stream), ());
                    }
                    tracing::warn!("hung up on vsock peer {}", peer.cid());
                }
                Self::StandIn(socket) => return (Either::Right(Listener::accept(socket).await.0), ()),
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}
