//! What was seen of a VM and of its session, as one list in the order of time: for whoever follows them.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::VmId;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until};

use super::{
    Api,
    body::{InPath, InQuery},
    error::ApiError,
    seen::Acting,
    session::LONGEST_WAIT_S,
    tenant::{Tenant, living},
    vm::find,
    words::{TimeText, time_text},
};
use crate::{
    session::{self, SessionHandle},
    store::VmRecord,
    vm::HostMark,
};

/// `?known=N&wait=S`: answers as soon as there are not N events, after S seconds at the latest.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Known {
    #[serde(default)]
    known: usize,
    #[serde(default)]
    wait: u64,
}

/// All events that are known by now, however many the caller knows: a daemon that has taken a VM over has learnt them anew,
/// and has others.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VmEvents")]
pub(super) struct Events {
    events: Vec<Event>,
    /// There will be no more.
    over: bool,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "VmEvent")]
struct Event {
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    at: OffsetDateTime,
    of: Of,
    /// The name of a mark, or words.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Of {
    Vm,
    Session,
}

/// `GET /api/vms/{id}/events`
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<VmId>,
    InQuery(query): InQuery<Known>,
    acting: Acting,
) -> Result<Json<Events>, ApiError> {
    let deadline = Instant::now() + Duration::from_secs(query.wait.min(LONGEST_WAIT_S));
    let record = find(&api, id).await?;
    let Some((vm, tenant)) = living(&api, id) else {
        return Ok(Json(of_the_past(&api, record, &acting).await?));
    };
    match &tenant {
        Some(tenant) => acting.may_see(&tenant.user())?,
        None => acting.must_be_nobody()?,
    }
    let session = tenant.as_ref().and_then(Tenant::session);
    let mut state = vm.state();
    loop {
        let (marks, vm_is_over) = {
            let now = state.borrow_and_update();
            (now.timeline.clone(), now.status.is_final())
        };
        let moments = match session {
            Some(session) => session.history_after(0, Duration::ZERO).await,
            None => Vec::new(),
        };
        let seen = moments.len();
        let events = in_order(marks, moments.into_iter().map(|moment| (moment.at, moment.text)));
        let session_is_over = session.is_none_or(|session| session.view().record.status.is_final());
        let over = vm_is_over && session_is_over;
        if over || events.len() != query.known || Instant::now() >= deadline {
            return Ok(Json(Events { events, over }));
        }
        tokio::select! {
            Ok(()) = state.changed() => {}
            () = more_of(session, seen, deadline) => {}
            () = sleep_until(deadline) => {}
        }
    }
}

/// Waits until more than so much was seen of the session.
async fn more_of(session: Option<&SessionHandle>, seen: usize, deadline: Instant) {
    match session {
        Some(session) => {
            session.history_after(seen, deadline.saturating_duration_since(Instant::now())).await;
        }
        None => std::future::pending().await,
    }
}

/// Of a VM that is gone: its marks, and what became of its session. What else was seen of that is forgotten.
async fn of_the_past(api: &Api, record: VmRecord, acting: &Acting) -> Result<Events, ApiError> {
    let session = match record.session_id {
        Some(id) => api.store.session_get(id).await?,
        None => None,
    };
    match session.as_ref().map(|session| &session.user_id).or(record.user_id.as_ref()) {
        Some(user) => acting.may_see(user)?,
        None => acting.must_be_nobody()?,
    }
    let marks: Option<Vec<HostMark>> = record.timeline.and_then(|marks| serde_json::from_value(marks).ok());
    let end = session.and_then(|session| Some((session.completed_at?, session::status_in_words(&session))));
    Ok(Events { events: in_order(marks.unwrap_or_default(), end), over: true })
}

fn in_order(marks: Vec<HostMark>, moments: impl IntoIterator<Item = (OffsetDateTime, String)>) -> Vec<Event> {
    let of_vm = marks.into_iter().map(|mark| Event { at: mark.at, of: Of::Vm, text: mark.name });
    let of_session = moments.into_iter().map(|(at, text)| Event { at, of: Of::Session, text });
    let mut events: Vec<Event> = of_vm.chain(of_session).collect();
    events.sort_by_key(|event| event.at);
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_both_are_in_the_order_of_time() {
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mark =
            |name: &str, seconds| HostMark { name: name.to_owned(), at: at(seconds), since_request_ms: 0.0 };
        let events = in_order(vec![mark("one", 1), mark("three", 3)], [(at(2), "two".to_owned())]);
        let texts: Vec<&str> = events.iter().map(|event| event.text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "three"]);
        assert_eq!(serde_json::to_value(&events[1]).unwrap()["of"], "session");
    }
}
