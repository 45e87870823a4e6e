//! Helping a sign-in along: its page, what a person brings back from it, another attempt, and what was seen.

use std::time::Duration;

use anteroom_protocol::{
    Secret,
    agent::{OpenUrl, PastedCallback, PastedCode},
};
use axum::{Json, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    body::{InQuery, Strict},
    error::ApiError,
    seen::Seen,
    session::LONGEST_WAIT_S,
    words::{Done, TimeText, time_text},
};
use crate::{
    agent::AgentError,
    session::{Moment, SessionHandle},
    vm::Visit,
};

pub(super) async fn oauth_url(seen: Seen) -> Result<(StatusCode, Json<Page>), ApiError> {
    let view = seen.still_going()?.view();
    let url = view.attempt.url.as_ref().and_then(|found| found.url.expose_str());
    Ok(match url {
        Some(url) => (StatusCode::OK, Json(Page::Known { oauth_url: url.to_owned() })),
        None => {
            let message = match view.starts_ahead {
                Some(ahead) => format!("the VM waits for its turn to start, with {ahead} ahead of it"),
                None => "the sign-in page is not known yet".to_owned(),
            };
            let waiting = Page::Waiting { waiting: true, message, elapsed_ms: seen.elapsed_ms() };
            (StatusCode::ACCEPTED, Json(waiting))
        }
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PageUrl")]
pub(super) struct Open {
    url: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Opened {
    success: bool,
    method: &'static str,
}

pub(super) async fn open_url(seen: Seen, Strict(body): Strict<Open>) -> Result<Json<Opened>, ApiError> {
    let helped = Helped::of(&seen)?;
    check_url(&body.url)?;
    helped.vm().await?.open_url(&body.url).await?;
    Ok(Json(Opened { success: true, method: "agent" }))
}

/// A session that has not ended, and that somebody helps along: it has not been left alone, however the help ends.
struct Helped<'a>(&'a SessionHandle);

impl<'a> Helped<'a> {
    fn of(seen: &'a Seen) -> Result<Self, ApiError> {
        let session = seen.still_going()?;
        session.touch();
        Ok(Self(session))
    }

    async fn vm(&self) -> Result<Visit, ApiError> {
        Ok(self.0.vm().visit().await?)
    }
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
pub(super) async fn callback(seen: Seen, Strict(body): Strict<Open>) -> Result<Json<Done>, ApiError> {
    let helped = Helped::of(&seen)?;
    check_url(body.url.trim())?;
    let verdict = helped.vm().await?.paste_callback(&PastedCallback { url: Secret::new(body.url) }).await?;
    if verdict.accepted {
        return Ok(Done::json());
    }
    let message = "the CLI did not take this answer; the session says of what the attempt failed";
    Err(ApiError::conflict("callback_refused", message).with("cliStatus", verdict.status))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PageCode")]
pub(super) struct Code {
    code: String,
}

/// The code that the sign-in page has shown, or the address of that page: typed into the terminal. What the CLI makes of
/// it is seen in the session.
pub(super) async fn code(seen: Seen, Strict(body): Strict<Code>) -> Result<Json<Done>, ApiError> {
    let helped = Helped::of(&seen)?;
    if body.code.len() > OpenUrl::MAX_BYTES {
        let message = format!("code: expected at most {} bytes", OpenUrl::MAX_BYTES);
        return Err(ApiError::bad_request("invalid_code", message));
    }
    let typed = helped.vm().await?.paste_code(&PastedCode { code: Secret::new(body.code) }).await;
    typed.map_err(|error| match error {
        AgentError::Refused { status: StatusCode::CONFLICT, problem, .. } => {
            ApiError::conflict("not_asked", problem)
        }
        error => error.into(),
    })?;
    Ok(Done::json())
}

/// `?after=N&wait=S`: what was seen after the first N moments, at once or as soon as there is something, after S seconds
/// at the latest.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct After {
    #[serde(default)]
    after: usize,
    #[serde(default)]
    wait: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Moment")]
pub(super) struct MomentWords {
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    at: OffsetDateTime,
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct History {
    history: Vec<MomentWords>,
    /// Whether nothing will come any more.
    over: bool,
}

/// The sign-in page, or that it is waited for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Page {
    Known {
        #[serde(rename = "oauthUrl")]
        oauth_url: String,
    },
    #[serde(rename_all = "camelCase")]
    Waiting { waiting: bool, message: String, elapsed_ms: i64 },
}

impl MomentWords {
    pub(super) fn of(moment: Moment) -> Self {
        Self { at: moment.at, text: moment.text }
    }
}

/// What was seen of a living session, oldest first.
pub(super) async fn history(seen: Seen, InQuery(query): InQuery<After>) -> Result<Json<History>, ApiError> {
    let gone =
        || ApiError::gone("session_ended", "the session has ended, and what was seen of it is forgotten");
    let session = seen.living().ok_or_else(gone)?;
    let wait = Duration::from_secs(query.wait.min(LONGEST_WAIT_S));
    let moments = session.history_after(query.after, wait).await;
    let history = moments.into_iter().map(MomentWords::of).collect();
    Ok(Json(History { history, over: session.view().record.status.is_final() }))
}

/// Another attempt after a failed one, in the same VM.
pub(super) async fn retry(seen: Seen) -> Result<Json<Done>, ApiError> {
    let helped = Helped::of(&seen)?;
    if helped.0.view().attempt_failure.is_none() {
        return Err(ApiError::conflict(
            "not_failed",
            "the sign-in has not failed, so there is nothing to try again",
        ));
    }
    helped.0.try_again(&*helped.vm().await?).await?;
    Ok(Done::json())
}
