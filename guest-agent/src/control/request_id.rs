//! Whose request a call is part of, and which trace: the agent's log says so, and so does the answer.

use anteroom_protocol::{RequestId, TraceParent};
use axum::{extract::Request, http::HeaderValue, middleware::Next, response::Response};
use tracing::{Instrument as _, field};

pub(super) async fn note(request: Request, next: Next) -> Response {
    let said = request.headers().get(RequestId::HEADER).and_then(|value| value.to_str().ok());
    let Some(id) = said.and_then(|text| text.parse::<RequestId>().ok()) else {
        return next.run(request).await;
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id = id.as_str(), trace = field::Empty);
    let parent = request.headers().get(TraceParent::HEADER).and_then(|value| value.to_str().ok());
    if let Some(parent) = parent.and_then(|text| text.parse::<TraceParent>().ok()) {
        span.record("trace", format_args!("{:032x}", parent.trace).to_string());
    }
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| tracing::debug!(%method, path, status = response.status().as_u16(), "call"));
    // Of letters and digits.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(RequestId::HEADER, value);
    }
    response
}
