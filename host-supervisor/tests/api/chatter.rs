//! What the services of a played guest say, told as the agent tells it (`guest-agent/src/control/app.rs`).

use std::{collections::BTreeMap, sync::Arc};

use anteroom_protocol::agent::{LOG_LINES_HEADER, LogWanted};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use crate::guest::Guest;

/// As many as the agent keeps.
const KEPT_LINES: usize = 400;

/// By the name of the service, everything that it has ever said.
#[derive(Debug, Default)]
pub(crate) struct Chatter(watch::Sender<BTreeMap<String, Vec<String>>>);

impl Chatter {
    pub(crate) fn says(&self, service: &str, line: &str) {
        self.0.send_modify(|logs| logs.entry(service.to_owned()).or_default().push(line.to_owned()));
    }

    /// How many wait for what is said next.
    pub(crate) fn listeners(&self) -> usize {
        self.0.receiver_count()
    }
}

pub(crate) fn routes() -> Router<Arc<Guest>> {
    Router::new().route("/services/{name}/log", get(log))
}

async fn log(
    State(guest): State<Arc<Guest>>,
    Path(name): Path<String>,
    Query(wanted): Query<LogWanted>,
) -> Response {
    let mut logs = guest.chatter.0.subscribe();
    if let Some(known) = wanted.known {
        let moved = logs.wait_for(|logs| logs.get(&name).is_none_or(|lines| lines.len() as u64 != known));
        let _ = timeout(wanted.patience(), moved).await;
    }
    let Some(lines) = logs.borrow().get(&name).cloned() else {
        let problem = json!({ "error": "there is no service of that name" });
        return (StatusCode::NOT_FOUND, Json(problem)).into_response();
    };
    let text: String =
        lines.iter().skip(lines.len().saturating_sub(KEPT_LINES)).map(|line| format!("{line}\n")).collect();
    ([(LOG_LINES_HEADER, lines.len().to_string())], text).into_response()
}
