//! What waits to be sent to one page: of each kind the newest only, so that a page that does not read costs a bounded
//! amount of memory and never sees a cursor of minutes ago.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// So many refusals are kept; more say nothing new.
const MAX_REFUSALS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

/// In the order in which they are sent.
#[derive(Default)]
struct Waiting {
    hello: Option<String>,
    size: Option<String>,
    control: Option<String>,
    cursor: Option<Arc<str>>,
    clipboard: Option<String>,
    refused: VecDeque<String>,
    closed: bool,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the clipboard.
        f.debug_struct("Waiting").field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl Outbox {
    pub(super) fn hello(&self, text: String) {
        self.put(|waiting| waiting.hello = Some(text));
    }

    pub(super) fn size(&self, text: String) {
        self.put(|waiting| waiting.size = Some(text));
    }

    pub(super) fn control(&self, text: String) {
        self.put(|waiting| waiting.control = Some(text));
    }

    pub(super) fn cursor(&self, text: Arc<str>) {
        self.put(|waiting| waiting.cursor = Some(text));
    }

    pub(super) fn clipboard(&self, text: String) {
        self.put(|waiting| waiting.clipboard = Some(text));
    }

    /// One that says the same as another that waits is left out.
    pub(super) fn refused(&self, text: String) {
        self.put(|waiting| {
            if waiting.refused.len() < MAX_REFUSALS && !waiting.refused.contains(&text) {
                waiting.refused.push_back(text);
            }
        });
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.put(|waiting| waiting.closed = true);
    }

    /// The next text to send; `None` when the desktop is gone and everything was given out. One caller at a time.
    ///
    /// # Cancel safety
    /// A text is taken out in the moment in which it is returned.
    pub(super) async fn next(&self) -> Option<String> {
        loop {
            {
                let mut waiting = self.lock();
                if let Some(text) = waiting.take() {
                    return Some(text);
                }
                if waiting.closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    fn put(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take(&mut self) -> Option<String> {
        let newest = [&mut self.hello, &mut self.size, &mut self.control].into_iter().find_map(Option::take);
        newest
            .or_else(|| self.cursor.take().map(|text| text.as_ref().into()))
            .or_else(|| self.clipboard.take())
            .or_else(|| self.refused.pop_front())
    }
}
