//! The listener: vsock, and only the host; and the knock that tells the host of it.

use std::{io, time::Duration};

use anteroom_protocol::ports::{HOST_CID, HOST_KNOCK};
use axum::serve::Listener;
use tokio::time::{sleep, timeout};
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener, VsockStream};

/// How long one knock may take, and the pause before the next.
const KNOCK_PATIENCE: Duration = Duration::from_secs(2);
const KNOCK_PAUSE: Duration = Duration::from_millis(100);
/// A host that has not heard that many does not listen: somebody else has started this VM.
const KNOCKS: usize = 50;

/// Accepts the host; whoever else dials is hung up on.
pub(crate) struct HostOnly(VsockListener);

pub(crate) fn bind(port: u32) -> io::Result<HostOnly> {
    VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port)).map(HostOnly)
}

/// Tells the host that it may dial. One that is heard is enough.
pub(super) async fn knock() {
    for _ in 0..KNOCKS {
        match timeout(KNOCK_PATIENCE, VsockStream::connect(VsockAddr::new(HOST_CID, HOST_KNOCK))).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => tracing::debug!("the host does not hear: {error}"),
            Err(_) => tracing::debug!("the host does not hear"),
        }
        sleep(KNOCK_PAUSE).await;
    }
    tracing::warn!("no host listens on vsock port {HOST_KNOCK}");
}

impl Listener for HostOnly {
    type Io = VsockStream;
    type Addr = VsockAddr;

    async fn accept(&mut self) -> (VsockStream, VsockAddr) {
        loop {
            // The inner listener sleeps over errors such as too many open files.
            let (stream, peer) = Listener::accept(&mut self.0).await;
            if peer.cid() == HOST_CID {
                return (stream, peer);
            }
            tracing::warn!("hung up on vsock peer {}", peer.cid());
        }
    }

    fn local_addr(&self) -> io::Result<VsockAddr> {
        self.0.local_addr()
    }
}
