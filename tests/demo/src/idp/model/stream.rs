//! An answer on its way: server-sent events, at once or slowly. The log says whether all of it was taken.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};

use crate::idp::model::Sent;
use crate::idp::{Event, Log, SignInNumber};

/// Between two pieces of a slow answer.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) fn of(events: Vec<Sent>, slow: bool, log: Log, sign_in: SignInNumber) -> Response {
    let watch = Watch { log, sign_in, taken: false };
    let events = stream::unfold((events.into_iter(), watch), move |(mut events, watch)| async move {
        let Some(event) = events.next() else {
            watch.taken();
            return None;
        };
        if slow && event.is_piece {
            tokio::time::sleep(PAUSE).await;
        }
        let data = sse::Event::default().data(event.data.to_string());
        let written = event.name.map_or_else(|| data.clone(), |name| data.clone().event(name));
        Some((written, (events, watch)))
    });
    Sse::new(events.map(Ok::<_, Infallible>)).into_response()
}

/// Is dropped with the answer.
struct Watch {
    log: Log,
    sign_in: SignInNumber,
    taken: bool,
}

impl Watch {
    fn taken(mut self) {
        self.taken = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Self { sign_in, taken, .. } = *self;
        self.log.record(if taken { Event::Answered { sign_in } } else { Event::HungUp { sign_in } });
    }
}
