//! The errors of OAuth, as they travel: by redirect (RFC 6749 section 4.1.2.1) or as JSON (section 5.2).

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::secret::NoRandomness;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    AccessDenied,
    /// This and the next two: RFC 8628 section 3.5.
    AuthorizationPending,
    ExpiredToken,
    SlowDown,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    ServerError,
    UnsupportedGrantType,
    UnsupportedResponseType,
}

impl ErrorCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::ExpiredToken => "expired_token",
            Self::SlowDown => "slow_down",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AccessDenied
            | Self::AuthorizationPending
            | Self::ExpiredToken
            | Self::SlowDown
            | Self::InvalidGrant
            | Self::InvalidRequest
            | Self::InvalidScope
            | Self::UnsupportedGrantType
            | Self::UnsupportedResponseType => StatusCode::BAD_REQUEST,
        }
    }
}

/// An error and one sentence about it. The sentence is ours: nothing a client sent is repeated in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OauthError {
    pub(crate) code: ErrorCode,
    pub(crate) description: &'static str,
}

impl OauthError {
    pub(crate) const NO_RANDOMNESS: Self =
        Self { code: ErrorCode::ServerError, description: "this machine has no random numbers" };

    pub(crate) fn body(self) -> Value {
        json!({ "error": self.code.as_str(), "error_description": self.description })
    }

    pub(crate) fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }
}

/// The token endpoint's answer (RFC 6749 section 5.2).
impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        (self.code.status(), [(header::CACHE_CONTROL, "no-store")], Json(self.body())).into_response()
    }
}

impl From<NoRandomness> for OauthError {
    fn from(_: NoRandomness) -> Self {
        Self::NO_RANDOMNESS
    }
}
