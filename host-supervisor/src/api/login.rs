//! The page's cookie, for who knows the key.

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

use super::{Api, body::Strict, error::ApiError};

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
