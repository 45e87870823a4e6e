//! What has changed, told after it was written, or after its owner has published it where nothing is written: for whoever shows
//! it to people.

use anteroom_protocol::{SessionId, VmId};
use tokio::sync::broadcast;

use super::{PromptId, Store};

/// Changes that one listener may be behind; who falls further behind reads everything again.
const MOST_BEHIND: usize = 4096;

/// Where something has changed, made or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Session(SessionId),
    Vm(VmId),
    Prompt(PromptId),
    /// In the outbox.
    Deliveries,
    Keys,
    Audit,
}

/// Tells everybody who listens, and nobody when nobody does.
#[derive(Debug, Clone)]
pub(super) struct Changes(broadcast::Sender<Change>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::Sender::new(MOST_BEHIND))
    }
}

impl Store {
    /// Every change from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.0.subscribe()
    }

    /// Something of it has changed that is in memory only, such as an attempt of a session.
    pub fn changed_in_memory(&self, change: Change) {
        self.tell(change);
    }

    pub(super) fn tell(&self, change: Change) {
        // An error means that nobody listens.
        let _ = self.changes.0.send(change);
    }
}
