//! The calls of the other roles, on the Unix socket.
//!
//! | call | by | |
//! |---|---|---|
//! | `POST /sign-in`, `GET`, `DELETE` | init | as in the control API |
//! | `GET /sign-in/credentials`, `POST /sign-in/open-url`, `POST /sign-in/again`, `POST /sign-in/callback`, `POST /sign-in/code` | init | as in the control API |
//! | `GET /events?after=N` | init | what the host is to be told |
//! | `POST /hook/url` | open-url, portal | an address that a program wants to be opened |
//! | `GET /terminal/orders?run=` | terminal | orders, newline-delimited |
//! | `POST /terminal/report` | terminal | what happened in it |

use std::{convert::Infallible, sync::Arc};

use anteroom_protocol::{
    agent::{
        CallbackVerdict, CapturedCredentials, OpenUrl, PastedCallback, PastedCode, SignInSpec, SignInStatus,
    },
    provider::{FoundUrl, UrlSource},
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Query, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use super::{callback::Replay, sign_in::SignIn};
use crate::{
    caller::Init,
    control::{Refusal, events, in_json},
    journal::Journal,
    terminal::order::Report,
};

const MAX_BODY_BYTES: usize = 512 * 1024;

#[derive(Debug, Clone)]
struct App {
    sign_in: SignIn,
    journal: Arc<Journal>,
}

pub(super) fn router(sign_in: SignIn, journal: Arc<Journal>) -> Router {
    Router::new()
        .route("/sign-in", post(begin).get(status).delete(cancel))
        .route("/sign-in/again", post(again))
        .route("/sign-in/callback", post(pasted_callback))
        .route("/sign-in/code", post(pasted_code))
        .route("/sign-in/credentials", get(credentials))
        .route("/sign-in/open-url", post(open_for_init))
        .route("/events", get(follow_events))
        .route("/hook/url", post(open_for_hook))
        .route("/terminal/orders", get(orders))
        .route("/terminal/report", post(report))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(in_json))
        .with_state(App { sign_in, journal })
}

/// What init sends: the host's words, and whether this goes on with a sign-in that a crash of this role has interrupted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BeginBody {
    pub(crate) spec: SignInSpec,
    pub(crate) resume: Option<Resumed>,
}

/// What was known before the crash.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Resumed {
    /// The newest generation that was captured.
    pub(crate) generation: u64,
    pub(crate) url: Option<FoundUrl>,
}

async fn begin(_: Init, State(app): State<App>, Json(body): Json<BeginBody>) -> Result<StatusCode, Refusal> {
    app.sign_in.begin(body.spec, body.resume).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn status(_: Init, State(app): State<App>) -> Result<Json<SignInStatus>, Refusal> {
    Ok(Json(app.sign_in.view().await?.status))
}

async fn cancel(_: Init, State(app): State<App>) -> Result<StatusCode, Refusal> {
    app.sign_in.cancel().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn again(_: Init, State(app): State<App>) -> Result<StatusCode, Refusal> {
    app.sign_in.again().await?;
    Ok(StatusCode::ACCEPTED)
}

async fn pasted_callback(
    _: Init,
    State(app): State<App>,
    Json(pasted): Json<PastedCallback>,
) -> Result<Json<CallbackVerdict>, Refusal> {
    let view = app.sign_in.view().await?;
    let known = view.status.url.as_ref().and_then(|found| found.url.expose_str());
    let sign_in =
        known.ok_or_else(|| Refusal::new(StatusCode::CONFLICT, "the command has shown no address yet"))?;
    let address = pasted.url.expose_str().unwrap_or_default();
    let replay = Replay::pasted(sign_in, address).map_err(|error| Refusal::bad(error.to_string()))?;
    let answer = replay.send(view.callback.as_ref()).await;
    let answer = answer.map_err(|error| Refusal::new(StatusCode::BAD_GATEWAY, error.to_string()))?;
    Ok(Json(answer.verdict))
}

async fn pasted_code(
    _: Init,
    State(app): State<App>,
    Json(pasted): Json<PastedCode>,
) -> Result<StatusCode, Refusal> {
    app.sign_in.code(pasted.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn credentials(_: Init, State(app): State<App>) -> Result<Json<CapturedCredentials>, Refusal> {
    let captured = app.sign_in.view().await?.captured;
    captured
        .map(Json)
        .ok_or_else(|| Refusal::new(StatusCode::CONFLICT, "the credentials are not complete yet"))
}

async fn open_for_init(
    _: Init,
    State(app): State<App>,
    Json(asked): Json<OpenUrl>,
) -> Result<StatusCode, Refusal> {
    app.sign_in.open_page(asked).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn follow_events(_: Init, State(app): State<App>, Query(after): Query<events::After>) -> Response {
    events::stream(app.journal, &after)
}

async fn open_for_hook(State(app): State<App>, Json(asked): Json<OpenUrl>) -> Result<StatusCode, Refusal> {
    app.sign_in.address(asked, UrlSource::Hook).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `?run=N`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attach {
    /// Which run of the CLI runs in the terminal already.
    run: Option<u32>,
}

async fn orders(State(app): State<App>, Query(attach): Query<Attach>) -> Response {
    let orders = app.sign_in.attach_terminal(attach.run);
    let lines = futures_util::stream::unfold(orders, |mut orders| async move {
        let order = orders.recv().await?;
        // An order is plain data with string keys; it always has a JSON form.
        let mut line = serde_json::to_vec(&order).unwrap_or_default();
        line.push(b'\n');
        Some((Bytes::from(line), orders))
    });
    Body::from_stream(lines.map(Ok::<_, Infallible>)).into_response()
}

async fn report(State(app): State<App>, Json(report): Json<Report>) -> StatusCode {
    app.sign_in.report(report);
    StatusCode::NO_CONTENT
}
