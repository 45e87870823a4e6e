//! Server-sent events (HTML Living Standard, section 9.2), for as long as somebody listens.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::{Api, error::ApiError};

/// How often a line without meaning shows that the stream lives, also to whatever stands in between.
const ALIVE: Duration = Duration::from_secs(15);

/// Where events come from, one after the other.
pub(super) trait Source: Send + 'static {
    /// `None` when nothing will come any more.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

/// A place among those who listen; it is given back with the stream.
#[derive(Debug)]
pub(super) struct Seat(#[expect(dead_code, reason = "only held")] OwnedSemaphorePermit);

impl Seat {
    /// # Errors
    /// When there is none.
    pub(super) fn take(api: &Api) -> Result<Self, ApiError> {
        let seat = Arc::clone(&api.state.listeners).try_acquire_owned();
        seat.map(Self).map_err(|_| {
            let message = "too many callers are listening; come again in a moment, or poll instead";
            ApiError::unavailable("too_many_listeners", message, 10)
        })
    }
}

/// The answer that tells them.
pub(super) fn answered(source: impl Source, seat: Seat) -> Response {
    let events = stream::unfold((source, seat), async |(mut source, seat)| {
        let event = source.next().await?;
        Some((Ok::<_, Infallible>(event), (source, seat)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}
