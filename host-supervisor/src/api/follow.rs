//! A session as a stream of server-sent events (HTML Living Standard, section 9.2): what it is now, and every change of that.
//!
//! ```text
//!  event: session   the same words as `GET /api/auth/session/{id}`, whenever they are others
//!  event: moment    for keys only: what was seen, as `…/history` tells it
//! ```
//! An event's id is `<revision>-<moments>`; whoever comes again with it as `Last-Event-ID` gets what has changed since. After the
//! session's end the stream ends, and whoever comes again then is told with 204 that nothing will come.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::SessionId;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response, sse::Event},
};
use serde_json::json;

use super::{
    Api,
    access::IsToken,
    error::ApiError,
    event_stream::{Seat, Source, answered},
    seen::{Base, Seen},
    sign_in::MomentWords,
};
use crate::session::SessionHandle;

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
    let seat = Seat::take(&api)?;
    let mut known = last.and_then(Known::parse).unwrap_or_default();
    if let Some(session) = seen.living()
        && session.history_after(0, Duration::ZERO).await.len() < known.moments
    {
        // Another daemon has taken the session over, and sees everything again.
        known = Known::default();
    }
    let listening =
        Listening { id: seen.record().id, api, base, moments_wanted: !is_token, known, over: false };
    Ok(answered(listening, seat))
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
}

impl Source for Listening {
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
}

impl Listening {
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
