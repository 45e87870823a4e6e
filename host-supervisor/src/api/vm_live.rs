//! One VM as a stream of server-sent events (HTML Living Standard, section 9.2): what it is now, every change of that, and with
//! `?log=NAME` what one of its services says.
//!
//! ```text
//!  event: vm    the same words as `GET /api/vms/{id}`, whenever they are others
//!  event: log   {text, whole}   the last lines, which take the place of what was known; afterwards what came since
//! ```
//! Who listens only looks: the VM hibernates as if nobody did, is not woken, and its log goes on when somebody else has it woken.
//! After the VM's end the stream ends, and whoever comes again with the id of the last event is told with 204 that nothing will
//! come. In the middle there is nothing to resume: whoever comes again begins again.

use std::{future::pending, sync::Arc, time::Duration};

use anteroom_protocol::{VmId, agent::LogWanted};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response, sse::Event},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::{
    Api,
    access::Caller,
    audit::Trail,
    body::InQuery,
    error::ApiError,
    event_stream::{Seat, Source, answered},
    session::LONGEST_WAIT_S,
    tenant::living,
    vm::{SeenVm, ShownVm, find},
};
use crate::{
    agent::{AgentError, log_news},
    vm::VmHandle,
};

/// What changes, or is said, within this time is told together.
const COLLECT: Duration = Duration::from_millis(250);
/// After an agent that does not answer, and between the end of a session and that of its VM.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The longest time that nobody looks whether the VM is still there.
const LOOK: Duration = Duration::from_secs(25);
/// Of a service's name in the audit log, in characters.
const MOST_CHARS: usize = 64;
/// The id of the last event of all.
const END: &str = "end";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveQuery {
    /// The name of a service.
    log: Option<String>,
}

/// What a service has said.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ServiceLog")]
pub(super) struct LogWords {
    text: String,
    /// These are its last lines, and whatever was known may be old; otherwise it is what came since.
    whole: bool,
}

/// `GET /api/vms/{id}/live`
pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    caller: Caller,
    trail: Trail,
    headers: HeaderMap,
    InQuery(LiveQuery { log }): InQuery<LiveQuery>,
    SeenVm(record): SeenVm,
) -> Result<Response, ApiError> {
    if headers.get("last-event-id").is_some_and(|id| id.as_bytes() == END.as_bytes()) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let seat = Seat::take(&api)?;
    if let Some(name) = &log {
        must_be_known(&api, record.id, name).await?;
        let name: String = name.chars().take(MOST_CHARS).collect();
        trail.note(StatusCode::OK, format!("follows the log of {name}")).await;
    }
    let log = log.map(|name| Log { name, told: None, lines: None });
    Ok(answered(Listening { api, caller, id: record.id, told: None, log, over: false }, seat))
}

/// A wrong name is refused as long as there is an agent that knows the right ones.
async fn must_be_known(api: &Api, id: VmId, service: &str) -> Result<(), ApiError> {
    let Some(agent) = living(api, id).and_then(|(vm, _)| vm.agent()) else { return Ok(()) };
    match agent.service_log(service, LogWanted::default()).await {
        Err(error @ AgentError::Refused { .. }) => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

struct Listening {
    api: Arc<Api>,
    caller: Caller,
    id: VmId,
    /// What was told of the VM last.
    told: Option<String>,
    log: Option<Log>,
    over: bool,
}

impl Source for Listening {
    async fn next(&mut self) -> Option<Event> {
        // A key can be revoked, or end, while somebody listens with it.
        while !self.over && self.api.access.still_counts(&self.caller) {
            let vm = living(&self.api, self.id).map(|(vm, _)| vm);
            let mut state = vm.as_ref().map(VmHandle::state);
            if let Some(state) = &mut state {
                // What happens from here on is a change of what is told now.
                state.borrow_and_update();
            }
            let record = find(&self.api, self.id).await.ok()?;
            self.over = record.status.is_final();
            let text = serde_json::to_string(&ShownVm::of(&self.api, record)).ok()?;
            if self.over {
                return Some(Event::default().event("vm").id(END).data(text));
            }
            if self.told.as_ref() != Some(&text) {
                self.told = Some(text.clone());
                return Some(Event::default().event("vm").data(text));
            }
            let (Some(vm), Some(mut state)) = (vm, state) else {
                sleep(LOOK_AGAIN).await;
                continue;
            };
            tokio::select! {
                _ = state.changed() => sleep(COLLECT).await,
                words = more_of(&mut self.log, &vm) => {
                    return Event::default().event("log").json_data(words).ok();
                }
                () = sleep(LOOK) => {}
                () = self.api.state.over.cancelled() => return None,
            }
        }
        None
    }
}

async fn more_of(log: &mut Option<Log>, vm: &VmHandle) -> LogWords {
    match log {
        Some(log) => log.more(vm).await,
        None => pending().await,
    }
}

/// What a service says.
struct Log {
    name: String,
    /// Its last lines, as far as they were told.
    told: Option<String>,
    /// How many there were by then, where the agent says so.
    lines: Option<u64>,
}

impl Log {
    /// What it says next.
    ///
    /// # Cancel safety
    /// What was not returned is returned the next time.
    async fn more(&mut self, vm: &VmHandle) -> LogWords {
        loop {
            if self.told.is_some() {
                sleep(COLLECT).await;
            }
            // Without one the VM ends, which is told otherwise.
            let Some(agent) = vm.answering_agent().await else { return pending().await };
            let wanted = LogWanted { known: self.lines, wait: LONGEST_WAIT_S };
            let Ok((now, lines)) = agent.service_log(&self.name, wanted).await else {
                sleep(LOOK_AGAIN).await;
                continue;
            };
            let before = self.told.replace(now.clone());
            self.lines = lines;
            let whole = before.is_none();
            let text = log_news(before.as_deref().unwrap_or_default(), &now);
            if whole || !text.is_empty() {
                return LogWords { text: text.to_owned(), whole };
            }
        }
    }
}
