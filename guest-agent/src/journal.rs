//! What happened, numbered, and kept as long as there is room: a host that comes after another one hears it all again.
//!
//! ```text
//!  publish ──▶ [ 1 2 3 4 5 6 7 ] ──▶ follow(after)   any number of readers, each from its own number
//!                    ▲ acknowledge(through): up to here it may be forgotten
//! ```
//! It begins anew, with 1, when the machine becomes another one: a copy of a frozen guest has a story of its own.
//!
//! The journal is bounded. When it overflows, what was acknowledged goes first, then the oldest marks, then the oldest of
//! everything else; captured credentials stay, because they are the one thing that nobody can find out again.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use anteroom_protocol::{Event, EventBody};
use futures_util::Stream;
use tokio::sync::watch;

use crate::boottime;

/// How many events are kept.
const MAX_EVENTS: usize = 4096;

#[derive(Debug)]
pub(crate) struct Journal {
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
    /// How many read it now.
    followers: watch::Sender<usize>,
}

/// Counts as a follower as long as it lives.
struct Following(Arc<Journal>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.followers.send_modify(|count| *count -= 1);
    }
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            kept: Mutex::new(Kept::new(MAX_EVENTS)),
            newest: watch::Sender::new(0),
            followers: watch::Sender::new(0),
        }
    }

    pub(crate) fn publish(&self, body: EventBody) {
        self.publish_at(body, boottime::now_ns());
    }

    /// Publishes what happened at a moment that another role has noticed.
    pub(crate) fn publish_at(&self, body: EventBody, uptime_ns: u64) {
        let number = self.kept().push(body, uptime_ns);
        self.newest.send_replace(number);
    }

    /// Tells everybody who follows that it is over. They need not hear it from the connection: one that the VMM takes away ends
    /// with an error that a reader is not woken for.
    pub(crate) fn dismiss(&self) {
        self.kept().story += 1;
        self.newest.send_modify(|_| {});
    }

    /// Forgets everything: what follows is the story of another machine, and begins with 1. Who still follows the old one
    /// is told its end.
    pub(crate) fn begin_anew(&self) {
        self.kept().begin_anew();
        self.newest.send_replace(0);
    }

    /// Everything up to and including `through` may be forgotten.
    pub(crate) fn acknowledge(&self, through: u64) {
        self.kept().acknowledge(through);
    }

    /// Returns when somebody follows.
    pub(crate) async fn followed(&self) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.followers.subscribe().wait_for(|count| *count > 0).await;
    }

    /// Returns when nobody does.
    pub(crate) async fn unfollowed(&self) {
        let _ = self.followers.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Every event after that number, then each new one as it happens; ends only where the journal begins anew.
    pub(crate) fn follow(self: Arc<Self>, after: u64) -> impl Stream<Item = Event> + Send + 'static {
        let news = self.newest.subscribe();
        let story = self.kept().story;
        self.followers.send_modify(|count| *count += 1);
        futures_util::stream::unfold(
            (Following(self), news, after),
            move |(following, mut news, after)| async move {
                loop {
                    news.borrow_and_update();
                    let next = following.0.kept().next_of(story, after)?;
                    if let Some(event) = next {
                        let after = event.number;
                        return Some((event, (following, news, after)));
                    }
                    news.changed().await.ok()?;
                }
            },
        )
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events themselves, without anybody who waits for them.
#[derive(Debug)]
struct Kept {
    events: VecDeque<Event>,
    next: u64,
    bound: usize,
    acknowledged: u64,
    /// Counts how often it began anew.
    story: u64,
}

impl Kept {
    fn new(bound: usize) -> Self {
        Self { events: VecDeque::new(), next: 1, bound, acknowledged: 0, story: 0 }
    }

    fn begin_anew(&mut self) {
        *self = Self { story: self.story + 1, ..Self::new(self.bound) };
    }

    fn push(&mut self, body: EventBody, uptime_ns: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        self.events.push_back(Event { number, uptime_ns, body });
        if self.events.len() > self.bound {
            self.drop_one();
        }
        number
    }

    fn drop_one(&mut self) {
        if self.events.front().is_some_and(|event| event.number <= self.acknowledged) {
            self.events.pop_front();
            return;
        }
        let is_mark = |event: &Event| matches!(event.body, EventBody::Mark { .. });
        let is_credentials = |event: &Event| matches!(event.body, EventBody::CredentialsCaptured { .. });
        let oldest = self.events.iter().position(is_mark);
        // When only captures are left, an older one has been superseded by a newer generation.
        let victim =
            oldest.or_else(|| self.events.iter().position(|event| !is_credentials(event))).unwrap_or(0);
        self.events.remove(victim);
    }

    fn acknowledge(&mut self, through: u64) {
        self.acknowledged = self.acknowledged.max(through);
    }

    /// None when that story is over; nothing inside when it has not gone on yet.
    fn next_of(&self, story: u64, after: u64) -> Option<Option<Event>> {
        (self.story == story).then(|| self.first_after(after))
    }

    fn first_after(&self, after: u64) -> Option<Event> {
        let at = self.events.partition_point(|event| event.number <= after);
        self.events.get(at).cloned()
    }
}
