//! What an event looks like: `{"type", "timestamp", "data"}` in JSON, as docs/webhook.md shows it.

use std::collections::BTreeMap;

use anteroom_protocol::SessionId;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::store::{OutboxEvent, OutboxRecord};

/// JSON, perhaps with tokens in it.
pub type Body = Zeroizing<Vec<u8>>;

/// Contents of files by their paths.
pub type Files = BTreeMap<String, Value>;

// Milliseconds and UTC, as in the API.
time::serde::format_description!(
    iso_ms,
    OffsetDateTime,
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
);

#[derive(Serialize)]
struct Event<T, D> {
    r#type: T,
    #[serde(serialize_with = "iso_ms::serialize")]
    timestamp: OffsetDateTime,
    data: D,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    session_id: SessionId,
    user_id: &'a str,
    provider: &'a str,
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_session_ids: Option<&'a [SessionId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<&'a Files>,
}

/// The body that tells of this row; with the files, when there are any to be sent.
///
/// # Errors
/// Never in practice: everything in it can be written as JSON.
pub fn of(record: &OutboxRecord, files: Option<&Files>) -> Result<Body, serde_json::Error> {
    let data = Credentials {
        session_id: record.session_id,
        user_id: &record.user_id,
        provider: &record.provider,
        generation: record.generation,
        replaced_session_ids: (record.event == OutboxEvent::Rotated).then_some(record.replaced.as_slice()),
        files,
    };
    body(&Event { r#type: record.event, timestamp: record.created_at, data })
}

/// The body of `anteroom webhook test`.
///
/// # Errors
/// As [`of`].
pub fn test(now: OffsetDateTime) -> Result<Body, serde_json::Error> {
    body(&Event { r#type: "webhook.test", timestamp: now, data: serde_json::json!({}) })
}

fn body(event: &impl Serialize) -> Result<Body, serde_json::Error> {
    serde_json::to_vec(event).map(Zeroizing::new)
}
