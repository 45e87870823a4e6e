//! The webhook as the operator sees it: whether it works, and what was delivered.

use std::sync::Arc;

use anteroom_protocol::SessionId;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Api,
    error::ApiError,
    words::{TimeText, time_text},
};
use crate::{
    store::{OutboxEvent, OutboxRecord, OutboxStatus},
    webhook::{Answer, TestError, Tested, post::Verdict},
};

/// Most deliveries in one list.
const MOST_LISTED: u32 = 500;

/// What came of a trial.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookTrial")]
pub(super) struct Trial {
    success: bool,
    id: String,
    /// Of HTTP, when there was an answer.
    status: Option<u16>,
    answer: String,
    body: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Deliveries {
    deliveries: Vec<Delivery>,
}

/// Sends an event that says nothing. A receiver that refuses it, or does not answer, is told, and is no error.
pub(super) async fn test(State(api): State<Arc<Api>>) -> Result<Json<Trial>, ApiError> {
    let Some(webhook) = &api.webhook else {
        let message = "no webhook is configured: set webhook.url, and webhook.secret or webhook.secret_file";
        return Err(ApiError::bad_request("no_webhook", message));
    };
    let Tested { id, answer, text } = webhook.test().await?;
    let status = match &answer {
        Answer::Status(status) => Some(status.as_u16()),
        Answer::None(_) => None,
    };
    Ok(Json(Trial {
        success: answer.verdict() == Verdict::Delivered,
        id: id.as_str().to_owned(),
        status,
        answer: answer.to_string(),
        body: text,
    }))
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    id: String,
    event: OutboxEvent,
    #[schemars(with = "Uuid")]
    session_id: SessionId,
    provider: String,
    generation: u64,
    status: OutboxStatus,
    attempts: u32,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    created_at: OffsetDateTime,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize", skip_serializing_if = "Option::is_none")]
    next_try_at: Option<OffsetDateTime>,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize", skip_serializing_if = "Option::is_none")]
    finished_at: Option<OffsetDateTime>,
    last_answer: Option<String>,
}

/// Newest first.
pub(super) async fn deliveries(State(api): State<Arc<Api>>) -> Result<Json<Deliveries>, ApiError> {
    let records = api.store.outbox_list(MOST_LISTED).await?;
    Ok(Json(Deliveries { deliveries: records.into_iter().map(Delivery::of).collect() }))
}

impl Delivery {
    fn of(record: OutboxRecord) -> Self {
        Self {
            id: record.id.as_str().to_owned(),
            event: record.event,
            session_id: record.session_id,
            provider: record.provider,
            generation: record.generation,
            status: record.status,
            attempts: record.attempts,
            created_at: record.created_at,
            next_try_at: (record.status == OutboxStatus::Pending).then_some(record.next_try_at),
            finished_at: record.finished_at,
            last_answer: record.last_answer,
        }
    }
}

impl From<TestError> for ApiError {
    fn from(error: TestError) -> Self {
        Self::internal("event_not_made", "the event could not be made", &error)
    }
}
