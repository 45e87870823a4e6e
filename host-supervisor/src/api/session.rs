//! Sign-in sessions: start, watch, help along, end.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::{
    ProviderDefinition, Secret, SessionId,
    agent::{OpenUrl, PastedCallback},
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Api,
    body::{InPath, InQuery, Strict, UserId},
    error::ApiError,
    seen::{Acting, Base, Seen},
    words::{SessionWords, vm_ip, vm_word},
};
use crate::{
    agent::AgentClient,
    failure::Failure,
    session::{NewSession, SessionHandle},
    store::{SessionPurpose, SessionStatus},
};

/// How many sessions a list has at most, the newest.
const MOST_LISTED: u32 = 200;
/// Longest wait for a change of status that a caller can ask for, in seconds.
const LONGEST_WAIT_S: u64 = 25;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    key: String,
}

pub(super) async fn log_in(
    State(api): State<Arc<Api>>,
    Strict(body): Strict<LogIn>,
) -> Result<Response, ApiError> {
    let cookie = api.access.log_in(body.key.trim()).ok_or_else(|| {
        ApiError::new(StatusCode::UNAUTHORIZED, "wrong_key", "this is not the API key of this daemon")
    })?;
    Ok(([(SET_COOKIE, cookie)], Json(json!({ "success": true }))).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Start {
    user_id: UserId,
    provider: String,
    /// An SDP offer, kept for whoever answers it.
    #[serde(default)]
    webrtc_offer: Option<serde_json::Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Rotate {
    user_id: UserId,
    provider: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Started {
    success: bool,
    session_id: SessionId,
    provider: String,
    #[serde(rename = "novncURL")]
    novnc_url: String,
    #[serde(rename = "browserIP")]
    browser_ip: Option<String>,
}

pub(super) async fn start(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    Strict(body): Strict<Start>,
) -> Result<Json<Started>, ApiError> {
    let offer = body.webrtc_offer.map(Value::Object);
    begin(&api, &base, &acting, body.user_id, &body.provider, SessionPurpose::SignIn, offer).await
}

pub(super) async fn rotate(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    Strict(body): Strict<Rotate>,
) -> Result<Json<Started>, ApiError> {
    begin(&api, &base, &acting, body.user_id, &body.provider, SessionPurpose::Rotate, None).await
}

async fn begin(
    api: &Api,
    base: &Base,
    acting: &Acting,
    user_id: UserId,
    provider: &str,
    purpose: SessionPurpose,
    webrtc_offer: Option<Value>,
) -> Result<Json<Started>, ApiError> {
    acting.may_see(user_id.as_str())?;
    let definition = api.providers.find(provider).ok_or_else(|| unknown_provider(api, provider))?;
    let new = NewSession {
        user_id: user_id.into_string(),
        provider: ProviderDefinition::clone(&definition),
        purpose,
        webrtc_offer,
    };
    // In a task of its own: a caller that hangs up must not leave half a session.
    let sessions = api.sessions.clone();
    let started = tokio::spawn(async move { sessions.start(new).await }).await;
    let session = started.map_err(|error| {
        ApiError::internal("internal", "the daemon met a fault of its own; its log says more", &error)
    })??;
    Ok(Json(Started {
        success: true,
        session_id: session.id(),
        provider: definition.id.clone(),
        novnc_url: base.desktop(api, session.id()),
        browser_ip: vm_ip(&api.sessions.settings().vm.network),
    }))
}

pub(super) fn unknown_provider(api: &Api, provider: &str) -> ApiError {
    let shown: String = provider.chars().take(40).collect();
    let offered = api.providers.offered();
    let valid: Vec<&str> = offered.iter().map(|definition| definition.id.as_str()).collect();
    let message = format!("there is no provider {shown:?}; there are: {}", valid.join(", "));
    ApiError::bad_request("unknown_provider", message).with("validProviders", valid)
}

/// `GET /api/auth/session/{id}?status=ready&wait=20` answers when the status is another, or after 20 seconds; with
/// `revision=3` in place of the status when anything is another than it was in that revision.
#[derive(Debug, Deserialize)]
pub(super) struct Watch {
    status: Option<SessionStatus>,
    revision: Option<u64>,
    wait: Option<u64>,
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    InPath(id): InPath<SessionId>,
    InQuery(watch): InQuery<Watch>,
) -> Result<Json<Value>, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    if let (Some(wait), Some(session)) = (watch.wait, seen.living()) {
        let wait = Duration::from_secs(wait.min(LONGEST_WAIT_S));
        match (watch.revision, watch.status) {
            (Some(revision), _) => session.change_since(revision, wait).await,
            (None, Some(known)) => session.change_from(known, wait).await,
            (None, None) => {}
        }
        let seen = Seen::find(&api, id, &acting).await?;
        return Ok(Json(json!({ "session": seen.words(&api, &base) })));
    }
    Ok(Json(json!({ "session": seen.words(&api, &base) })))
}

/// Of everybody, so not for somebody.
pub(super) async fn list_all(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
) -> Result<Json<Value>, ApiError> {
    acting.must_be_nobody()?;
    let records = api.store.session_list(MOST_LISTED).await?;
    Ok(Json(json!({ "sessions": listed(&api, &base, records) })))
}

pub(super) async fn list_of_user(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    InPath(user): InPath<UserId>,
) -> Result<Json<Value>, ApiError> {
    acting.may_see(user.as_str())?;
    let records = api.store.session_list_of(user.as_str(), MOST_LISTED).await?;
    Ok(Json(json!({ "sessions": listed(&api, &base, records) })))
}

fn listed(api: &Api, base: &Base, records: Vec<crate::store::SessionRecord>) -> Vec<SessionWords> {
    records.into_iter().map(|record| Seen::of(api, record).words(api, base)).collect()
}

/// With what the guest's own HTTP endpoint asks for: this is an operator's call.
pub(super) async fn vm(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
) -> Result<Json<Value>, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    let vm_id = seen.record().vm_id;
    let vm = seen.living().map(|session| (session, session.vm().state().borrow().status));
    match vm.filter(|(_, status)| !status.is_final()) {
        Some((session, status)) => Ok(Json(json!({
            "vmId": vm_id,
            "vmIP": vm_ip(&api.sessions.settings().vm.network),
            "status": vm_word(status),
            "agentToken": session.agent_token().expose_str(),
        }))),
        None => Err(ApiError::gone("vm_gone", "the VM of this session is gone").with("vmId", vm_id)),
    }
}

pub(super) async fn heartbeat(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
) -> Result<Json<Value>, ApiError> {
    Seen::find(&api, id, &acting).await?.still_going()?.touch();
    Ok(Json(json!({ "success": true })))
}

pub(super) async fn oauth_url(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
) -> Result<Response, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    let view = seen.still_going()?.view();
    let url = view.url.as_ref().and_then(|found| found.url.expose_str());
    Ok(match url {
        Some(url) => Json(json!({ "oauthUrl": url })).into_response(),
        None => {
            let body = json!({
                "waiting": true,
                "message": "the sign-in page is not known yet",
                "elapsedMs": seen.elapsed_ms(),
            });
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    url: String,
}

pub(super) async fn open_url(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
    Strict(body): Strict<Open>,
) -> Result<Json<Value>, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    let session = seen.still_going()?;
    check_url(&body.url)?;
    agent(session)?.open_url(&body.url).await?;
    session.touch();
    Ok(Json(json!({ "success": true, "method": "agent" })))
}

fn agent(session: &SessionHandle) -> Result<AgentClient, ApiError> {
    session.vm().agent().ok_or_else(|| ApiError::not_yet("vm_not_ready", "the VM is not ready yet"))
}

fn check_url(text: &str) -> Result<(), ApiError> {
    let web = |url: url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if text.len() <= OpenUrl::MAX_BYTES && url::Url::parse(text).is_ok_and(web) {
        return Ok(());
    }
    let message = format!("url: expected an http or https address of at most {} bytes", OpenUrl::MAX_BYTES);
    Err(ApiError::bad_request("invalid_url", message))
}

/// The address at which the person's own browser has failed after signing in: `http://localhost:...?code=...&state=...`.
pub(super) async fn callback(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
    Strict(body): Strict<Open>,
) -> Result<Json<Value>, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    let session = seen.still_going()?;
    check_url(body.url.trim())?;
    let verdict = agent(session)?.paste_callback(&PastedCallback { url: Secret::new(body.url) }).await?;
    session.touch();
    if verdict.accepted {
        return Ok(Json(json!({ "success": true })));
    }
    let message = "the CLI did not take this answer; the session says of what the attempt failed";
    Err(ApiError::conflict("callback_refused", message).with("cliStatus", verdict.status))
}

/// Another attempt after a failed one, in the same VM.
pub(super) async fn retry(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
) -> Result<Json<Value>, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    let session = seen.still_going()?;
    if session.view().attempt_failure.is_none() {
        return Err(ApiError::conflict(
            "not_failed",
            "the sign-in has not failed, so there is nothing to try again",
        ));
    }
    session.try_again(&agent(session)?).await?;
    Ok(Json(json!({ "success": true })))
}

pub(super) async fn cancel(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
) -> Result<Json<Value>, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    let status = match seen.living() {
        Some(session) => {
            session.cancel(Failure::new("cancelled", "the session was cancelled")).await.record.status
        }
        None => seen.record().status,
    };
    Ok(Json(json!({ "success": true, "status": status })))
}

/// Ends the session, waits until its VM is gone, and forgets both with the credentials.
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InPath(id): InPath<SessionId>,
) -> Result<Json<Value>, ApiError> {
    let seen = Seen::find(&api, id, &acting).await?;
    if let Some(session) = seen.living() {
        session.cancel(Failure::new("removed", "the session was removed")).await;
        session.vm().ended().await;
    }
    if let Some(vm) = seen.record().vm_id {
        api.vms.forget(vm).await.map_err(|error| {
            ApiError::internal("vm_left", "what the VM has left on the disk cannot be removed", &error)
        })?;
    }
    api.store.session_delete(id).await?;
    Ok(Json(json!({ "success": true })))
}
