//! The listener on loopback that the browser comes back to.
//!
//! ```text
//!   waiting ──wrong path: 404, wrong state: 400──▶ waiting
//!      └──right state──▶ handed to the login ──verdict──▶ every browser that asked sees the same page
//! ```
//!
//! It does not redeem the code; it holds the browser's request open until the login says how that went, so that the page
//! tells the truth.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use tokio::sync::{mpsc, watch};

use crate::cli::attempt::CALLBACK_PATH;
use crate::idp::Params;
use crate::page::{Html, Tone, escape, page};
use crate::secret::Secret;

/// Of the provider's error, which is shown to the person.
const LONGEST_ERROR_CHARS: usize = 100;

/// What the browser brought back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    Code(Secret),
    /// The provider's `error`, made printable.
    Refused(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotOurs;

/// How the sign-in ended.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    SignedIn { email: String },
    Failed { cause: String },
}

/// The login's end of the listener.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) callbacks: mpsc::Receiver<Callback>,
    pub(crate) verdict: watch::Sender<Option<Verdict>>,
}

struct Reception {
    state: Secret,
    callbacks: mpsc::Sender<Callback>,
    verdict: watch::Receiver<Option<Verdict>>,
}

/// The listener's router and the desk that gets what arrives with `state`.
pub(crate) fn reception(state: Secret) -> (Router, Desk) {
    // One: what comes after the first callback only waits for the verdict.
    let (sender, callbacks) = mpsc::channel(1);
    let (verdict, outcome) = watch::channel(None);
    let reception = Reception { state, callbacks: sender, verdict: outcome };
    let router = Router::new().route(CALLBACK_PATH, get(receive)).with_state(Arc::new(reception));
    (router, Desk { callbacks, verdict })
}

/// Whether a query belongs to the attempt with this state, and what it says.
pub(crate) fn judge(state: &Secret, query: &str) -> Result<Callback, NotOurs> {
    let params = Params::parse(query).map_err(|_| NotOurs)?;
    if params.value("state") != Some(state.reveal()) {
        return Err(NotOurs);
    }
    match (params.value("error"), params.value("code")) {
        (Some(error), _) => Ok(Callback::Refused(
            error.chars().take(LONGEST_ERROR_CHARS).flat_map(char::escape_default).collect(),
        )),
        (None, Some(code)) => Ok(Callback::Code(Secret::new(code))),
        (None, None) => Err(NotOurs),
    }
}

async fn receive(State(reception): State<Arc<Reception>>, RawQuery(query): RawQuery) -> Response {
    let Ok(callback) = judge(&reception.state, &query.unwrap_or_default()) else {
        let body = Html::ours("<p>The terminal is still waiting for the right answer.</p>");
        return page(StatusCode::BAD_REQUEST, Tone::Trouble, "This does not belong to the sign-in", &body);
    };
    // Full means that a callback is being dealt with already; closed, that the verdict is there.
    let _ = reception.callbacks.try_send(callback);
    let mut outcome = reception.verdict.clone();
    let verdict = outcome.wait_for(Option::is_some).await.ok().and_then(|verdict| verdict.clone());
    verdict_page(verdict.unwrap_or(Verdict::Failed { cause: "the sign-in was given up".to_owned() }))
}

fn verdict_page(verdict: Verdict) -> Response {
    match verdict {
        Verdict::SignedIn { email } => {
            let email = escape(&email);
            let body = format!(
                "<p>Signed in as <span class=\"account\">{}</span>.</p><p>You can close this page and go back to the \
                 terminal.</p>",
                email.as_str()
            );
            page(StatusCode::OK, Tone::Success, "You are signed in", &Html::ours(body))
        }
        Verdict::Failed { cause } => {
            let body = format!("<p>{}.</p><p>Start again from the terminal.</p>", escape(&cause).as_str());
            page(StatusCode::OK, Tone::Trouble, "You are not signed in", &Html::ours(body))
        }
    }
}

#[cfg(test)]
mod tests;
