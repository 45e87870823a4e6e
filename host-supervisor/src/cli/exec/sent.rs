//! Input that was sent and may have to be sent again, when a connection breaks.

use anteroom_protocol::exec::{INPUT_WINDOW, MAX_DATA_BYTES};
use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes are counted from the very first.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Everything from `begin` on that the program may not have read.
    kept: BytesMut,
    begin: u64,
    /// The next byte to send.
    next: u64,
    credit: u64,
    over: Over,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Over {
    #[default]
    NotYet,
    ToBeTold,
    Told,
}

/// What the guest says about input cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the VM says that it has {said} bytes of input: {sent} were sent, and the first {known} were read")]
pub(super) struct Impossible {
    said: u64,
    sent: u64,
    known: u64,
}

impl Sent {
    /// Before anything was heard of the guest.
    pub(super) fn new() -> Self {
        Self { credit: INPUT_WINDOW, ..Self::default() }
    }

    /// Of a program that somebody else has sent input to already.
    pub(super) fn after(arrived: u64) -> Self {
        Self { begin: arrived, next: arrived, credit: arrived, ..Self::default() }
    }

    /// Whether more would be sent at once; nobody should read more before.
    pub(super) fn has_room(&self) -> bool {
        self.over == Over::NotYet && self.end() < self.credit
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    pub(super) fn finish(&mut self) {
        if self.over == Over::NotYet {
            self.over = Over::ToBeTold;
        }
    }

    /// The next piece that may be sent.
    pub(super) fn next_piece(&mut self) -> Option<Bytes> {
        let until = self.end().min(self.credit).min(self.next + MAX_DATA_BYTES as u64);
        if until <= self.next {
            return None;
        }
        let range = self.offset(self.next)..self.offset(until);
        self.next = until;
        Some(Bytes::copy_from_slice(&self.kept[range]))
    }

    /// Whether the end is to be told now: once in each connection, after everything else.
    pub(super) fn end_is_due(&mut self) -> bool {
        let due = self.over == Over::ToBeTold && self.next == self.end();
        if due {
            self.over = Over::Told;
        }
        due
    }

    /// The guest gives credit up to that byte: what lies more than a window before it was read.
    pub(super) fn credit(&mut self, credit: u64) {
        self.credit = self.credit.max(credit);
        let read = self.credit.saturating_sub(INPUT_WINDOW).min(self.next);
        if read > self.begin {
            self.kept.advance(self.offset(read));
            self.begin = read;
        }
    }

    /// On a new connection: so much has arrived.
    pub(super) fn resume(&mut self, arrived: u64) -> Result<(), Impossible> {
        if !(self.begin..=self.next).contains(&arrived) {
            return Err(Impossible { said: arrived, sent: self.next, known: self.begin });
        }
        self.next = arrived;
        if self.over == Over::Told {
            self.over = Over::ToBeTold;
        }
        Ok(())
    }

    fn end(&self) -> u64 {
        self.begin + self.kept.len() as u64
    }

    fn offset(&self, position: u64) -> usize {
        usize::try_from(position - self.begin).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(sent: &mut Sent) -> Vec<u8> {
        std::iter::from_fn(|| sent.next_piece()).flatten().collect()
    }

    #[test]
    fn what_has_not_arrived_is_sent_again_and_nothing_twice() {
        let mut sent = Sent::new();
        sent.push(b"hello world");
        assert_eq!(all(&mut sent), b"hello world");
        sent.finish();
        assert!(sent.end_is_due() && !sent.end_is_due());
        sent.resume(6).unwrap();
        assert!(!sent.end_is_due(), "the end comes last");
        assert_eq!(all(&mut sent), b"world");
        assert!(sent.end_is_due(), "the new connection has not heard of the end");
        assert!(!sent.has_room());
    }

    #[test]
    fn no_more_is_sent_than_there_is_credit_and_what_was_read_is_not_kept() {
        let window = usize::try_from(INPUT_WINDOW).unwrap();
        let mut sent = Sent::new();
        sent.push(&vec![1; window + 10]);
        assert_eq!(all(&mut sent).len(), window);
        assert!(!sent.has_room());
        sent.credit(INPUT_WINDOW + 4);
        assert_eq!((all(&mut sent).len(), sent.kept.len()), (4, window + 6));
        sent.credit(3 * INPUT_WINDOW);
        assert_eq!((all(&mut sent).len(), sent.has_room()), (6, true));
        sent.credit(3 * INPUT_WINDOW);
        assert_eq!(sent.kept.len(), 0);
    }

    #[test]
    fn a_guest_that_counts_wrong_is_found_out() {
        let mut sent = Sent::new();
        sent.push(b"abc");
        all(&mut sent);
        assert!(sent.resume(4).is_err());
        sent.credit(INPUT_WINDOW + 2);
        assert!(sent.resume(1).is_err(), "it has said that it has read two");
        assert_eq!(sent.resume(2), Ok(()));
        assert_eq!(all(&mut sent), b"c");
    }
}
