//! The conversation with one Firecracker: HTTP/1.1 over its Unix socket, a fresh connection for each request.

use std::{io, path::Path};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Bytes, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{fault, request::Request};

/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("firecracker cannot be asked {0}")]
    Unreachable(String, #[source] io::Error),
    /// It may have panicked; what it has said on its way out is in its log.
    #[error("firecracker ended instead of answering {0}")]
    NoAnswer(String, #[source] hyper::Error),
    #[error("firecracker does not answer {path} within {seconds} s")]
    Late { path: String, seconds: u64 },
    #[error("firecracker refuses {path}: {words}")]
    Refused { path: String, words: String },
    #[error("firecracker answers {0} with something else")]
    Senseless(String),
}

impl ApiError {
    /// Whether Firecracker has answered: else it may not be there any more.
    pub(super) fn is_answer(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Unreachable(..) | Self::NoAnswer(..) | Self::Late { .. } | Self::Senseless(_) => false,
        }
    }
}

/// Where it listens, as a path that fits into an address (108 bytes, unix(7)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) socket: &'a Path,
}

impl Api<'_> {
    /// # Errors
    /// With Firecracker's own words when it refuses.
    pub(super) async fn ask(self, request: &Request) -> Result<(), ApiError> {
        let (path, patience) = (request.path(), request.patience());
        tokio::time::timeout(patience, self.call(request, path.clone()))
            .await
            .unwrap_or(Err(ApiError::Late { path, seconds: patience.as_secs() }))
    }

    async fn call(self, request: &Request, path: String) -> Result<(), ApiError> {
        let body = serde_json::to_vec(request).map_err(|_| ApiError::Senseless(path.clone()))?;
        let stream = UnixStream::connect(self.socket)
            .await
            .map_err(|error| ApiError::Unreachable(path.clone(), error))?;
        let lost = |error| ApiError::NoAnswer(path.clone(), error);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let connection = tokio::spawn(connection);
        let answered = async {
            let request = hyper::Request::builder()
                .method(request.method())
                .uri(&path)
                .header(header::HOST, "localhost")
                .header(header::ACCEPT, "application/json")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(body)))
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
