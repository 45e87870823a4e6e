//! One call: its own connection, a deadline for all of it, an answer of bounded size.

use std::time::Duration;

use anteroom_protocol::{ProtocolVersion, RequestId, TraceParent, agent::Problem, version::HEADER};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE},
};
use hyper_util::rt::TokioIo;
use opentelemetry::trace::SpanKind;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{AgentError, PATIENCE, dial::Dialler, eager::Eager};
use crate::{
    request_id,
    traces::{self, Span},
};

/// How much of an error answer is read, in bytes.
const MAX_PROBLEM_BYTES: usize = 16 * 1024;
/// How much of its text is passed on, in characters.
const MAX_PROBLEM_CHARS: usize = 500;

/// What is asked.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Bytes>,
    pub(super) upgrade: Option<&'static str>,
    /// For whoever takes the connection over, right behind the request.
    pub(super) follows: Bytes,
    pub(super) patience: Duration,
}

impl Call {
    pub(super) fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            body: None,
            upgrade: None,
            follows: Bytes::new(),
            patience: PATIENCE,
        }
    }

    pub(super) fn with(method: Method, path: &str, body: &impl Serialize) -> Result<Self, AgentError> {
        let body =
            serde_json::to_vec(body).map_err(|_| AgentError::Request { what: format!("{method} {path}") })?;
        Ok(Self { method, body: Some(body.into()), ..Self::get(path) })
    }

    /// As part of the trace that this task works for; named by the beginning of the path, because the rest may be anybody's.
    fn span(&self) -> Option<Span> {
        let kind = self.path.split(['/', '?']).nth(1).unwrap_or_default();
        let name = format!("agent {} /{kind}", self.method);
        traces::current().map(|trace| trace.begin_as(SpanKind::Client, name))
    }

    fn request(self, parent: Option<TraceParent>) -> Result<Request<Full<Bytes>>, AgentError> {
        let what = self.path.clone();
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(HOST, "anteroom-agent")
            .header(HEADER, ProtocolVersion::CURRENT.to_string());
        if let Some(id) = request_id::current() {
            request = request.header(RequestId::HEADER, id.as_str());
        }
        if let Some(parent) = parent {
            request = request.header(TraceParent::HEADER, parent.to_string());
        }
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request = match self.upgrade {
            Some(protocol) => request.header(CONNECTION, "upgrade").header(UPGRADE, protocol),
            None => request.header(CONNECTION, "close"),
        };
        request.body(Full::new(self.body.unwrap_or_default())).map_err(|_| AgentError::Request { what })
    }
}

impl Dialler {
    /// The answer as soon as its head is there; an error answer is an error already. The body is not bounded.
    pub(super) async fn open(&self, call: Call) -> Result<Response<Incoming>, AgentError> {
        let (what, patience) = (call.path.clone(), call.patience);
        within(patience, &what, self.start(call)).await
    }

    /// The whole answer, at most `limit` bytes.
    pub(super) async fn answer(&self, call: Call, limit: usize) -> Result<Zeroizing<Vec<u8>>, AgentError> {
        self.answer_with_headers(call, limit).await.map(|(_, bytes)| bytes)
    }

    pub(super) async fn answer_with_headers(
        &self,
        call: Call,
        limit: usize,
    ) -> Result<(HeaderMap, Zeroizing<Vec<u8>>), AgentError> {
        let (what, patience) = (call.path.clone(), call.patience);
        let answered = async {
            let mut answer = self.start(call).await?;
            let headers = std::mem::take(answer.headers_mut());
            Ok((headers, collect(answer, limit, &what).await?))
        };
        within(patience, &what, answered).await
    }

    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call, limit: usize) -> Result<T, AgentError> {
        let what = call.path.clone();
        let bytes = self.answer(call, limit).await?;
        // serde's own message may quote what it has read, which may be a secret.
        serde_json::from_slice(&bytes).map_err(|_| AgentError::Malformed { what })
    }

    /// For calls whose success has no content.
    pub(super) async fn done(&self, call: Call) -> Result<(), AgentError> {
        self.answer(call, MAX_PROBLEM_BYTES).await.map(drop)
    }

    async fn start(&self, call: Call) -> Result<Response<Incoming>, AgentError> {
        let mut span = call.span();
        let answer = self.send(call, span.as_ref().map(|span| span.trace().parent())).await;
        if let (Some(span), Err(error)) = (&mut span, &answer) {
            span.fail(error.word());
        }
        answer
    }

    async fn send(&self, call: Call, parent: Option<TraceParent>) -> Result<Response<Incoming>, AgentError> {
        let (what, follows) = (call.path.clone(), call.follows.clone());
        let request = call.request(parent)?;
        let broken = |source| AgentError::Broken { what: what.clone(), source };
        let stream = self.dial().await.map_err(AgentError::Unreachable)?;
        let stream = TokioIo::new(Eager::new(stream, follows));
        let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
        // Ends with the connection, which ends when the answer has been read or dropped.
        tokio::spawn(connection.with_upgrades());
        let answer = sender.send_request(request).await.map_err(broken)?;
        if answer.status().is_success() || answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer);
        }
        let status = answer.status();
        let problem = collect(answer, MAX_PROBLEM_BYTES, &what).await.unwrap_or_default();
        Err(AgentError::Refused { what, status, problem: problem_text(&problem) })
    }
}

async fn within<T>(
    patience: Duration,
    what: &str,
    call: impl Future<Output = Result<T, AgentError>>,
) -> Result<T, AgentError> {
    tokio::time::timeout(patience, call)
        .await
        .unwrap_or_else(|_| Err(AgentError::Late { what: what.to_owned(), patience }))
}

async fn collect(
    answer: Response<Incoming>,
    limit: usize,
    what: &str,
) -> Result<Zeroizing<Vec<u8>>, AgentError> {
    let mut body = answer.into_body();
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| AgentError::Broken { what: what.to_owned(), source })?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(AgentError::TooLarge { what: what.to_owned() });
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

fn problem_text(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => problem.error,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    text.chars().take(MAX_PROBLEM_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
