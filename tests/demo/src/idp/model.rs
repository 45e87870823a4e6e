//! The model: whoever shows a valid access token is told what was said, word by word, so that a test knows that the prompt
//! has arrived and sees the answer come. How question and answer are written is in a file for each dialect.
//!
//! A prompt with the word `slowly` in it gets an answer that takes a minute, in many pieces: time enough to cancel it.

mod body;
mod generate;
mod messages;
mod plain;
mod responses;
mod stream;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::idp::access::NoAccess;
use crate::idp::profile::ModelDialect;
use crate::idp::{Endpoint, Event, Idp};

/// As it comes and when it is unpacked; the real CLIs send up to 100 KB before anybody has said a word.
pub(crate) const LARGEST_BODY_BYTES: usize = 4 * 1024 * 1024;
const SLOWLY: &str = "slowly";
/// What a slow answer has to say besides.
const SLOW_PIECES: usize = 60;

/// What the model says: in how many pieces, and for what.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    pieces: Vec<String>,
    usage: Usage,
    slow: bool,
}

/// In words, which are our tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usage {
    input: usize,
    output: usize,
}

impl Answer {
    fn to(prompt: &str) -> Self {
        let mut pieces = vec!["You ".to_owned(), "said: ".to_owned()];
        pieces.extend(prompt.split_inclusive(char::is_whitespace).map(str::to_owned));
        let slow = prompt.contains(SLOWLY);
        if slow {
            pieces.extend((1..=SLOW_PIECES).map(|number| format!(" {number}")));
        }
        let usage = Usage { input: prompt.split_whitespace().count(), output: pieces.len() };
        Self { pieces, usage, slow }
    }

    fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// One event of the stream.
#[derive(Debug, PartialEq)]
struct Sent {
    name: Option<&'static str>,
    data: Value,
    /// Before it a slow model thinks.
    is_piece: bool,
}

impl Sent {
    fn named(name: &'static str, data: Value) -> Self {
        Self { name: Some(name), data, is_piece: false }
    }

    fn piece(self) -> Self {
        Self { is_piece: true, ..self }
    }
}

impl ModelDialect {
    /// What the person has said last.
    fn prompt(self, request: &Value) -> Option<String> {
        match self {
            Self::Responses => responses::prompt(request),
            Self::Messages => messages::prompt(request),
            Self::Generate => generate::prompt(request),
            Self::Plain => plain::prompt(request),
        }
    }

    fn events(self, answer: &Answer) -> Vec<Sent> {
        match self {
            Self::Responses => responses::events(answer),
            Self::Messages => messages::events(answer),
            Self::Generate => generate::events(answer),
            Self::Plain => plain::events(answer),
        }
    }

    fn refusal(self, why: NoAccess) -> Value {
        match self {
            Self::Responses => responses::refusal(why),
            Self::Messages => messages::refusal(),
            Self::Generate => generate::refusal(),
            Self::Plain => json!({ "error": "invalid_token" }),
        }
    }
}

pub(crate) async fn answer(
    State(idp): State<Idp>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(model) = idp.profile().models.iter().find(|model| model.path == uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Codex would like a WebSocket. With this status it asks by POST at once, with another it tries for seven seconds.
    if headers.contains_key(header::UPGRADE) {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    }
    if method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let refused = |reason| idp.log().record(Event::Refused { endpoint: Endpoint::Model, reason });
    let sign_in = match idp.bearer(&headers) {
        Ok(sign_in) => sign_in,
        Err(why) => {
            refused("no access token, or one that is not valid");
            return (StatusCode::UNAUTHORIZED, Json(model.dialect.refusal(why))).into_response();
        }
    };
    let prompt = body
        .map_err(|_| "the body is too large")
        .and_then(|body| body::json(&headers, &body).map_err(|_| "the body is not JSON, or too large"))
        .and_then(|request| model.dialect.prompt(&request).ok_or("nobody has said anything"));
    match prompt {
        Ok(prompt) => {
            idp.log().record(Event::Prompted { sign_in });
            let answer = Answer::to(&prompt);
            stream::of(model.dialect.events(&answer), answer.slow, idp.log().clone(), sign_in)
        }
        Err(reason) => {
            refused(reason);
            (StatusCode::BAD_REQUEST, Json(json!({ "error": { "message": reason } }))).into_response()
        }
    }
}

#[cfg(test)]
mod tests;
