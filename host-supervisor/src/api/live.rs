//! What changes on this daemon, as a stream of server-sent events (HTML Living Standard, section 9.2): for a page that shows
//! lists and asks for none of them twice.
//!
//! ```text
//!  event: begin         whatever was known may be old: the lists are to be read now, and what follows is newer
//!  event: session, vm, prompt     one of them as it is now, as their lists have it
//!  event: gone          {of, id}  one of them is forgotten
//!  event: changed       {of}      keys, deliveries, or audit: that list has changed
//!  event: stats         what runs, and what the host has left, every five seconds
//! ```
//! Of these a caller hears what the scopes of its key let it read otherwise. Changes of one moment are told together, each thing
//! once. Whoever comes again begins again: there is nothing to resume.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::{
    sync::broadcast,
    time::{Interval, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Api,
    access::Caller,
    admin,
    error::ApiError,
    event_stream::{Seat, Source, answered},
    prompts::PromptWords,
    seen::{Acting, Base, Seen},
    words::VmWords,
};
use crate::store::{Change, Scope};

/// What changes within this time is told together.
const COLLECT: Duration = Duration::from_millis(100);
const STATS_EVERY: Duration = Duration::from_secs(5);

/// `GET /api/live`
pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    caller: Caller,
) -> Result<Response, ApiError> {
    acting.must_be_nobody()?;
    let seat = Seat::take(&api)?;
    let mut stats = interval(STATS_EVERY);
    stats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listening = Listening {
        changes: api.store.changes(),
        due: BTreeSet::new(),
        begun: false,
        stats,
        over: api.state.over.clone(),
        api,
        base,
        caller,
    };
    Ok(answered(listening, seat))
}

/// What was known may be old.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Begun {}

/// What may be forgotten while somebody sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Forgotten {
    Session,
    Prompt,
}

/// One of them is forgotten.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Gone {
    of: Forgotten,
    #[schemars(with = "Uuid")]
    id: String,
}

/// What is told of as a whole.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum List {
    Keys,
    Deliveries,
    Audit,
}

/// That list has changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changed {
    of: List,
}

struct Listening {
    api: Arc<Api>,
    base: Base,
    caller: Caller,
    changes: broadcast::Receiver<Change>,
    /// To be told.
    due: BTreeSet<Change>,
    begun: bool,
    stats: Interval,
    /// The daemon stops.
    over: CancellationToken,
}

enum Heard {
    Change(Change),
    /// More than could be remembered.
    TooMuch,
    Tick,
    End,
}

impl Source for Listening {
    async fn next(&mut self) -> Option<Event> {
        if !self.begun {
            self.begun = true;
            return event("begin", &Begun {});
        }
        loop {
            while let Some(change) = self.due.pop_first() {
                if let Some(event) = self.told(change).await {
                    return Some(event);
                }
            }
            let heard = self.hear().await;
            // A key can be revoked, or end, while somebody listens with it.
            if !self.api.access.still_counts(&self.caller) {
                return None;
            }
            match heard {
                Heard::Change(change) => {
                    self.due.insert(change);
                    sleep(COLLECT).await;
                    while let Ok(more) = self.changes.try_recv() {
                        self.due.insert(more);
                    }
                }
                Heard::TooMuch => return event("begin", &Begun {}),
                Heard::Tick => {
                    if self.caller.may(Scope::Admin)
                        && let Ok(stats) = admin::stats_of(&self.api).await
                    {
                        return event("stats", &stats);
                    }
                }
                Heard::End => return None,
            }
        }
    }
}

impl Listening {
    async fn hear(&mut self) -> Heard {
        tokio::select! {
            () = self.over.cancelled() => Heard::End,
            change = self.changes.recv() => match change {
                Ok(change) => Heard::Change(change),
                Err(broadcast::error::RecvError::Lagged(_)) => Heard::TooMuch,
                Err(broadcast::error::RecvError::Closed) => Heard::End,
            },
            _ = self.stats.tick() => Heard::Tick,
        }
    }

    /// `None` for what the caller may not know, and when the database does not say it.
    async fn told(&self, change: Change) -> Option<Event> {
        let scope = match change {
            Change::Session(_) => Scope::Sessions,
            Change::Vm(_) => Scope::Vms,
            Change::Prompt(_) => Scope::Prompts,
            Change::Deliveries | Change::Keys | Change::Audit => Scope::Admin,
        };
        if !self.caller.may(scope) {
            return None;
        }
        let store = &self.api.store;
        match change {
            Change::Session(id) => match store.session_get(id).await.ok()? {
                Some(record) => event("session", &Seen::of(&self.api, record).words(&self.api, &self.base)),
                None => event("gone", &Gone { of: Forgotten::Session, id: id.to_string() }),
            },
            Change::Vm(id) => event("vm", &VmWords::of(store.vm_get(id).await.ok()??)),
            Change::Prompt(id) => match store.prompt_get(id).await.ok()? {
                Some(record) => event("prompt", &PromptWords::from(record)),
                None => event("gone", &Gone { of: Forgotten::Prompt, id: id.to_string() }),
            },
            Change::Deliveries => changed(List::Deliveries),
            Change::Keys => changed(List::Keys),
            Change::Audit => changed(List::Audit),
        }
    }
}

fn changed(of: List) -> Option<Event> {
    event("changed", &Changed { of })
}

fn event(name: &'static str, words: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(words).ok()
}
