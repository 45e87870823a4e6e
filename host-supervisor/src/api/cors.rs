//! What browsers are told about pages elsewhere (Fetch, section 3.3): those that the operator has listed may call, with a key or a
//! token and without cookies. A layer of a library's would answer every `OPTIONS` itself, and players of WHEP ask with that, too.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
            VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::ApiSettings;
use crate::live::Live;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE");
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, last-event-id, x-api-key, x-request-id, x-user-id",
);
const TOLD: HeaderValue = HeaderValue::from_static(
    "etag, link, location, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id",
);
/// How long a browser need not ask again, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("3600");

pub(super) async fn tell(
    State(settings): State<Arc<Live<ApiSettings>>>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let listed = |origin: &HeaderValue| {
        settings.now().cors_origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
    };
    let Some(origin) = origin.filter(listed) else { return next.run(request).await };
    let asks = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS && asks {
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
        headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        allow(headers, origin);
        return response;
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, TOLD);
    allow(response.headers_mut(), origin);
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
}
