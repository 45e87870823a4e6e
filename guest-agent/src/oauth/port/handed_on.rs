//! What the caller gets of the CLI's answer to a callback. A callback that the CLI has not taken is never answered as if
//! it had been, whatever the CLI's own status says:
//!
//! | the CLI | shows a page | leads out of the VM | leads to its own loopback |
//! |---|---|---|---|
//! | has taken it | its status, the page | its status, `Location` | 200, and not where to |
//! | has not | its 4xx or 5xx, else 400; the page | 400, `Location` | 400, and not where to |
//!
//! Where there is no page, JSON says what has happened.

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::oauth::callback::{Answer, Leads};

pub(super) fn handed_on(answer: Answer) -> Response {
    let (status, words) = (status(&answer), words(&answer));
    let mut response = if answer.leads == Leads::Nowhere && !answer.body.is_empty() {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        (status, [(CONTENT_TYPE, answer.content_type.unwrap_or(html))], answer.body).into_response()
    } else {
        // The page that comes with a redirect repeats where it leads to.
        (status, Json(words)).into_response()
    };
    if let Leads::Out(location) = answer.leads {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn status(answer: &Answer) -> StatusCode {
    match &answer.leads {
        _ if is_error(answer.status) => answer.status,
        _ if !answer.verdict.accepted => StatusCode::BAD_REQUEST,
        Leads::Inside => StatusCode::OK,
        Leads::Nowhere | Leads::Out(_) => answer.status,
    }
}

fn words(answer: &Answer) -> Value {
    if answer.verdict.accepted && !is_error(answer.status) {
        return json!({ "success": true, "message": "the command has taken the callback" });
    }
    let error = match &answer.provider_error {
        Some(error) => format!("the provider has not signed the person in: {error}"),
        None => "the command has not taken the callback".to_owned(),
    };
    json!({ "error": error, "cliStatus": answer.verdict.status })
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}
