//! Events as newline-delimited JSON, on a response that never ends. The same for the host and between the roles.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde::Deserialize;

use crate::journal::Journal;

/// `?after=N`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    #[serde(default)]
    after: u64,
}

/// `GET /events?after=N`
pub(crate) fn stream(journal: Arc<Journal>, after: &After) -> Response {
    let lines = journal.follow(after.after).map(|event| {
        // An event is plain data with string keys; it always has a JSON form.
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        Ok::<_, Infallible>(Bytes::from(line))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}
