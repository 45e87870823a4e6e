//! Port 8080: what a health probe and a host of old ask the guest. Everything but `/health` needs the VM's own token.
//!
//! | call | answer |
//! |---|---|
//! | `GET /health` | `{status, timestamp, activeSessions}` |
//! | `POST /auth/{provider}` `{sessionId}` | `{success, message, sessionId, oauthUrl}`; a failed sign-in is begun again |
//! | `GET /oauth-url?sessionId=` | `{oauthUrl}`, or 202 `{waiting, message, elapsedMs}` |
//! | `GET /auth/callback?code=&state=` | what the CLI answered, see [`handed_on`] |
//! | `GET /credentials/status?sessionId=` | `{authenticated, provider, modifiedAt, path}`, or `{authenticated, waiting, ...}` |
//! | `GET /credentials/get?sessionId=` | `{success, provider, credentials, credPath}`; 400 before they are complete |
//! | `POST /open-url` `{url}` | `{success}` |
//! | anything else | 404 `{error}` |

mod body;
mod handed_on;
mod known;

use anteroom_protocol::{
    Secret,
    agent::{CapturedFile, OpenUrl, SignInPhase},
    provider::{CredentialRule, Format},
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, RawQuery, State, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    callback::Replay,
    sign_in::{SignIn, View},
};
use crate::control::Refusal;
use body::Body;
use known::{InSession, Known};

const MAX_BODY_BYTES: usize = 32 * 1024;

pub(super) fn router(sign_in: SignIn) -> Router {
    Router::new()
        .route("/health", get(health))
        // A request for the head alone would take the callback, which counts once.
        .route("/auth/callback", get(callback).head(nothing))
        .route("/auth/{provider}", post(start))
        .route("/oauth-url", get(oauth_url))
        .route("/credentials/status", get(credentials_status))
        .route("/credentials/get", get(credentials))
        .route("/open-url", post(open_url))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(sign_in)
}

async fn nothing() -> Refusal {
    Refusal::unknown("Not Found")
}

async fn health(State(sign_in): State<SignIn>) -> Json<Value> {
    let active = usize::from(sign_in.view().await.is_ok());
    let timestamp = iso8601(OffsetDateTime::now_utc());
    Json(json!({ "status": "ok", "timestamp": timestamp, "activeSessions": active }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    session_id: String,
}

/// The host has started the sign-in already, over vsock. So there is something to do only when it has failed.
async fn start(
    Known(mut view): Known,
    State(sign_in): State<SignIn>,
    provider: Result<Path<String>, PathRejection>,
    Body(asked): Body<Start>,
) -> Result<Json<Value>, Refusal> {
    known::check(&asked.session_id, &view)?;
    if !provider.is_ok_and(|Path(provider)| provider == view.status.provider) {
        return Err(Refusal::unknown(format!("this VM signs in to {}", view.status.provider)));
    }
    let message = match view.status.phase {
        SignInPhase::Starting | SignInPhase::AwaitingPerson => "the sign-in has begun",
        SignInPhase::Captured => "the credentials are complete",
        SignInPhase::Failed => {
            let still_runs = "the sign-in has failed, but its command still runs";
            sign_in.again().await.map_err(|_| Refusal::new(StatusCode::CONFLICT, still_runs))?;
            view = sign_in.view().await?;
            "the sign-in has begun again"
        }
    };
    Ok(Json(json!({
        "success": true,
        "message": message,
        "sessionId": view.status.session,
        "oauthUrl": url_of(&view),
    })))
}

async fn oauth_url(InSession(view): InSession) -> Response {
    match url_of(&view) {
        Some(url) => Json(json!({ "oauthUrl": url })).into_response(),
        None => (StatusCode::ACCEPTED, Json(waiting(&view, "the command has shown no address yet")))
            .into_response(),
    }
}

async fn credentials_status(InSession(view): InSession) -> Json<Value> {
    Json(match proof(&view) {
        Some((_, file)) => json!({
            "authenticated": true,
            "provider": view.status.provider,
            "modifiedAt": unix_ms_iso8601(file.modified_unix_ms),
            "path": file.path,
        }),
        None => {
            let mut body = waiting(&view, "the credentials are not complete yet");
            body["authenticated"] = false.into();
            body
        }
    })
}

async fn credentials(InSession(view): InSession) -> Result<Json<Value>, Refusal> {
    let (rule, file) = proof(&view).ok_or_else(|| Refusal::bad("the credentials are not complete yet"))?;
    Ok(Json(json!({
        "success": true,
        "provider": view.status.provider,
        "credentials": contents(rule.format, &file.contents),
        "credPath": file.path,
    })))
}

async fn open_url(
    _: Known,
    State(sign_in): State<SignIn>,
    Body(asked): Body<OpenUrl>,
) -> Result<Json<Value>, Refusal> {
    sign_in.open_page(asked).await?;
    Ok(Json(json!({ "success": true })))
}

async fn callback(Known(view): Known, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let url = url_of(&view)
        .ok_or_else(|| Refusal::new(StatusCode::CONFLICT, "the command has shown no address yet"))?;
    let replay =
        Replay::plan(&url, query.as_deref().unwrap_or_default()).map_err(|e| Refusal::bad(e.to_string()))?;
    let answer = replay.send(view.callback.as_ref()).await;
    let answer = answer.map_err(|error| Refusal::new(StatusCode::BAD_GATEWAY, error.to_string()))?;
    Ok(handed_on::handed_on(answer))
}

fn url_of(view: &View) -> Option<String> {
    view.status.url.as_ref().and_then(|found| found.url.expose_str()).map(str::to_owned)
}

/// The file that proves the sign-in, once it does.
fn proof(view: &View) -> Option<(&CredentialRule, &CapturedFile)> {
    let rule = view.proof.as_ref()?;
    let file = view.captured.as_ref()?.files.iter().find(|file| file.path == rule.path)?;
    Some((rule, file))
}

/// JSON as JSON, everything else as the text that it is.
fn contents(format: Format, contents: &Secret) -> Value {
    let value = (format == Format::Json).then(|| serde_json::from_slice(contents.expose()).ok());
    value.flatten().unwrap_or_else(|| String::from_utf8_lossy(contents.expose()).into())
}

fn waiting(view: &View, message: &str) -> Value {
    let elapsed = u64::try_from(view.elapsed.as_millis()).unwrap_or(u64::MAX);
    let failed = view.status.phase == SignInPhase::Failed;
    json!({ "waiting": !failed, "message": if failed { "the sign-in has failed" } else { message }, "elapsedMs": elapsed })
}

fn unix_ms_iso8601(unix_ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    time.map(iso8601).unwrap_or_default()
}

fn iso8601(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_given_out_as_json_whatever_another_format_looks_like() {
        let number = Secret::new("17");
        assert_eq!(contents(Format::Json, &number), json!(17));
        for format in [Format::Jsonc, Format::Yaml, Format::Toml, Format::Terminal] {
            assert_eq!(contents(format, &number), json!("17"), "{format}");
        }
    }
}
