//! Port 8080: what a health probe and a host of old ask the guest. Everything but `/health` needs the VM's own token.

use anteroom_protocol::{
    Secret, SessionId,
    agent::{CapturedFile, OpenUrl, SignInPhase},
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, Query, RawQuery, State},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
    middleware,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    callback::Replay,
    sign_in::{SignIn, View},
};
use crate::control::{Refusal, in_json};

const MAX_BODY_BYTES: usize = 32 * 1024;

pub(super) fn router(sign_in: SignIn) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/auth/callback", get(callback))
        .route("/auth/{provider}", post(start))
        .route("/oauth-url", get(oauth_url))
        .route("/credentials/status", get(credentials_status))
        .route("/credentials/get", get(credentials))
        .route("/open-url", post(open_url))
        .fallback(|| async { Refusal::unknown("Not Found") })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(in_json))
        .with_state(sign_in)
}

/// A caller that knows the VM's token, and what it may see.
struct Known(View);

impl FromRequestParts<SignIn> for Known {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, sign_in: &SignIn) -> Result<Self, Refusal> {
        let said =
            parts.headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        // Before a sign-in has begun there is no token, and nobody knows it.
        match (said, sign_in.view().await) {
            (Some(said), Ok(view)) if is_token(said, &view.token) => Ok(Self(view)),
            _ => Err(Refusal::new(StatusCode::UNAUTHORIZED, "the VM's token is missing or wrong")),
        }
    }
}

/// Takes as long for a wrong token as for a right one.
fn is_token(said: &[u8], token: &Secret) -> bool {
    let token = token.expose();
    !token.is_empty()
        && said.len() == token.len()
        && said.iter().zip(token).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// `?sessionId=`
#[derive(Debug, Deserialize)]
struct Session {
    #[serde(rename = "sessionId")]
    session: SessionId,
}

impl Session {
    fn check(&self, view: &View) -> Result<(), Refusal> {
        if self.session == view.status.session {
            Ok(())
        } else {
            Err(Refusal::unknown(format!("session {} is not in this VM", self.session)))
        }
    }
}

async fn health(State(sign_in): State<SignIn>) -> Json<Value> {
    let active = usize::from(sign_in.view().await.is_ok());
    let timestamp = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    Json(json!({ "status": "ok", "timestamp": timestamp, "activeSessions": active }))
}

/// The host has started the sign-in already, over vsock; this only says how far it is.
async fn start(
    Known(view): Known,
    Path(provider): Path<String>,
    Json(session): Json<Session>,
) -> Result<Json<Value>, Refusal> {
    session.check(&view)?;
    if provider != view.status.provider {
        return Err(Refusal::unknown(format!("this VM signs in to {}", view.status.provider)));
    }
    Ok(Json(json!({
        "success": true,
        "message": "the sign-in has begun",
        "sessionId": view.status.session,
        "oauthUrl": url_of(&view),
    })))
}

async fn oauth_url(Known(view): Known, Query(session): Query<Session>) -> Result<Response, Refusal> {
    session.check(&view)?;
    Ok(match url_of(&view) {
        Some(url) => Json(json!({ "oauthUrl": url })).into_response(),
        None => (StatusCode::ACCEPTED, Json(waiting(&view, "the command has shown no address yet")))
            .into_response(),
    })
}

async fn credentials_status(
    Known(view): Known,
    Query(session): Query<Session>,
) -> Result<Json<Value>, Refusal> {
    session.check(&view)?;
    Ok(Json(match proof(&view) {
        Some(file) => json!({
            "authenticated": true,
            "provider": view.status.provider,
            "modifiedAt": iso8601(file.modified_unix_ms),
            "path": file.path,
        }),
        None => {
            let mut body = waiting(&view, "the credentials are not complete yet");
            body["authenticated"] = false.into();
            body
        }
    }))
}

async fn credentials(Known(view): Known, Query(session): Query<Session>) -> Result<Json<Value>, Refusal> {
    session.check(&view)?;
    let file = proof(&view).ok_or_else(|| Refusal::bad("the credentials are not complete yet"))?;
    // It was accepted as JSON when it was captured.
    let contents: Value = serde_json::from_slice(file.contents.expose()).unwrap_or_default();
    Ok(Json(json!({
        "success": true,
        "provider": view.status.provider,
        "credentials": contents,
        "credPath": file.path,
    })))
}

async fn open_url(
    _: Known,
    State(sign_in): State<SignIn>,
    Json(asked): Json<OpenUrl>,
) -> Result<Json<Value>, Refusal> {
    sign_in.open_page(asked).await?;
    Ok(Json(json!({ "success": true })))
}

async fn callback(Known(view): Known, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let url = url_of(&view)
        .ok_or_else(|| Refusal::new(StatusCode::CONFLICT, "the command has shown no address yet"))?;
    let replay =
        Replay::plan(&url, query.as_deref().unwrap_or_default()).map_err(|e| Refusal::bad(e.to_string()))?;
    let answer = replay
        .send(view.callback.as_ref())
        .await
        .map_err(|error| Refusal::new(StatusCode::BAD_GATEWAY, error.to_string()))?;
    // A redirect leads out of the VM, to a page for people; where to is not told, as it may hold a token.
    let status = if answer.status.is_redirection() { StatusCode::OK } else { answer.status };
    Ok((status, Html(answer.body)).into_response())
}

fn url_of(view: &View) -> Option<String> {
    view.status.url.as_ref().and_then(|found| found.url.expose_str()).map(str::to_owned)
}

/// The file that proves the sign-in: the first of the definition.
fn proof(view: &View) -> Option<&CapturedFile> {
    view.captured.as_ref().and_then(|captured| captured.files.first())
}

fn waiting(view: &View, message: &str) -> Value {
    let elapsed = u64::try_from(view.elapsed.as_millis()).unwrap_or(u64::MAX);
    let failed = view.status.phase == SignInPhase::Failed;
    json!({ "waiting": !failed, "message": if failed { "the sign-in has failed" } else { message }, "elapsedMs": elapsed })
}

fn iso8601(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}
