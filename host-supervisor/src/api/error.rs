//! The one shape of every error of the API, and the one place that gives errors their HTTP status.
//!
//! ```json
//! {"error": "what is wrong, for people", "code": "stable_word", ...}
//! ```
//! Whose fault it is decides the status: 4xx says what the caller can do about it, 5xx says little and logs the cause.

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::task::JoinHandle;

use crate::{
    agent::AgentError,
    failure::causes,
    media::{OfferError, sdp::SdpError},
    session::{Refusal, StartError},
    store::StoreError,
    vault::VaultError,
    vm::{NoVisit, NotHibernated},
};

#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    more: Map<String, Value>,
    retry_after_s: Option<u64>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: Map::new(), retry_after_s: None }
    }

    pub(super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Nobody, or not somebody who may do this.
    pub(super) fn unauthorized() -> Self {
        let message = "an API key is needed: send `Authorization: Bearer <key>`, or log in on the page";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Not in this state; the same call will not succeed by waiting.
    pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// Not yet; the same call may succeed soon.
    pub(super) fn not_yet(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message).retry_after(1)
    }

    pub(super) fn gone(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, code, message)
    }

    pub(super) fn too_many(code: &'static str, message: impl Into<String>, retry_after_s: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message).retry_after(retry_after_s)
    }

    /// Not now, and not because of the caller.
    pub(super) fn unavailable(code: &'static str, message: impl Into<String>, retry_after_s: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(retry_after_s)
    }

    /// The host's fault. The cause goes to the log, not to the caller.
    pub(super) fn internal(code: &'static str, message: &'static str, cause: &dyn std::error::Error) -> Self {
        tracing::error!(code, cause = causes(cause), "{message}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, message)
    }

    pub(super) fn with(mut self, name: &str, value: impl Serialize) -> Self {
        // A value that cannot be written is left out: the error itself matters more.
        if let Ok(value) = serde_json::to_value(value) {
            self.more.insert(name.to_owned(), value);
        }
        self
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

/// What came of a task that goes on whether its caller waits or not.
pub(super) async fn finished<T>(task: JoinHandle<Result<T, ApiError>>) -> Result<T, ApiError> {
    task.await.map_err(|error| {
        ApiError::internal("internal", "the daemon met a fault of its own; its log says more", &error)
    })?
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("error".to_owned(), self.message.into());
        body.insert("code".to_owned(), self.code.into());
        body.extend(self.more);
        let mut response = (self.status, Json(Value::Object(body))).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal("store_failed", "the daemon's database did not do what it was asked", &error)
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        let (code, message) = match &error {
            VaultError::AnotherKey { .. } => (
                "sealed_with_another_key",
                "the credentials were sealed with a master key that this daemon has not",
            ),
            VaultError::Damaged => ("credentials_damaged", "the sealed credentials cannot be opened"),
            VaultError::NoRandomness(_) => ("no_randomness", "the kernel gives no random numbers"),
        };
        Self::internal(code, message, &error)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        const RETRY_AFTER_S: u64 = 30;
        let message = refusal.to_string();
        match refusal {
            Refusal::Host { most } => Self::too_many("vm_limit", message, RETRY_AFTER_S).with("limit", most),
            Refusal::User { most } => {
                Self::too_many("user_vm_limit", message, RETRY_AFTER_S).with("limit", most)
            }
            Refusal::Memory { .. } => Self::unavailable("no_memory_left", message, RETRY_AFTER_S),
            Refusal::Queue { most } => {
                Self::unavailable("launch_queue_full", message, RETRY_AFTER_S).with("limit", most)
            }
        }
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Full(refusal) => refusal.into(),
            StartError::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", error.to_string()).retry_after(5)
            }
            StartError::NoRandomness(error) => {
                Self::internal("no_randomness", "the kernel gives no random numbers", &error)
            }
            StartError::Store(error) => error.into(),
        }
    }
}

impl From<NoVisit> for ApiError {
    fn from(error: NoVisit) -> Self {
        const RETRY_AFTER_S: u64 = 30;
        let message = error.to_string();
        match error {
            NoVisit::NotYet => Self::not_yet("vm_not_ready", message),
            NoVisit::Gone => Self::gone("vm_gone", message),
            NoVisit::Memory { .. } => Self::unavailable("no_memory_left", message, RETRY_AFTER_S),
        }
    }
}

impl From<NotHibernated> for ApiError {
    fn from(error: NotHibernated) -> Self {
        const RETRY_AFTER_S: u64 = 30;
        let message = error.to_string();
        match error {
            NotHibernated::Unsupported(_) => Self::conflict("hibernation_unsupported", message),
            NotHibernated::InUse => Self::not_yet("vm_in_use", message),
            NotHibernated::NotReady => Self::not_yet("vm_not_ready", message),
            NotHibernated::Gone => Self::gone("vm_gone", message),
            NotHibernated::Failed(failure) if failure.code == "no_memory_left" => {
                Self::unavailable("no_memory_left", message, RETRY_AFTER_S)
            }
            NotHibernated::Failed(failure) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "hibernation_failed", message)
                    .with("failure", failure)
            }
        }
    }
}

impl From<SdpError> for ApiError {
    fn from(error: SdpError) -> Self {
        let status = match error {
            SdpError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, "invalid_offer", error.to_string())
    }
}

impl From<OfferError> for ApiError {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::Off => Self::conflict("webrtc_off", error.to_string()),
            OfferError::Full => Self::too_many("viewer_limit", error.to_string(), 10),
            OfferError::Unknown => Self::not_found("unknown_viewer", error.to_string()),
            OfferError::NoRandomness(error) => {
                Self::internal("no_randomness", "the kernel gives no random numbers", &error)
            }
        }
    }
}

impl From<AgentError> for ApiError {
    fn from(error: AgentError) -> Self {
        match &error {
            // What the agent says to a request that we passed on is meant for who made it.
            AgentError::Refused { status, problem, .. } if status.is_client_error() => {
                Self::bad_request("refused_by_vm", problem.clone())
            }
            AgentError::Late { .. } => {
                tracing::warn!(cause = causes(&error), "the VM is slow");
                Self::new(StatusCode::GATEWAY_TIMEOUT, "vm_slow", "the VM did not answer in time")
                    .retry_after(2)
            }
            _ => {
                tracing::warn!(cause = causes(&error), "the VM does not do what it was asked");
                Self::new(StatusCode::BAD_GATEWAY, "vm_unreachable", "the VM did not do what it was asked")
            }
        }
    }
}
