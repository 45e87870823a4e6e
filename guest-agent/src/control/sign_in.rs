//! The sign-in's calls: made ready here, as root, and then handed on to the oauth role.
//!
//! The role may crash. So what the host asked for is kept here, and told again to the role that comes after it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anteroom_protocol::{
    EventBody,
    agent::{OpenUrl, SignInSpec},
    timeline::mark,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};

use super::{Control, Refusal, life::Use};
use crate::{
    call::{CallError, Peer},
    console, init,
    journal::Journal,
    oauth::{BeginBody, Resumed},
    service::Supervisor,
    timeline::Timeline,
};

/// The services behind the sign-in, as their files name them.
const OAUTH: &str = "oauth";
const TERMINAL: &str = "terminal";
/// How long a host that is in a hurry waits for a desktop that is still starting.
const ROLE_PATIENCE: Duration = Duration::from_secs(30);
/// Between attempts to hear from the role.
const PAUSE: Duration = Duration::from_millis(100);
const LONG_PAUSE: Duration = Duration::from_secs(2);

/// What is to be told to the role after a crash.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<Option<Kept>>);

#[derive(Debug, Clone)]
struct Kept {
    spec: SignInSpec,
    known: Resumed,
}

impl Asked {
    /// Takes the wish down; refuses a second session beside the first. A host that asks again for the first is another one,
    /// with another token.
    fn keep(&self, spec: &SignInSpec) -> Result<(), Refusal> {
        let mut kept = self.lock();
        match &mut *kept {
            Some(Kept { spec: first, .. }) if first.session != spec.session => Err(Refusal::new(
                StatusCode::CONFLICT,
                format!("session {} is signing in already", first.session),
            )),
            Some(kept) => {
                kept.spec = spec.clone();
                Ok(())
            }
            None => {
                *kept = Some(Kept { spec: spec.clone(), known: Resumed::default() });
                Ok(())
            }
        }
    }

    fn forget(&self) {
        *self.lock() = None;
    }

    fn learn(&self, event: &EventBody) {
        let Some(kept) = &mut *self.lock() else { return };
        match event {
            EventBody::UrlFound { found, .. } => kept.known.url = Some(found.clone()),
            EventBody::CredentialsCaptured { generation, .. } => kept.known.generation = *generation,
            _ => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn router() -> Router<Control> {
    Router::new()
        .route("/sign-in", post(begin).get(status).delete(cancel))
        .route("/sign-in/again", post(again))
        .route("/sign-in/callback", post(pasted_callback))
        .route("/sign-in/code", post(pasted_code))
        .route("/sign-in/credentials", get(credentials))
        .route("/sign-in/open-url", post(open_url))
}

async fn begin(State(control): State<Control>, Json(spec): Json<SignInSpec>) -> Result<StatusCode, Refusal> {
    spec.provider.check().map_err(|error| Refusal::bad(format!("provider {error}")))?;
    control.0.life.begin(Use::SignIn)?;
    let asked = &control.0.asked;
    asked.keep(&spec)?;
    match hand_over(&control, spec).await {
        Ok(()) => {
            control.0.timeline.mark(mark::SIGN_IN_STARTED);
            Ok(StatusCode::ACCEPTED)
        }
        Err(refusal) => {
            asked.forget();
            Err(refusal)
        }
    }
}

async fn hand_over(control: &Control, spec: SignInSpec) -> Result<(), Refusal> {
    init::surroundings::apply(&spec.surroundings).map_err(|error| Refusal::bad(console::chain(&error)))?;
    let ready = timeout(ROLE_PATIENCE, control.supervisor()?.wait_ready(OAUTH)).await;
    if !ready.is_ok_and(|ready| ready.is_ok()) {
        return Err(Refusal::not_yet("the service oauth is not ready"));
    }
    let body = BeginBody { spec, resume: None };
    Peer::oauth().send(Method::POST, "/sign-in", &body).await.map_err(handed_on)
}

async fn status() -> Result<Response, Refusal> {
    forward("/sign-in").await
}

async fn credentials() -> Result<Response, Refusal> {
    forward("/sign-in/credentials").await
}

async fn open_url(State(control): State<Control>, Json(asked): Json<OpenUrl>) -> Result<StatusCode, Refusal> {
    control.0.life.begin(Use::SignIn)?;
    Peer::oauth().send(Method::POST, "/sign-in/open-url", &asked).await.map_err(handed_on)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn again() -> Result<StatusCode, Refusal> {
    Peer::oauth().call(Method::POST, "/sign-in/again", Bytes::new()).await.map_err(handed_on)?;
    Ok(StatusCode::ACCEPTED)
}

async fn pasted_callback(body: Bytes) -> Result<Response, Refusal> {
    let verdict = Peer::oauth().call(Method::POST, "/sign-in/callback", body).await.map_err(handed_on)?;
    Ok(([(CONTENT_TYPE, "application/json")], verdict).into_response())
}

async fn pasted_code(body: Bytes) -> Result<StatusCode, Refusal> {
    Peer::oauth().call(Method::POST, "/sign-in/code", body).await.map_err(handed_on)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cancel(State(control): State<Control>) -> Result<StatusCode, Refusal> {
    control.0.asked.forget();
    Peer::oauth().call(Method::DELETE, "/sign-in", Bytes::new()).await.map_err(handed_on)?;
    // Ends the CLI, whatever it has become and started, with the terminal's control group.
    control.supervisor()?.restart_service(TERMINAL);
    Ok(StatusCode::NO_CONTENT)
}

/// The role's answer as it is: it has the form that the host expects.
async fn forward(path: &str) -> Result<Response, Refusal> {
    let body = Peer::oauth().call(Method::GET, path, Bytes::new()).await.map_err(handed_on)?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// The role's own refusals are the host's to read; that the role is not there is told as such.
pub(super) fn handed_on(error: CallError) -> Refusal {
    let status = match &error {
        CallError::Refused { status, .. } => *status,
        CallError::Unreachable(..) => StatusCode::SERVICE_UNAVAILABLE,
        CallError::Lost(..) | CallError::Senseless(_) => StatusCode::BAD_GATEWAY,
    };
    Refusal::new(status, console::chain(&error))
}

/// Hears what the role has to tell, and tells it what it has forgotten by a crash; as long as the VM lives.
pub(super) async fn relay(
    supervisor: Supervisor,
    asked: Arc<Asked>,
    journal: Arc<Journal>,
    timeline: Arc<Timeline>,
) {
    let oauth = Peer::oauth();
    loop {
        if supervisor.wait_ready(OAUTH).await.is_err() {
            // It has failed for good, and the host knows.
            sleep(LONG_PAUSE).await;
            continue;
        }
        if let Ok(mut events) = oauth.follow::<anteroom_protocol::Event>("/events").await {
            remind(&oauth, &asked).await;
            while let Some(event) = events.next().await {
                asked.learn(&event.body);
                let reached = match &event.body {
                    EventBody::UrlFound { .. } => Some(mark::SIGN_IN_URL),
                    EventBody::CredentialsCaptured { .. } => Some(mark::CREDENTIALS),
                    _ => None,
                };
                // The event comes first: somebody waits for it.
                journal.publish_at(event.body, event.uptime_ns);
                if let Some(reached) = reached {
                    timeline.mark_at(reached, event.uptime_ns);
                }
            }
        }
        sleep(PAUSE).await;
    }
}

/// Tells a role that comes after a crash what the one before it was doing. A role that is doing it already says so.
async fn remind(oauth: &Peer, asked: &Asked) {
    let kept = asked.lock().clone();
    let Some(Kept { spec, known }) = kept else { return };
    tracing::warn!("the sign-in goes on after a restart of {OAUTH}");
    let body = BeginBody { spec, resume: Some(known) };
    if let Err(error) = oauth.send(Method::POST, "/sign-in", &body).await {
        tracing::error!("the sign-in cannot go on: {}", console::chain(&error));
    }
}
