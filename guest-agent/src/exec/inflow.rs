//! What a program is to read and has not read yet.

use std::collections::VecDeque;

use anteroom_protocol::exec::INPUT_WINDOW;
use bytes::Bytes;

/// Bytes are counted from the very first.
#[derive(Debug, Default)]
pub(super) struct Inflow {
    pieces: VecDeque<Bytes>,
    arrived: u64,
    read: u64,
    /// Nothing more will arrive.
    over: bool,
    /// The program reads no more: what arrives is thrown away.
    unread: bool,
}

impl Inflow {
    /// Input may arrive up to this byte.
    pub(super) fn credit(&self) -> u64 {
        self.read + INPUT_WINDOW
    }

    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Keeps what has arrived; `false` when it is more than there was credit for.
    pub(super) fn push(&mut self, bytes: Bytes) -> bool {
        let length = bytes.len() as u64;
        if self.over || self.arrived + length > self.credit() {
            return false;
        }
        self.arrived += length;
        if self.unread {
            self.read = self.arrived;
        } else {
            self.pieces.push_back(bytes);
        }
        true
    }

    pub(super) fn finish(&mut self) {
        self.over = true;
    }

    /// Whether [`Inflow::pop`] has an answer.
    pub(super) fn has_news(&self) -> bool {
        self.over || !self.pieces.is_empty()
    }

    /// What the program is to read next; nothing when it has all.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        self.pieces.pop_front()
    }

    /// The program has read that many bytes more.
    pub(super) fn was_read(&mut self, length: usize) {
        self.read += length as u64;
    }

    /// The program has closed its end.
    pub(super) fn give_up(&mut self) {
        self.pieces.clear();
        self.unread = true;
        self.read = self.arrived;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_sends_more_than_it_may_is_refused() {
        let window = usize::try_from(INPUT_WINDOW).unwrap();
        let mut inflow = Inflow::default();
        assert!(inflow.push(Bytes::from(vec![0; window])));
        assert!(!inflow.push(Bytes::from_static(b"x")));
        let piece = inflow.pop().unwrap();
        assert!(!inflow.push(Bytes::from_static(b"x")), "popped is not read");
        inflow.was_read(piece.len());
        assert!(inflow.push(Bytes::from_static(b"x")));
        assert_eq!((inflow.arrived(), inflow.credit()), (INPUT_WINDOW + 1, 2 * INPUT_WINDOW));
    }

    #[test]
    fn what_nobody_reads_stops_nobody() {
        let mut inflow = Inflow::default();
        assert!(inflow.push(Bytes::from_static(b"never read")));
        inflow.give_up();
        for _ in 0..10 {
            assert!(inflow.push(Bytes::from(vec![0; 200_000])));
        }
        assert_eq!((inflow.pop(), inflow.credit()), (None, 2_000_010 + INPUT_WINDOW));
    }

    #[test]
    fn after_the_end_nothing_arrives_and_what_has_arrived_is_still_read() {
        let mut inflow = Inflow::default();
        assert!(!inflow.has_news());
        assert!(inflow.push(Bytes::from_static(b"last")));
        inflow.finish();
        assert!(!inflow.push(Bytes::from_static(b"more")));
        assert_eq!((inflow.pop(), inflow.pop()), (Some(Bytes::from_static(b"last")), None));
        assert!(inflow.has_news());
    }
}
