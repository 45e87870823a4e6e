//! The listener: vsock, and only the host; and the knock that tells the host of it.
//!
//! A guest that is no VM has no vsock: where the directory [`STAND_IN`] exists, which is in no image, each port is a Unix
//! socket in it. The benchmarks start such guests, to measure without emulation.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
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

use crate::journal::Journal;

/// How long one knock may take.
const KNOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Between knocks that are not heard: short for a host that is about to listen, long when it may take its time.
const SHORT_PAUSE: Duration = Duration::from_millis(100);
const LONG_PAUSE: Duration = Duration::from_secs(1);
const SHORT_PAUSES: usize = 50;
/// How long a host that has heard the knock may take until it follows the events.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

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

/// Tells the host that it may dial, whenever no host follows the journal: at the boot, and when another daemon has to take
/// over from one that has died.
pub(super) async fn knock(journal: Arc<Journal>) {
    let mut unheard = 0;
    loop {
        journal.unfollowed().await;
        match timeout(KNOCK_PATIENCE, dial(HOST_KNOCK)).await {
            Ok(Ok(())) => {
                unheard = 0;
                // An error means that the host has not come.
                let _ = timeout(ANSWER_PATIENCE, journal.followed()).await;
                continue;
            }
            Ok(Err(error)) => tracing::debug!("the host does not hear: {error}"),
            Err(_) => tracing::debug!("the host does not hear"),
        }
        unheard += 1;
        if unheard == SHORT_PAUSES {
            tracing::warn!("no host listens on vsock port {HOST_KNOCK}");
        }
        sleep(if unheard < SHORT_PAUSES { SHORT_PAUSE } else { LONG_PAUSE }).await;
    }
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
