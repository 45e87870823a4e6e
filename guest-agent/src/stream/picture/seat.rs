//! A viewer's place: the frames that wait for it, and what it wishes. The camera's thread fills it, a task empties it.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{Codec, Picture};

/// Frames that may wait for a viewer: a quarter of a second in motion.
const MAX_WAITING: usize = 8;
/// And their bytes.
const MAX_WAITING_BYTES: usize = 8 << 20;

pub(super) struct Seat {
    pub(super) codec: Codec,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Picture>,
    bytes: usize,
    /// Until a key frame comes, others are of no use: the viewer is new, or has missed some.
    lost: bool,
    /// It has asked for a key frame that was not made yet.
    asks: bool,
    /// Bits per second.
    bitrate: u32,
    closed: bool,
}

/// What a viewer finds at its seat.
pub(super) enum Found {
    Picture(Picture),
    /// Nothing more will come.
    End,
    /// Wait; `asks` when the camera has to be told that a key frame is wanted.
    Nothing {
        asks: bool,
    },
}

impl Seat {
    pub(super) fn new(codec: Codec, bitrate: u32) -> Self {
        let state =
            State { waiting: VecDeque::new(), bytes: 0, lost: true, asks: true, bitrate, closed: false };
        Self { codec, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Puts a frame there. Who does not fetch them loses all and begins anew with a key frame when it is back.
    pub(super) fn offer(&self, picture: &Picture) {
        let mut state = self.lock();
        if state.lost && !picture.key {
            return;
        }
        // What waits before a key frame is out of date.
        let full = state.waiting.len() >= MAX_WAITING || state.bytes + picture.data.len() > MAX_WAITING_BYTES;
        if picture.key || full {
            state.waiting.clear();
            state.bytes = 0;
        }
        state.lost = full && !picture.key;
        if state.lost {
            return;
        }
        state.bytes += picture.data.len();
        state.waiting.push_back(picture.clone());
        drop(state);
        self.changed.notify_one();
    }

    pub(super) fn take(&self) -> Found {
        let mut state = self.lock();
        if let Some(picture) = state.waiting.pop_front() {
            state.bytes -= picture.data.len();
            return Found::Picture(picture);
        }
        if state.closed {
            return Found::End;
        }
        let asks = state.lost && !state.asks;
        state.asks |= asks;
        Found::Nothing { asks }
    }

    /// Until something has changed since the last call. One waits at a time.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn ask_for_key(&self) {
        self.lock().asks = true;
    }

    /// Whether it asks for a key frame; asked once for every wish.
    pub(super) fn take_wish(&self) -> bool {
        std::mem::take(&mut self.lock().asks)
    }

    /// Says whether that is news.
    pub(super) fn set_bitrate(&self, bits_per_second: u32) -> bool {
        std::mem::replace(&mut self.lock().bitrate, bits_per_second) != bits_per_second
    }

    pub(super) fn bitrate(&self) -> u32 {
        self.lock().bitrate
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// A panic elsewhere leaves nothing half done here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
