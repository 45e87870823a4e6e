//! HTTP over a Unix socket: how one role asks another.
//!
//! A fresh connection for each call: they are rare, and a role that was restarted is found again without more ado.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::{UnixListener, UnixStream};

/// Where the oauth role listens.
pub(crate) const OAUTH_SOCKET: &str = "/run/anteroom/oauth.sock";
/// Where the stream role listens.
pub(crate) const STREAM_SOCKET: &str = "/run/anteroom/stream.sock";

/// The largest answer: all files of a capture, in base64, and their names.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// The longest line of a stream.
const MAX_LINE_BYTES: usize = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{0} cannot be reached")]
    Unreachable(PathBuf, #[source] io::Error),
    #[error("the connection to {0} is lost")]
    Lost(PathBuf, #[source] hyper::Error),
    #[error("the answer from {0} is not to be understood")]
    Senseless(PathBuf),
    #[error("{}", clip(.body))]
    Refused { status: StatusCode, body: Bytes },
}

/// Another role's socket.
#[derive(Debug, Clone)]
pub(crate) struct Peer(PathBuf);

impl Peer {
    pub(crate) fn at(socket: impl Into<PathBuf>) -> Self {
        Self(socket.into())
    }

    pub(crate) fn oauth() -> Self {
        Self::at(OAUTH_SOCKET)
    }

    pub(crate) fn stream() -> Self {
        Self::at(STREAM_SOCKET)
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.0
    }

    /// Sends a value, wants no answer but success.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(), CallError> {
        let body = serde_json::to_vec(body).map_err(|_| CallError::Senseless(self.0.clone()))?;
        self.call(method, path, body.into()).await.map(drop)
    }

    /// One call; an answer that is no success is [`CallError::Refused`].
    pub(crate) async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, CallError> {
        let (status, incoming) = self.request(method, path, body).await?;
        let body = Limited::new(incoming, MAX_ANSWER_BYTES).collect().await.map_err(|error| {
            match error.downcast::<hyper::Error>() {
                Ok(error) => CallError::Lost(self.0.clone(), *error),
                Err(other) => {
                    debug_assert!(other.is::<LengthLimitError>());
                    CallError::Senseless(self.0.clone())
                }
            }
        })?;
        let body = body.to_bytes();
        if status.is_success() { Ok(body) } else { Err(CallError::Refused { status, body }) }
    }

    /// Values as they come, one a line, until the other side ends. What cannot be read is left out.
    pub(crate) async fn follow<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = T> + Send + Unpin + use<T>, CallError> {
        let (status, incoming) = self.request(Method::GET, path, Bytes::new()).await?;
        if !status.is_success() {
            return Err(CallError::Refused { status, body: Bytes::new() });
        }
        let mut rest = Vec::new();
        let lines = incoming
            .into_data_stream()
            .take_while(|chunk| std::future::ready(chunk.is_ok()))
            .filter_map(|chunk| std::future::ready(chunk.ok()))
            .flat_map(move |chunk: Bytes| futures_util::stream::iter(take_lines(&mut rest, &chunk)));
        Ok(Box::pin(lines.filter_map(|line| std::future::ready(serde_json::from_slice(&line).ok()))))
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Incoming), CallError> {
        let stream = UnixStream::connect(&self.0)
            .await
            .map_err(|error| CallError::Unreachable(self.0.clone(), error))?;
        let lost = |error| CallError::Lost(self.0.clone(), error);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "anteroom")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|_| CallError::Senseless(self.0.clone()))?;
        let (head, incoming) = sender.send_request(request).await.map_err(lost)?.into_parts();
        Ok((head.status, incoming))
    }
}

/// Opens a role's socket, for this user and root; one that an earlier process has left is replaced.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Cuts complete lines off; what is left waits for more. A line that is too long is dropped as a whole.
fn take_lines(rest: &mut Vec<u8>, chunk: &[u8]) -> Vec<Vec<u8>> {
    rest.extend_from_slice(chunk);
    let mut lines = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = rest.drain(..=end).collect();
        lines.push(line[..end].to_vec());
    }
    if rest.len() > MAX_LINE_BYTES {
        rest.clear();
    }
    lines
}

/// The reason inside an error answer, or the answer itself when it has no such thing.
fn clip(body: &Bytes) -> String {
    let problem = serde_json::from_slice::<anteroom_protocol::agent::Problem>(body);
    let text = problem.map_or_else(|_| String::from_utf8_lossy(body).into_owned(), |problem| problem.error);
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_were_cut() {
        let mut rest = Vec::new();
        assert_eq!(take_lines(&mut rest, b"{\"a\":1}\n{\"b"), [b"{\"a\":1}".to_vec()]);
        assert_eq!(take_lines(&mut rest, b"\":2}\n"), [b"{\"b\":2}".to_vec()]);
        assert_eq!(take_lines(&mut rest, b""), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut rest = Vec::new();
        assert!(take_lines(&mut rest, &vec![b'x'; MAX_LINE_BYTES + 1]).is_empty());
        assert!(rest.is_empty());
    }
}
