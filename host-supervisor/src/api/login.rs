//! The page's cookie, for who knows the key; and its end.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Api, body::Strict, error::ApiError, words::Done};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    key: String,
}

pub(super) async fn log_in(
    State(api): State<Arc<Api>>,
    Strict(body): Strict<LogIn>,
) -> Result<Response, ApiError> {
    let cookie = api.access.log_in(body.key.trim()).ok_or_else(|| {
        ApiError::new(StatusCode::UNAUTHORIZED, "wrong_key", "this is not the API key of this daemon")
    })?;
    Ok(([(SET_COOKIE, cookie)], Json(json!({ "success": true }))).into_response())
}

/// Has the browser forget the cookie. Needs none: whoever has lost it wants the same.
pub(super) async fn log_out(State(api): State<Arc<Api>>) -> Response {
    ([(SET_COOKIE, api.access.log_out())], Done::json()).into_response()
}
