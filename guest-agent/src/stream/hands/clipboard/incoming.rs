//! The text of another program's clipboard, asked for and read, in pieces when it is long (ICCCM 2.7.2, "INCR").

use std::time::{Duration, Instant};

use anteroom_protocol::{Secret, desk::MAX_TEXT_BYTES};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, GetPropertyReply, SelectionNotifyEvent, Timestamp, Window,
};

use super::{
    super::x::{DeskError, X},
    Atoms,
};

/// An owner that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Incoming {
    target: Atom,
    time: Timestamp,
    deadline: Instant,
    /// What has come of a text in pieces.
    pieces: Option<Vec<u8>>,
}

pub(super) enum Step {
    More,
    /// The owner has no text, or an empty one.
    Nothing,
    TooLong,
    Text(Secret),
}

impl Incoming {
    pub(super) fn ask(
        x: &X,
        window: Window,
        atoms: &Atoms,
        time: Timestamp,
        now: Instant,
    ) -> Result<Self, DeskError> {
        let incoming = Self { target: atoms.UTF8_STRING, time, deadline: now + PATIENCE, pieces: None };
        incoming.convert(x, window, atoms)?;
        Ok(incoming)
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn answered(
        &mut self,
        x: &X,
        window: Window,
        atoms: &Atoms,
        answer: &SelectionNotifyEvent,
    ) -> Result<Step, DeskError> {
        // An answer to an earlier question, or to one that nobody has asked.
        if (answer.time, answer.target) != (self.time, self.target) || self.pieces.is_some() {
            return Ok(Step::More);
        }
        if answer.property == x11rb::NONE {
            // Old programs know Latin-1 only.
            if self.target == atoms.UTF8_STRING {
                self.target = AtomEnum::STRING.into();
                self.convert(x, window, atoms)?;
                return Ok(Step::More);
            }
            return Ok(Step::Nothing);
        }
        if answer.property != atoms.ANTEROOM_TEXT {
            return Ok(Step::Nothing);
        }
        let value = read(x, window, atoms)?;
        if value.type_ == atoms.INCR {
            self.pieces = Some(Vec::new());
            return Ok(Step::More);
        }
        if value.bytes_after > 0 {
            return Ok(Step::TooLong);
        }
        Ok(self.text(value.value))
    }

    /// A piece is there.
    pub(super) fn grown(
        &mut self,
        x: &X,
        window: Window,
        atoms: &Atoms,
        now: Instant,
    ) -> Result<Step, DeskError> {
        let Some(pieces) = &mut self.pieces else { return Ok(Step::More) };
        let value = read(x, window, atoms)?;
        if value.value.is_empty() {
            let whole = std::mem::take(pieces);
            return Ok(self.text(whole));
        }
        if value.bytes_after > 0 || pieces.len() + value.value.len() > MAX_TEXT_BYTES {
            return Ok(Step::TooLong);
        }
        pieces.extend_from_slice(&value.value);
        self.deadline = now + PATIENCE;
        Ok(Step::More)
    }

    fn convert(&self, x: &X, window: Window, atoms: &Atoms) -> Result<(), DeskError> {
        // What an earlier owner may have left there would be read as a piece.
        x.connection.delete_property(window, atoms.ANTEROOM_TEXT)?;
        let (from, into) = (atoms.CLIPBOARD, atoms.ANTEROOM_TEXT);
        x.connection.convert_selection(window, from, self.target, into, self.time)?;
        Ok(())
    }

    fn text(&self, bytes: Vec<u8>) -> Step {
        let latin_1 = self.target == Atom::from(AtomEnum::STRING);
        let text = decode(bytes, latin_1);
        if text.is_empty() {
            Step::Nothing
        } else if text.len() > MAX_TEXT_BYTES {
            Step::TooLong
        } else {
            Step::Text(Secret::new(text))
        }
    }
}

/// Takes the value away, which asks for the next piece.
fn read(x: &X, window: Window, atoms: &Atoms) -> Result<GetPropertyReply, DeskError> {
    #[expect(clippy::cast_possible_truncation, reason = "a constant")]
    const WORDS: u32 = (MAX_TEXT_BYTES / 4) as u32;
    let value =
        x.connection.get_property(true, window, atoms.ANTEROOM_TEXT, AtomEnum::ANY, 0, WORDS)?.reply()?;
    if value.bytes_after > 0 {
        // The server deletes only what was read to its end.
        x.connection.delete_property(window, atoms.ANTEROOM_TEXT)?;
    }
    Ok(value)
}

/// A zero is no text, but some programs end theirs with one.
fn decode(bytes: Vec<u8>, latin_1: bool) -> String {
    let text = if latin_1 {
        bytes.into_iter().map(char::from).collect()
    } else {
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    };
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_or_latin_1_and_without_zeroes() {
        assert_eq!(decode("é€".into(), false), "é€");
        assert_eq!(decode(vec![0xe9, 0], true), "é");
        assert_eq!(decode(vec![b'a', 0xff, b'b'], false), "a\u{fffd}b");
    }
}
