//! `GET /connect/{port}`: the bytes of a port on the guest's loopback, after an upgrade.

use std::time::Duration;

use anteroom_protocol::{
    agent::UPGRADE_TCP,
    ports::{GUEST_HTTP, GUEST_VNC, GUEST_WEBSOCKIFY},
};
use axum::{
    extract::{Path, Request, State},
    http::{
        StatusCode,
        header::{CONNECTION, UPGRADE},
    },
    response::{IntoResponse, Response},
};
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional_with_sizes, net::TcpStream, time::timeout};

use super::{Control, Refusal};

/// What there is to connect to; anything else in the guest is none of the host's business.
const PORTS: [u16; 3] = [GUEST_VNC, GUEST_WEBSOCKIFY, GUEST_HTTP];
/// How long a service may take that is started by the connection.
const WAKE_PATIENCE: Duration = Duration::from_secs(60);
/// A screen's worth of pixels comes in large pieces.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) async fn open(
    State(control): State<Control>,
    Path(port): Path<u16>,
    mut request: Request,
) -> Result<Response, Refusal> {
    if !PORTS.contains(&port) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, format!("port {port} is not one of {PORTS:?}")));
    }
    if request.headers().get(UPGRADE).is_none_or(|value| value != UPGRADE_TCP) {
        return Err(Refusal::new(
            StatusCode::UPGRADE_REQUIRED,
            format!("the header Upgrade: {UPGRADE_TCP} is missing"),
        ));
    }
    if let Ok(supervisor) = control.supervisor() {
        let _ = timeout(WAKE_PATIENCE, supervisor.wake(port)).await;
    }
    let mut target = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| {
        Refusal::new(StatusCode::BAD_GATEWAY, format!("nothing answers on port {port} of the guest: {error}"))
    })?;
    // Key presses and mouse moves are small and urgent; without the option they wait for each other.
    let _ = target.set_nodelay(true);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let mut host = TokioIo::new(upgraded);
                // Either side may hang up at any time; that is how such a connection ends.
                let _ =
                    copy_bidirectional_with_sizes(&mut host, &mut target, BUFFER_BYTES, BUFFER_BYTES).await;
            }
            Err(error) => tracing::warn!("the connection to port {port} was not taken over: {error}"),
        }
    });
    Ok((StatusCode::SWITCHING_PROTOCOLS, [(CONNECTION, "upgrade"), (UPGRADE, UPGRADE_TCP)]).into_response())
}
