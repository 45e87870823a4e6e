//! Strict reading of what callers send: whole, bounded, with every field known. A refusal says what would be right.

use anteroom_protocol::{SessionId, VmId};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE, request::Parts},
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;

use super::error::ApiError;
use crate::store::PromptId;

/// Largest request body, in bytes; an SDP offer is the largest thing that anybody has to send.
pub(super) const MAX_BODY_BYTES: usize = 128 * 1024;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Strict<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Strict<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        require_json(request.headers())?;
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| refusal(&error))
    }
}

/// Browsers send forms and plain text to any site unasked, JSON only after asking (Fetch, CORS preflight).
fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        "the body must be JSON: send `Content-Type: application/json`",
    ))
}

fn unread(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the body is larger than this call takes; most take {MAX_BODY_BYTES} bytes");
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message);
    }
    ApiError::bad_request("body_unread", "the body ended before it was complete")
}

fn refusal(error: &serde_json::Error) -> ApiError {
    match error.classify() {
        Category::Data => ApiError::bad_request("invalid_body", error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => {
            ApiError::bad_request("malformed_json", format!("the body is not valid JSON: {error}"))
        }
    }
}

/// The query of the address.
#[derive(Debug)]
pub(super) struct InQuery<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for InQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|rejection| ApiError::bad_request("invalid_query", rejection.body_text()))
    }
}

/// Names a person to the application that uses Anteroom; Anteroom only compares it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(super) struct UserId(#[schemars(length(min = 1, max = 128), regex(pattern = USER_ID))] String);

/// The same as [`UserId::try_from`], for those who read the description (ECMA-262).
pub(super) const USER_ID: &str = r"^[^\u0000-\u001f\u007f-\u009f]*\S[^\u0000-\u001f\u007f-\u009f]*$";

impl UserId {
    const MAX_CHARS: usize = 128;

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let good = !text.trim().is_empty()
            && text.chars().count() <= Self::MAX_CHARS
            && !text.chars().any(char::is_control);
        if good {
            Ok(Self(text))
        } else {
            Err(format!("a user id has 1 to {} characters, none of them control characters", Self::MAX_CHARS))
        }
    }
}

/// The session in the path. An id that is none names no session, so it is answered as one that does not exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct InPath<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for InPath<SessionId> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = path_text(parts, state).await?;
        text.parse().map(Self).map_err(|_| unknown_session())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for InPath<VmId> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = path_text(parts, state).await?;
        text.parse().map(Self).map_err(|_| unknown_vm())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for InPath<PromptId> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = path_text(parts, state).await?;
        text.parse().map(Self).map_err(|_| unknown_prompt())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for InPath<UserId> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        user_id(path_text(parts, state).await?).map(Self)
    }
}

/// The first parameter of the path: all that most have.
async fn path_text<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::bad_request("invalid_path", "the path is not valid UTF-8"))?;
    Ok(params.iter().next().map(|(_, text)| text.to_owned()).unwrap_or_default())
}

pub(super) fn user_id(text: String) -> Result<UserId, ApiError> {
    UserId::try_from(text).map_err(|message| ApiError::bad_request("invalid_user_id", message))
}

pub(super) fn unknown_session() -> ApiError {
    ApiError::not_found("unknown_session", "there is no such session")
}

pub(super) fn unknown_prompt() -> ApiError {
    ApiError::not_found("unknown_prompt", "there is no such prompt")
}

pub(super) fn unknown_vm() -> ApiError {
    ApiError::not_found("unknown_vm", "there is no such VM")
}
