//! What was captured: whether it is there, and, for whoever may have it, what it is.

use std::sync::Arc;

use anteroom_protocol::{SessionId, agent::CapturedCredentials};
use axum::{
    Extension, Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Api,
    audit::Disclosed,
    body::{InPath, UserId, user_id},
    error::{ApiError, finished},
    seen::{Acting, Seen},
    words::{TimeText, time_text},
};
use crate::{
    credentials::{self, AcceptedFile, OpenError},
    store::{CredentialRecord, SessionStatus},
};

/// Before the end: whether there are any. After it: the credentials themselves.
pub(super) async fn status(State(api): State<Arc<Api>>, seen: Seen) -> Result<Response, ApiError> {
    if let Some(record) = api.store.credentials_of_session(seen.record().id).await? {
        let files = credentials::contents_by_path(&open(&api, &record)?);
        let captured = Json(json!({
            "status": "ready",
            "authenticated": true,
            "provider": record.provider,
            "path": record.path,
            "modifiedAt": time_words(record.modified_at),
            // The file that proves the sign-in, as the original gave it; `files` has all of them by path.
            "credentials": files.get(&record.path),
            "files": files,
            "source": "database",
        }));
        return Ok((Extension(Disclosed), captured).into_response());
    }
    let session = seen.record();
    match session.status {
        SessionStatus::Completed => Err(ApiError::gone(
            "credentials_replaced",
            "the credentials of this session were replaced by those of a later one",
        )),
        status if status.is_final() => Ok(Json(json!({
            "authenticated": false,
            "waiting": false,
            "status": status,
            "error": session.failure.as_ref().map(|failure| &failure.message),
        }))
        .into_response()),
        _ => {
            let waiting = json!({ "authenticated": false, "waiting": true, "elapsedMs": seen.elapsed_ms() });
            Ok(Json(waiting).into_response())
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Credentials")]
#[serde(rename_all = "camelCase")]
struct Listed {
    provider: String,
    #[schemars(with = "Uuid")]
    session_id: SessionId,
    path: String,
    generation: u64,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    created_at: OffsetDateTime,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    modified_at: OffsetDateTime,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CredentialList {
    credentials: Vec<Listed>,
}

/// Newest first, without any secret.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(user): InPath<UserId>,
) -> Result<Json<CredentialList>, ApiError> {
    acting.may_see(user.as_str())?;
    let records = api.store.credentials_of_user(user.as_str()).await?;
    let listed = records.into_iter().map(|record| Listed {
        provider: record.provider,
        session_id: record.session_id,
        path: record.path,
        generation: record.generation,
        created_at: record.created_at,
        modified_at: record.modified_at,
    });
    Ok(Json(CredentialList { credentials: listed.collect() }))
}

/// Whether the newest credentials of this user and provider open, and hold what the definition asks for. The provider
/// itself is not asked.
pub(super) async fn validate(
    State(api): State<Arc<Api>>,
    acting: Acting,
    Path((user, provider)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let user = user_id(user)?;
    acting.may_see(user.as_str())?;
    let records = api.store.credentials_of_user(user.as_str()).await?;
    let Some(record) = records.into_iter().find(|record| record.provider == provider) else {
        return Ok(Json(
            json!({ "valid": false, "provider": provider, "reason": "there are no credentials" }),
        ));
    };
    let reason = match open(&api, &record) {
        Ok(files) => problem(&api, &record, files),
        Err(_) => Some("the sealed credentials do not open".to_owned()),
    };
    Ok(Json(json!({
        "valid": reason.is_none(),
        "provider": provider,
        "sessionId": record.session_id,
        "createdAt": time_words(record.created_at),
        "modifiedAt": time_words(record.modified_at),
        "reason": reason,
    })))
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedOut {
    success: bool,
    /// Whether there were any credentials.
    were_any: bool,
}

/// Forgets every credential of this user and provider, and takes them out of the user's VM. It does not tell the provider.
pub(super) async fn sign_out(
    State(api): State<Arc<Api>>,
    acting: Acting,
    Path((user, provider)): Path<(String, String)>,
) -> Result<Json<SignedOut>, ApiError> {
    let user = user_id(user)?;
    acting.may_see(user.as_str())?;
    // In a task of its own: a caller that hangs up must not leave in a VM what is forgotten here.
    finished(tokio::spawn(async move {
        let were_any = match api.providers.find(&provider) {
            Some(definition) => api.prompts.sign_out(user.as_str(), &definition).await?,
            // One that is not offered any more.
            None => api.store.credentials_delete(user.as_str(), &provider).await? > 0,
        };
        Ok(Json(SignedOut { success: true, were_any }))
    }))
    .await
}

/// What the provider's definition, as it is today, has to say against these files.
fn problem(api: &Api, record: &CredentialRecord, files: Vec<AcceptedFile>) -> Option<String> {
    let Some(definition) = api.providers.find(&record.provider) else {
        return Some("the provider is not installed".to_owned());
    };
    let captured = CapturedCredentials {
        session: record.session_id,
        provider: record.provider.clone(),
        generation: record.generation,
        files: files.into_iter().map(|file| file.into_captured(record.modified_at)).collect(),
    };
    credentials::accept(&definition, record.session_id, &captured).err().map(|error| error.to_string())
}

fn open(api: &Api, record: &CredentialRecord) -> Result<Vec<AcceptedFile>, ApiError> {
    credentials::open(&api.vault, record).map_err(|error| match error {
        OpenError::Vault(error) => error.into(),
        OpenError::OtherVersion => {
            let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
            ApiError::new(status, "credentials_unreadable", error.to_string())
        }
    })
}

fn time_words(time: OffsetDateTime) -> Value {
    #[derive(Serialize)]
    struct Words(#[serde(serialize_with = "time_text::serialize")] OffsetDateTime);
    serde_json::to_value(Words(time)).unwrap_or_default()
}
