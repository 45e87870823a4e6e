//! Pieces of a stream, put together as lines, or as text without broken characters. Both are bounded: the guest is hostile.

use bytes::{Buf as _, Bytes, BytesMut};

/// Whole lines, without their ends. A line that grows too long is given out as it is.
#[derive(Debug)]
pub(super) struct Lines {
    begun: BytesMut,
    most_bytes: usize,
}

impl Lines {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { begun: BytesMut::new(), most_bytes }
    }

    pub(super) fn push(&mut self, piece: &Bytes) -> Vec<Bytes> {
        let (mut lines, mut rest) = (Vec::new(), piece.clone());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(&rest[..end]);
            rest.advance(end + 1);
            lines.push(self.begun.split().freeze());
        }
        self.begun.extend_from_slice(&rest);
        if self.begun.len() > self.most_bytes {
            lines.push(self.begun.split().freeze());
        }
        lines
    }

    /// What is left at the end.
    pub(super) fn last(&mut self) -> Option<Bytes> {
        (!self.begun.is_empty()).then(|| self.begun.split().freeze())
    }
}

/// UTF-8 as it comes: a character that is cut in two waits for its rest.
#[derive(Debug, Default)]
pub(super) struct Text(Vec<u8>);

impl Text {
    pub(super) fn push(&mut self, piece: &[u8]) -> String {
        self.0.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&self.0) {
            Ok(_) => self.0.len(),
            // Nothing but the beginning of a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.0.len(),
        };
        let rest = self.0.split_off(whole);
        let text = String::from_utf8_lossy(&self.0).into_owned();
        self.0 = rest;
        text
    }

    pub(super) fn last(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.0)).into_owned()
    }
}

/// The end of what was said, of a bounded length.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    const MOST_BYTES: usize = 4096;

    pub(super) fn push(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
        let surplus = self.0.len().saturating_sub(Self::MOST_BYTES);
        self.0.drain(..surplus);
    }

    /// For people: without what a terminal would take for commands.
    pub(super) fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let shown = text.trim().chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c });
        Some(shown.collect::<String>()).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come_and_bounded() {
        let mut lines = Lines::new(4);
        let mut push = |piece: &'static str| lines.push(&Bytes::from_static(piece.as_bytes()));
        assert_eq!(push("a"), Vec::<Bytes>::new());
        assert_eq!(push("b\n\ncd"), ["ab", ""]);
        assert_eq!(push("efg"), ["cdefg"]);
        assert_eq!(push("h"), Vec::<Bytes>::new());
        assert_eq!(lines.last().unwrap(), "h");
        assert_eq!(lines.last(), None);
    }

    #[test]
    fn a_character_in_two_pieces_is_one_and_nonsense_is_shown_as_such() {
        let mut text = Text::default();
        assert_eq!(text.push(&[b'a', 0xc3]), "a");
        assert_eq!(text.push(&[0xa9, b'b']), "\u{e9}b");
        assert_eq!(text.push(&[0xff, b'c']), "\u{fffd}c");
        assert_eq!(text.push(&[0xc3]), "");
        assert_eq!(text.last(), "\u{fffd}");
    }

    #[test]
    fn of_complaints_the_end_is_kept() {
        let mut tail = Tail::default();
        tail.push(&[b'x'; 5000]);
        tail.push(b"the cause\x1b[2J\n");
        let text = tail.text().unwrap();
        assert!(text.ends_with("the cause\u{fffd}[2J") && text.len() < 4200, "{text}");
        assert_eq!(Tail::default().text(), None);
    }
}
