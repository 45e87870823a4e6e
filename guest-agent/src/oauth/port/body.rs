//! A request's body as the JSON that a call expects, whatever its `Content-Type` says. What is not that is answered with
//! 400, without a word of it: a body can hold an address with a code.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;

use crate::control::Refusal;

pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            Refusal::new(rejection.status(), "the body is too long, or did not come whole")
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let what = if error.is_data() { "is not what this call expects" } else { "is no JSON" };
            Refusal::bad(format!("the body {what}: line {}, column {}", error.line(), error.column()))
        })
    }
}
