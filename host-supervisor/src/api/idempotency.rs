//! The header `Idempotency-Key` of calls that start a session (draft-ietf-httpapi-idempotency-key-header): a caller that got no
//! answer asks again with the same key, and gets the session that the first call has started.

use std::sync::Arc;

use anteroom_protocol::SessionId;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, MutexGuard};

use super::{Api, access::Caller, error::ApiError};
use crate::store::StartedRecord;

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::hours(24);
const MAX_BYTES: usize = 255;

/// One start after the other, of those that are made so: whoever asks twice at once is answered twice with one session.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<()>);

/// As a handler's argument: whether and how the call is to be recognised.
#[derive(Debug, Clone)]
pub(super) struct Idempotency(Option<Key>);

#[derive(Debug, Clone)]
struct Key {
    caller: String,
    text: String,
}

/// What a call was before.
#[derive(Debug)]
pub(super) enum Earlier<'a> {
    Started(SessionId),
    /// It is the first, until this is dropped.
    Nothing(Option<MutexGuard<'a, ()>>),
}

impl Idempotency {
    /// `asked` is what the call asks for: the same key must not stand for anything else.
    pub(super) async fn earlier<'a>(&self, api: &'a Api, asked: &[&str]) -> Result<Earlier<'a>, ApiError> {
        let Some(key) = &self.0 else { return Ok(Earlier::Nothing(None)) };
        let turn = api.state.turns.0.lock().await;
        let Some(record) = api.store.started_get(&key.caller, &key.text).await? else {
            return Ok(Earlier::Nothing(Some(turn)));
        };
        if record.fingerprint != fingerprint(asked) {
            let message = "this idempotency key was used for another request";
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", message));
        }
        Ok(Earlier::Started(record.session_id))
    }

    pub(super) async fn remember(
        &self,
        api: &Api,
        asked: &[&str],
        session_id: SessionId,
    ) -> Result<(), ApiError> {
        let Some(Key { caller, text }) = self.0.clone() else { return Ok(()) };
        let created_at = OffsetDateTime::now_utc();
        let fingerprint = fingerprint(asked);
        let record = StartedRecord { caller, key: text, fingerprint, session_id, created_at };
        Ok(api.store.started_insert(&record, created_at - REMEMBERED).await?)
    }
}

/// With lengths, so that no two questions are written alike.
fn fingerprint(asked: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in asked {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FromRequestParts<Arc<Api>> for Idempotency {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let good = |text: &&str| (1..=MAX_BYTES).contains(&text.len());
        let text = value.to_str().ok().filter(good).ok_or_else(|| {
            let message = format!("Idempotency-Key: expected 1 to {MAX_BYTES} characters of ASCII");
            ApiError::bad_request("invalid_idempotency_key", message)
        })?;
        let caller = parts.extensions.get::<Caller>().ok_or_else(ApiError::unauthorized)?;
        Ok(Self(Some(Key { caller: caller.name(), text: text.to_owned() })))
    }
}
