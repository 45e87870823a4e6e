//! Serving HTTP on one socket: each connection a task, each with its limits.
//!
//! ```text
//!  connection ─▶ a seat? ─▶ TLS, if there is any ─▶ requests, one after the other ─▶ perhaps a stream (WebSocket, upgrade)
//!               else closed      10 s                a minute for each one's head          keeps the seat
//! ```
//! `axum::serve` would do but for the limits: with it, whoever sends nothing has a connection for good.

mod connection;
mod seats;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::tls::Tls;
use crate::{api::OverTls, metrics};
use connection::Connection;
use seats::Seat;
pub(super) use seats::Seats;

/// From the connection to keys on both sides.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the head of a request, from the connection or from the answer before on.
const HEAD: Duration = Duration::from_secs(60);
/// For the first word on a new connection when the daemon stops. On a socket that outlives the daemon, whoever comes a moment
/// later is served by the next one, so nobody should be turned away who came a moment earlier.
const FIRST_WORD: Duration = Duration::from_millis(300);
/// Most bytes of a request's head.
const MOST_HEAD: usize = 64 * 1024;
/// After the kernel had no descriptor left for a connection.
const AFTER_FAULT: Duration = Duration::from_millis(200);

/// What a socket serves, and to whom.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) listener: TcpListener,
    pub(super) router: Router,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) seats: Arc<Seats>,
}

impl Server {
    /// Serves until `stop`, and then until every request that has begun, or is on its way, is answered.
    pub(super) async fn run(self, stop: CancellationToken) {
        let Self { listener, router, tls, seats } = self;
        let serving = Serving { http: http(), router: TowerToHyperService::new(router), tls, stop };
        let connections = TaskTracker::new();
        while let Some(accepted) = serving.stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((socket, peer)) => match seats.take(peer.ip()) {
                    Some(seat) => {
                        connections.spawn(serving.clone().serve(socket, peer, seat));
                    }
                    None => metrics::connection_refused(),
                },
                Err(error) => after(&error).await,
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MOST_HEAD);
    http
}

/// That one connection broke before it was accepted is nothing; else there is no descriptor, and there may be one soon.
async fn after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!("no connection can be accepted: {error}");
        tokio::time::sleep(AFTER_FAULT).await;
    }
}

/// What each connection gets.
#[derive(Debug, Clone)]
struct Serving {
    http: http1::Builder,
    router: TowerToHyperService<Router>,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
}

impl Serving {
    async fn serve(self, socket: TcpStream, peer: SocketAddr, seat: Seat) {
        // Answers are written whole; waiting for more of them helps nobody.
        let _ = socket.set_nodelay(true);
        let connection = match &self.tls {
            None => Connection::plain(socket, seat),
            Some(tls) => match timeout(HANDSHAKE, tls.acceptor().accept(socket)).await {
                Ok(Ok(stream)) => Connection::secret(stream, seat),
                Ok(Err(error)) => return tracing::debug!(%peer, "no TLS: {error}"),
                Err(_) => return tracing::debug!(%peer, "no TLS within {} s", HANDSHAKE.as_secs()),
            },
        };
        let (router, over_tls) = (self.router, self.tls.map(|_| OverTls));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            over_tls.map(|over_tls| request.extensions_mut().insert(over_tls));
            router.call(request)
        });
        let spoken = Arc::new(Notify::new());
        let connection = TokioIo::new(connection.telling(&spoken));
        let mut served = pin!(self.http.serve_connection(connection, service).with_upgrades());
        let leave = async {
            self.stop.cancelled().await;
            let _ = timeout(FIRST_WORD, spoken.notified()).await;
        };
        // Whatever breaks a connection, its peer knows.
        tokio::select! {
            _ = &mut served => {}
            () = leave => {
                // Closes a connection on which nothing has been said, or nothing since the last answer.
                served.as_mut().graceful_shutdown();
                let _ = served.await;
            }
        }
    }
}
