//! A session as a stream of server-sent events (HTML Living Standard, section 9.2): what it is now, and every change of that.
//!
//! ```text
//!  event: session   the same words as `GET /api/auth/session/{id}`, whenever they are others
//!  event: moment    for keys only: what was seen, as `…/history` tells it
//! ```
//! An event's id is `<revision>-<moments>`; whoever comes again with it as `Last-Event-ID` gets what has changed since. After the
//! session's end the stream ends, and whoever comes again then is told with 204 that nothing will come.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anteroom_protocol::SessionId;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Api,
    access::IsToken,
    error::ApiError,
    seen::{Base, Seen},
    sign_in::MomentWords,
};
use crate::session::SessionHandle;

/// How often a line without meaning shows that the stream lives, also to whatever stands in between.
const ALIVE: Duration = Duration::from_secs(15);
/// The longest time that nobody looks whether the session is still there.
const LOOK: Duration = Duration::from_secs(25);
/// The id of the last event of all.
const END: &str = "end";

pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    base: Base,
    IsToken(is_token): IsToken,
    headers: HeaderMap,
    seen: Seen,
) -> Result<Response, ApiError> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    if last == Some(END) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let listener = Arc::clone(&api.state.listeners).try_acquire_owned().map_err(|_| {
        ApiError::unavailable("too_many_listeners", "too many callers are listening; poll instead", 10)
    })?;
    let mut known = last.and_then(Known::parse).unwrap_or_default();
    if let Some(session) = seen.living()
        && session.history_after(0, Duration::ZERO).await.len() < known.moments
    {
        // Another daemon has taken the session over, and sees everything again.
        known = Known::default();
    }
    let listening = Listening {
        id: seen.record().id,
        api,
        base,
        moments_wanted: !is_token,
        known,
        over: false,
        _listener: listener,
    };
    let events = listening.events();
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

/// What a listener has been told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    /// None was told yet.
    revision: Option<u64>,
    moments: usize,
}

impl Known {
    fn parse(id: &str) -> Option<Self> {
        let (revision, moments) = id.split_once('-')?;
        Some(Self { revision: Some(revision.parse().ok()?), moments: moments.parse().ok()? })
    }

    fn id(self) -> String {
        format!("{}-{}", self.revision.unwrap_or_default(), self.moments)
    }
}

struct Listening {
    api: Arc<Api>,
    base: Base,
    id: SessionId,
    moments_wanted: bool,
    known: Known,
    over: bool,
    _listener: OwnedSemaphorePermit,
}

impl Listening {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut listening| {
            let event = listening.next().await?;
            Some((Ok(event), listening))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        while !self.over {
            let living = self.api.sessions.living(self.id);
            let Some(session) = living.filter(|session| !session.view().record.status.is_final()) else {
                self.over = true;
                return self.said().await.map(|event| event.id(END));
            };
            if let Some(moment) = self.moment(&session).await {
                return Some(moment);
            }
            let revision = session.view().revision;
            if self.known.revision != Some(revision) {
                self.known.revision = Some(revision);
                return self.said().await.map(|event| event.id(self.known.id()));
            }
            let moments = async {
                // A listener that wants none waits for the other.
                if !self.moments_wanted {
                    std::future::pending::<()>().await;
                }
                session.history_after(self.known.moments, LOOK).await;
            };
            tokio::select! {
                () = session.change_since(revision, LOOK) => {}
                () = moments => {}
            }
        }
        None
    }

    async fn moment(&mut self, session: &SessionHandle) -> Option<Event> {
        if !self.moments_wanted {
            return None;
        }
        let moment = session.history_after(self.known.moments, Duration::ZERO).await.into_iter().next()?;
        self.known.moments += 1;
        let event = Event::default().event("moment").id(self.known.id());
        event.json_data(MomentWords::of(moment)).ok()
    }

    /// As it is now; `None` when nothing is left of it.
    async fn said(&self) -> Option<Event> {
        let seen = Seen::find(&self.api, self.id).await.ok()?;
        let words = json!({ "session": seen.words(&self.api, &self.base) });
        Event::default().event("session").json_data(words).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_is_known_and_reads_back() {
        let known = Known { revision: Some(7), moments: 3 };
        assert_eq!(known.id(), "7-3");
        assert_eq!(Known::parse("7-3"), Some(known));
        for nonsense in ["", "7", "-", "a-1", "1-a", END] {
            assert_eq!(Known::parse(nonsense), None, "{nonsense}");
        }
    }
}
