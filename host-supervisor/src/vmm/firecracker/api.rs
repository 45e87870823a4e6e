//! The conversation with one Firecracker: HTTP/1.1 over its Unix socket, a fresh connection for each request.

use std::{io, path::Path, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, body::Bytes, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{fault, request::Request};

/// A configuration is answered in a millisecond, the start of a large machine in some ten, or seconds under emulation.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("firecracker cannot be asked {0}")]
    Unreachable(String, #[source] io::Error),
    /// It may have panicked; what it has said on its way out is in its log.
    #[error("firecracker ended instead of answering {0}")]
    NoAnswer(String, #[source] hyper::Error),
    #[error("firecracker does not answer {0} within {seconds} s", seconds = PATIENCE.as_secs())]
    Late(String),
    #[error("firecracker refuses {path}: {words}")]
    Refused { path: String, words: String },
    #[error("firecracker answers {0} with something else")]
    Senseless(String),
}

/// Where it listens, as a path that fits into an address (108 bytes, unix(7)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) socket: &'a Path,
}

impl Api<'_> {
    /// # Errors
    /// With Firecracker's own words when it refuses.
    pub(super) async fn put(self, request: &Request) -> Result<(), ApiError> {
        let path = request.path();
        let body = serde_json::to_vec(request).map_err(|_| ApiError::Senseless(path.clone()))?;
        tokio::time::timeout(PATIENCE, self.call(path.clone(), body.into()))
            .await
            .unwrap_or(Err(ApiError::Late(path)))
    }

    async fn call(self, path: String, body: Bytes) -> Result<(), ApiError> {
        let stream = UnixStream::connect(self.socket)
            .await
            .map_err(|error| ApiError::Unreachable(path.clone(), error))?;
        let lost = |error| ApiError::NoAnswer(path.clone(), error);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let connection = tokio::spawn(connection);
        let answered = async {
            let request = hyper::Request::builder()
                .method(Method::PUT)
                .uri(&path)
                .header(header::HOST, "localhost")
                .header(header::ACCEPT, "application/json")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(body))
                .map_err(|_| ApiError::Senseless(path.clone()))?;
            let answer = sender.send_request(request).await.map_err(lost)?;
            let status = answer.status();
            if status.is_success() {
                return Ok(());
            }
            let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|_| ApiError::Senseless(path.clone()))?.to_bytes();
            Err(ApiError::Refused { path: path.clone(), words: fault::words(&body) })
        }
        .await;
        connection.abort();
        answered
    }
}
