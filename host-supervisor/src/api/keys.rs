//! Keys that call the API, for operators: another one, which there are, and the end of one.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Api,
    access::MakeKeyError,
    body::{Strict, USER_ID},
    error::ApiError,
    words::{TimeText, time_text},
};
use crate::store::{ApiKeyId, ApiKeyRecord, Scope, Scopes};

const MOST_NAME_CHARS: usize = 100;
const LONGEST_LIFE_S: i64 = 10 * 365 * 24 * 3600;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewApiKey")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct New {
    #[schemars(length(min = 1, max = 100), regex(pattern = USER_ID))]
    name: String,
    #[schemars(length(min = 1))]
    scopes: Vec<Scope>,
    /// In seconds; without it the key counts until it is revoked.
    #[schemars(range(min = 1, max = 315_360_000))]
    expires_in: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
#[serde(rename_all = "camelCase")]
struct Words {
    id: ApiKeyId,
    name: String,
    scopes: Scopes,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    created_at: OffsetDateTime,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize")]
    expires_at: Option<OffsetDateTime>,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize")]
    revoked_at: Option<OffsetDateTime>,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize")]
    last_used_at: Option<OffsetDateTime>,
}

impl From<ApiKeyRecord> for Words {
    fn from(record: ApiKeyRecord) -> Self {
        let ApiKeyRecord { id, name, digest: _, scopes, created_at, expires_at, revoked_at, last_used_at } =
            record;
        Self { id, name, scopes, created_at, expires_at, revoked_at, last_used_at }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OneKey {
    key: Words,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct MadeKey {
    key: Words,
    /// What a program sends.
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct KeyList {
    keys: Vec<Words>,
}

/// The answer holds the key's text, which nobody is told again.
pub(super) async fn make(
    State(api): State<Arc<Api>>,
    Strict(new): Strict<New>,
) -> Result<Json<MadeKey>, ApiError> {
    let name = new.name.trim().to_owned();
    if !(1..=MOST_NAME_CHARS).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        let message =
            format!("name: 1 to {MOST_NAME_CHARS} characters that say whose key it is, or what for");
        return Err(ApiError::bad_request("invalid_name", message));
    }
    let scopes = Scopes::from_iter(new.scopes);
    if scopes.is_empty() {
        let message = format!("scopes: at least one of {}", Scope::ALL.map(Scope::as_str).join(", "));
        return Err(ApiError::bad_request("no_scopes", message));
    }
    if new.expires_in.is_some_and(|seconds| !(1..=LONGEST_LIFE_S).contains(&seconds)) {
        let message = format!("expiresIn: 1 to {LONGEST_LIFE_S} seconds");
        return Err(ApiError::bad_request("invalid_expiry", message));
    }
    let expires_at =
        new.expires_in.map(|seconds| OffsetDateTime::now_utc() + time::Duration::seconds(seconds));
    let (record, text) = api.access.make_key(name, scopes, expires_at).await?;
    Ok(Json(MadeKey { key: record.into(), text: text.to_string() }))
}

/// Oldest first, those that do not count any more among them.
pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<KeyList> {
    Json(KeyList { keys: api.access.list_keys().into_iter().map(Words::from).collect() })
}

pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<OneKey>, ApiError> {
    let unknown = || ApiError::not_found("unknown_key", "there is no API key of this id");
    let id: ApiKeyId = id.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(unknown)?;
    let record = api.access.revoke_key(&id).await?.ok_or_else(unknown)?;
    Ok(Json(OneKey { key: record.into() }))
}

impl From<MakeKeyError> for ApiError {
    fn from(error: MakeKeyError) -> Self {
        match error {
            MakeKeyError::NoRandomness(error) => {
                Self::internal("no_randomness", "the kernel gives no random numbers", &error)
            }
            MakeKeyError::Store(error) => error.into(),
        }
    }
}
