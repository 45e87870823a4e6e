//! The places of VMs that are being launched: few at once, because many that begin together are slow together, or fail.
//!
//! A place is held from the first thing that is made for a VM until its desktop stands (of one without a desktop: until it runs
//! programs), because the desktop's programs are half of a boot's work. Boots and restores take one place each: a restore holds it
//! for less than a second, and so weighs less by itself. A guest that never gets so far holds it until its [`Limits`] end it: until
//! then only our own image runs in it, and nothing of a person's. Who goes next is decided by the [`Queue`].
//!
//! [`Limits`]: super::Limits

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{
    VmStatus,
    queue::{LaunchBounds, Queue, QueueFull, Turn},
};

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Launches {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: watch::Sender<()>,
}

/// A place among those that are launched, or among those that wait. It is free when this is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    turn: Turn,
    shared: Arc<Shared>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchCounts {
    pub launching: usize,
    /// People's starts.
    pub waiting: usize,
}

/// Whether a VM that has come so far has still to hold its place.
pub(super) fn holds_place(status: VmStatus) -> bool {
    match status {
        VmStatus::Creating | VmStatus::Booting | VmStatus::Running => true,
        VmStatus::Ready
        | VmStatus::Hibernating
        | VmStatus::Hibernated
        | VmStatus::Waking
        | VmStatus::Stopping
        | VmStatus::Destroyed
        | VmStatus::Failed => false,
    }
}

impl Launches {
    pub(super) fn new(bounds: LaunchBounds) -> Self {
        let (queue, changed) = (Mutex::new(Queue::new(bounds)), watch::Sender::default());
        Self { shared: Arc::new(Shared { queue, changed }) }
    }

    /// From now on so many.
    pub(super) fn bound(&self, bounds: LaunchBounds) {
        self.shared.lock().bound(bounds);
        self.shared.changed.send_replace(());
    }

    /// # Errors
    /// When this user would have to wait and as many do as may.
    pub(super) fn ask(&self, user: &str) -> Result<Ticket, QueueFull> {
        let turn = self.shared.lock().ask(user)?;
        Ok(self.ticket(turn))
    }

    /// For a VM that nobody waits for.
    pub(super) fn ask_in_background(&self) -> Ticket {
        let turn = self.shared.lock().ask_in_background();
        self.ticket(turn)
    }

    /// For a VM whose launch another daemon has begun.
    pub(super) fn enter(&self) -> Ticket {
        let turn = self.shared.lock().enter();
        self.ticket(turn)
    }

    pub(super) fn counts(&self) -> LaunchCounts {
        let queue = self.shared.lock();
        LaunchCounts { launching: queue.launching(), waiting: queue.waiting() }
    }

    /// Until somebody has to wait.
    pub(super) async fn somebody_waits(&self) {
        self.shared.until(|queue| queue.waiting() > 0).await;
    }

    fn ticket(&self, turn: Turn) -> Ticket {
        self.shared.changed.send_replace(());
        Ticket { turn, shared: Arc::clone(&self.shared) }
    }
}

impl Ticket {
    /// How many launches come before this one; `None` when it may begin.
    pub(super) fn ahead(&self) -> Option<usize> {
        self.shared.lock().ahead_of(self.turn)
    }

    /// Waits until another number than this is ahead, or none is.
    pub(super) async fn moved_on_from(&self, ahead: usize) {
        self.shared.until(|queue| queue.ahead_of(self.turn) != Some(ahead)).await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.lock().leave(self.turn);
        self.shared.changed.send_replace(());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that holds the lock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until(&self, is_so: impl Fn(&Queue) -> bool) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.changed.subscribe().wait_for(|()| is_so(&self.lock())).await;
    }
}
