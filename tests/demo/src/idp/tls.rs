//! The provider behind TLS, so that a CLI which insists on `https://auth.openai.com` can be brought here: either its name
//! resolves to this listener ([`Entrance::Direct`]), or the CLI is told of a proxy that is this listener
//! ([`Entrance::Proxy`]). Neither ever dials out.
//!
//! ```text
//!   TCP ──(Proxy: CONNECT name:443 ──▶ 200)──▶ TLS handshake, leaf by SNI ──▶ HTTP of the provider
//! ```

mod authority;
mod tunnel;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

pub use authority::{CertificateError, ThrowAwayCa};

use crate::idp::{Idp, Log};

/// A peer that has not finished its handshake by then is dropped.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
const MOST_HANDSHAKES: usize = 64;

/// How the peers find this listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// They resolve a hostname of the profile to it and speak TLS at once.
    Direct,
    /// They take it for their HTTP proxy. Only the hostnames of the profile are to be had, and only port 443.
    Proxy,
}

impl Idp {
    /// Serves with certificates of `ca` for the hostnames of the profile, until `shutdown`.
    ///
    /// # Errors
    /// When a hostname cannot stand in a certificate, or the listener is lost.
    pub async fn run_tls(
        self,
        listener: TcpListener,
        ca: &ThrowAwayCa,
        entrance: Entrance,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), TlsError> {
        let door = Arc::new(Door {
            entrance,
            acceptor: TlsAcceptor::from(Arc::new(ca.server_config(&self.profile().hostnames)?)),
            hostnames: self.profile().hostnames.clone(),
            log: self.log().clone(),
        });
        let listener = TlsListener::new(listener, door)?;
        Ok(self.run(listener, shutdown).await?)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the TLS listener is lost")]
    Listener(#[from] io::Error),
}

/// What every incoming connection has to pass.
struct Door {
    entrance: Entrance,
    acceptor: TlsAcceptor,
    hostnames: Vec<String>,
    log: Log,
}

impl Door {
    /// `None` for a peer that did not get through; that is its own business.
    async fn admit(&self, mut peer: TcpStream) -> Option<TlsStream<TcpStream>> {
        let passing = async {
            if self.entrance == Entrance::Proxy {
                tunnel::open(&mut peer, &self.hostnames, &self.log).await.ok()?;
            }
            self.acceptor.accept(peer).await.ok()
        };
        tokio::time::timeout(HANDSHAKE_PATIENCE, passing).await.ok().flatten()
    }
}

type Admitted = (TlsStream<TcpStream>, SocketAddr);

/// Handshakes run beside one another, so that a slow peer delays nobody.
struct TlsListener {
    address: SocketAddr,
    admitted: mpsc::Receiver<Admitted>,
    _accepting: AbortOnDropHandle<()>,
}

impl TlsListener {
    fn new(listener: TcpListener, door: Arc<Door>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, admitted) = mpsc::channel(1);
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept_all(listener, door, sender)));
        Ok(Self { address, admitted, _accepting: accepting })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Admitted {
        match self.admitted.recv().await {
            Some(admitted) => admitted,
            // The accepting task only ends with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept_all(mut listener: TcpListener, door: Arc<Door>, admitted: mpsc::Sender<Admitted>) {
    let mut handshakes = JoinSet::new();
    loop {
        // Of axum's listener, because it knows which errors of accept() to wait out.
        let (peer, address) = axum::serve::Listener::accept(&mut listener).await;
        while handshakes.try_join_next().is_some() {}
        if handshakes.len() >= MOST_HANDSHAKES {
            handshakes.join_next().await;
        }
        let (door, admitted) = (door.clone(), admitted.clone());
        handshakes.spawn(async move {
            if let Some(stream) = door.admit(peer).await {
                // An error means that the listener is gone, and with it the wish for peers.
                let _ = admitted.send((stream, address)).await;
            }
        });
    }
}
