//! A call that becomes a stream of bytes (RFC 9110, section 7.8).

use axum::{
    extract::Request,
    http::{
        StatusCode,
        header::{CONNECTION, UPGRADE},
    },
    response::{IntoResponse, Response},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use super::Refusal;

/// # Errors
/// When the caller does not ask for that protocol.
pub(super) fn expect(request: &Request, protocol: &str) -> Result<(), Refusal> {
    if request.headers().get(UPGRADE).is_some_and(|value| value == protocol) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, format!("the header Upgrade: {protocol} is missing")))
}

/// The answer; when it is sent, `serve` gets the connection.
pub(super) fn take<F>(
    request: &mut Request,
    protocol: &'static str,
    serve: impl FnOnce(TokioIo<Upgraded>) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send,
{
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
            Err(error) => tracing::warn!("a connection for {protocol} was not taken over: {error}"),
        }
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(CONNECTION, "upgrade"), (UPGRADE, protocol)]).into_response()
}
