//! The listener: vsock, and only the host.

use std::io;

use anteroom_protocol::ports::{AGENT_VSOCK, HOST_CID};
use axum::serve::Listener;
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener, VsockStream};

/// Accepts the host; whoever else dials is hung up on.
pub(super) struct HostOnly(VsockListener);

pub(super) fn bind() -> io::Result<HostOnly> {
    VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, AGENT_VSOCK)).map(HostOnly)
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
