//! Tokens for one session, to be handed to its person's page or to whoever shall look on.

use std::sync::Arc;

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Api,
    access::TokenRole,
    body::Strict,
    error::ApiError,
    seen::{Base, Seen},
    words::{TimeText, time_text},
};

const SHORTEST_S: i64 = 10;
const LONGEST_S: i64 = 24 * 3600;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "NewToken")]
pub(super) struct Wanted {
    #[serde(default)]
    role: TokenRole,
    /// In seconds.
    #[schemars(range(min = 10, max = 86_400))]
    #[serde(default = "one_hour")]
    expires_in: i64,
}

fn one_hour() -> i64 {
    3600
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Token")]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    token: String,
    role: TokenRole,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    expires_at: OffsetDateTime,
    /// The desktop, opened by the token.
    #[serde(rename = "novncURL")]
    novnc_url: String,
}

pub(super) async fn make(
    State(api): State<Arc<Api>>,
    base: Base,
    seen: Seen,
    Strict(wanted): Strict<Wanted>,
) -> Result<Json<Made>, ApiError> {
    let session = seen.still_going()?.id();
    if !(SHORTEST_S..=LONGEST_S).contains(&wanted.expires_in) {
        let message = format!("expiresIn: {SHORTEST_S} to {LONGEST_S} seconds");
        return Err(ApiError::bad_request("invalid_expiry", message));
    }
    let expires_at = OffsetDateTime::now_utc() + time::Duration::seconds(wanted.expires_in);
    let token = api.access.session_token(session, wanted.role, expires_at);
    let novnc_url = base.page(&api, session, "novnc", &token);
    Ok(Json(Made { token, role: wanted.role, expires_at, novnc_url }))
}
