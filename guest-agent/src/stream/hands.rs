//! The hands of the people at the pages: keys, pointer, clipboard and size of the desktop, and the cursor's shape back.
//!
//! ```text
//!  page ── "desk" channel ── Hand ──▶ Room ──orders──▶ Worker (a thread) ──▶ X server
//!                             ▲        │ control         │
//!                             └ Outbox ◀─────────────────┘ cursor, size, clipboard
//! ```
//! The messages are those of [`anteroom_protocol::desk`]. One page has control ([`control`] says how it changes hands); the
//! others look on. Nothing that a person types or copies is ever logged.

mod clipboard;
mod control;
mod cursor;
mod keyboard;
mod orders;
mod outbox;
mod pointer;
mod room;
#[cfg(test)]
mod tests;
mod touch;
mod wheel;
mod worker;
mod x;

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use anteroom_protocol::desk::Directions;
use tokio_util::sync::CancellationToken;

pub(crate) use self::{control::Role, x::DeskError};
use self::{control::Seat, outbox::Outbox, room::Room, worker::Worker};

/// One desktop, for all pages that look at it.
#[derive(Debug)]
pub(crate) struct Desk {
    room: Arc<Room>,
    gone: CancellationToken,
    /// Hangs up when the thread has ended.
    ended: std::sync::Mutex<mpsc::Receiver<()>>,
}

/// One page at the desktop. Dropping it lets go what the page holds down and gives control back.
#[derive(Debug)]
pub(crate) struct Hand {
    desk: Arc<Desk>,
    seat: Seat,
    outbox: Arc<Outbox>,
}

/// The X server answers in milliseconds; one that does not is not waited for.
const GOODBYE: Duration = Duration::from_secs(1);

impl Desk {
    /// Connects to `display`, for example `:1`. Keys and buttons that are down are released: whoever pressed them is gone.
    /// It blocks for some round trips to the X server.
    ///
    /// # Errors
    /// When the X server cannot be reached or lacks XTEST, XKB, XFixes or RandR.
    pub(crate) fn open(display: &str) -> Result<Arc<Self>, DeskError> {
        let worker = Worker::open(display)?;
        let (orders, inbox) = orders::channel()?;
        let room = Arc::new(Room::new(worker.size(), orders));
        let (alive, ended) = mpsc::channel();
        let gone = CancellationToken::new();
        let over = gone.clone().drop_guard();
        let for_worker = Arc::clone(&room);
        thread::Builder::new().name("desk".into()).spawn(move || {
            let alive: mpsc::Sender<()> = alive;
            if let Err(error) = worker.run(&inbox, &for_worker) {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the desktop takes no input any more"
                );
            }
            for_worker.close();
            drop((alive, over));
        })?;
        Ok(Arc::new(Self { room, gone, ended: ended.into() }))
    }

    /// Returns when it takes no input any more, because the X server is gone.
    pub(crate) async fn ended(&self) {
        self.gone.cancelled().await;
    }

    /// A page comes, between which and the desktop a clipboard may travel these ways. The first player has control.
    pub(crate) fn join(self: &Arc<Self>, role: Role, clipboard: Directions) -> Hand {
        let (seat, outbox) = self.room.join(role, clipboard, Instant::now());
        Hand { desk: Arc::clone(self), seat, outbox }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.room.stop();
        if let Ok(ended) = self.ended.get_mut() {
            // An error is the end that is waited for, or that it is not waited for any longer.
            let _ = ended.recv_timeout(GOODBYE);
        }
    }
}

impl Hand {
    /// Takes a message of the page, in any order and of any content. What is wrong with one is told to the page. Says whether
    /// it was input, and taken.
    pub(crate) fn receive(&self, text: &str) -> bool {
        self.desk.room.receive(self.seat, text, Instant::now())
    }

    /// The next message for the page; `None` when the desktop is gone. One caller at a time.
    ///
    /// # Cancel safety
    /// No message is lost.
    pub(crate) async fn next(&self) -> Option<String> {
        self.outbox.next().await
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.desk.room.leave(self.seat);
    }
}
