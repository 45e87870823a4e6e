//! What a program has said and nobody has taken yet, and a little of what was taken.

use std::{cmp, collections::VecDeque};

use anteroom_protocol::exec::{Ended, OUTPUT_WINDOW};
use bytes::Bytes;

use super::said::{Said, Source};

/// Bytes that are kept although they were taken: what a terminal that is attached anew shows at once.
const SCROLLBACK: u64 = 64 * 1024;
/// A program that writes byte by byte must not cost many times what it says.
const MOST_PIECES: usize = 4096;

/// What becomes of output for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// The program waits.
    Wait,
    /// The oldest is forgotten.
    Forget,
}

/// Bytes are counted from the very first.
#[derive(Debug)]
pub(super) struct Outflow {
    pieces: VecDeque<Piece>,
    end: u64,
    taken: u64,
    when_full: WhenFull,
    ended: Option<Ended>,
}

#[derive(Debug, Clone)]
struct Piece {
    at: u64,
    said: Said,
}

impl Piece {
    fn end(&self) -> u64 {
        self.at + self.said.length() as u64
    }
}

/// What follows a byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole frame, and how many bytes of output are in it.
    Frame(Bytes, usize),
    /// What is left of one.
    Rest(Source, Bytes),
}

impl Outflow {
    pub(super) fn new(when_full: WhenFull) -> Self {
        Self { pieces: VecDeque::new(), end: 0, taken: 0, when_full, ended: None }
    }

    /// How many bytes may be pushed.
    pub(super) fn room(&self) -> usize {
        let waiting = match self.when_full {
            WhenFull::Forget => 0,
            WhenFull::Wait if self.pieces.len() >= MOST_PIECES && self.taken < self.end => OUTPUT_WINDOW,
            WhenFull::Wait => self.end - self.taken,
        };
        usize::try_from(OUTPUT_WINDOW.saturating_sub(waiting)).unwrap_or(0)
    }

    /// At most [`Outflow::room`] bytes, and at least one.
    pub(super) fn push(&mut self, said: Said) {
        let piece = Piece { at: self.end, said };
        self.end = piece.end();
        self.pieces.push_back(piece);
        self.trim();
    }

    /// Everything before that byte is somebody's.
    pub(super) fn take(&mut self, through: u64) {
        self.taken = cmp::max(self.taken, cmp::min(through, self.end));
        self.trim();
    }

    /// The piece with that byte, from it on; nothing when it has not been said yet.
    pub(super) fn after(&self, position: u64) -> Option<Next> {
        let behind = self.pieces.partition_point(|piece| piece.at <= position);
        let Piece { at, said } = self.pieces.get(behind.checked_sub(1)?)?;
        match usize::try_from(position - at).ok()? {
            0 => Some(Next::Frame(said.frame(), said.length())),
            offset if offset < said.length() => Some(Next::Rest(said.source(), said.bytes().slice(offset..))),
            _ => None,
        }
    }

    /// The first byte that is kept.
    pub(super) fn begin(&self) -> u64 {
        self.pieces.front().map_or(self.end, |piece| piece.at)
    }

    /// One more than the last byte that was said.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Nothing is pushed any more.
    pub(super) fn finish(&mut self, ended: Ended) {
        self.ended = Some(ended);
    }

    pub(super) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    fn trim(&mut self) {
        while let Some(first) = self.pieces.front() {
            let behind_first = first.end();
            let many = self.pieces.len() > MOST_PIECES;
            let forgotten = match self.when_full {
                WhenFull::Wait => {
                    behind_first <= self.taken && (many || self.end - behind_first >= SCROLLBACK)
                }
                WhenFull::Forget => many || self.end - behind_first >= OUTPUT_WINDOW,
            };
            if !forgotten {
                return;
            }
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(source: Source, bytes: &[u8]) -> Said {
        Said::copied(source, bytes).unwrap()
    }

    fn bytes_of(next: Next) -> Bytes {
        match next {
            Next::Frame(frame, length) => frame.slice(frame.len() - length..),
            Next::Rest(_, bytes) => bytes,
        }
    }

    fn text(outflow: &Outflow, from: u64) -> String {
        let mut position = from;
        let mut text = String::new();
        while let Some(next) = outflow.after(position) {
            let bytes = bytes_of(next);
            position += bytes.len() as u64;
            text += std::str::from_utf8(&bytes).unwrap();
        }
        text
    }

    /// Pushes as much as there is a window for.
    fn fill(outflow: &mut Outflow) {
        for _ in 0..OUTPUT_WINDOW / 65536 {
            outflow.push(said(Source::Stdout, &[b'x'; 65536]));
        }
    }

    #[test]
    fn what_was_said_is_read_from_any_byte_on_and_each_source_stays_what_it_is() {
        let mut outflow = Outflow::new(WhenFull::Wait);
        outflow.push(said(Source::Stdout, b"abc"));
        outflow.push(said(Source::Stderr, b"DE"));
        assert_eq!((text(&outflow, 0), text(&outflow, 2)), ("abcDE".to_owned(), "cDE".to_owned()));
        assert_eq!(outflow.after(4), Some(Next::Rest(Source::Stderr, Bytes::from_static(b"E"))));
        assert_eq!(outflow.after(5), None);
        assert_eq!(outflow.after(99), None);
    }

    #[test]
    fn a_program_whose_output_nobody_takes_waits_and_one_that_is_detached_goes_on() {
        let window = usize::try_from(OUTPUT_WINDOW).unwrap();
        let mut waits = Outflow::new(WhenFull::Wait);
        fill(&mut waits);
        assert_eq!((waits.room(), waits.begin()), (0, 0));
        waits.take(10);
        assert_eq!(waits.room(), 10);
        waits.take(u64::MAX);
        assert_eq!(waits.room(), window, "no more than was said can be taken");
        let mut goes_on = Outflow::new(WhenFull::Forget);
        fill(&mut goes_on);
        fill(&mut goes_on);
        assert_eq!((goes_on.room(), goes_on.begin()), (window, OUTPUT_WINDOW));
    }

    #[test]
    fn many_small_pieces_fill_it_too() {
        let mut outflow = Outflow::new(WhenFull::Wait);
        for _ in 0..MOST_PIECES {
            outflow.push(said(Source::Stdout, b"x"));
        }
        assert_eq!(outflow.room(), 0);
        outflow.take(outflow.end());
        assert!(outflow.room() > 0);
        outflow.push(said(Source::Stdout, b"y"));
        assert!(outflow.pieces.len() <= MOST_PIECES);
        assert_eq!(text(&outflow, outflow.end() - 2), "xy");
    }

    proptest! {
        #[test]
        fn nothing_that_was_not_taken_is_ever_lost_and_memory_is_bounded(
            steps in prop::collection::vec((1_usize..40_000, 0_u64..80_000), 1..200),
        ) {
            let mut outflow = Outflow::new(WhenFull::Wait);
            let mut taken = 0;
            for (push, take) in steps {
                let length = push.min(outflow.room());
                if length > 0 {
                    outflow.push(said(Source::Stdout, &vec![0; length]));
                }
                taken = (taken + take).min(outflow.end());
                outflow.take(taken);
                prop_assert!(outflow.begin() <= taken);
                prop_assert!(outflow.end() - outflow.begin() <= OUTPUT_WINDOW + SCROLLBACK + 40_000);
                let mut position = taken;
                while let Some(next) = outflow.after(position) {
                    position += bytes_of(next).len() as u64;
                }
                prop_assert_eq!(position, outflow.end());
            }
        }
    }
}
