//! How a code that is typed for the person reaches the CLI: as xterm would paste it.
//!
//! A CLI that reads keys by itself takes many that come at once for pasted text, and an Enter among them for a part of it.
//! Where it has asked for marks around what is pasted (xterm's "bracketed paste", `CSI ? 2004 h`), it gets them, and the
//! Enter behind them is one.

use vte::{Params, Parser, Perform};

const MODE: u16 = 2004;

#[derive(Default)]
pub(super) struct Paste {
    parser: Parser,
    marks: Marks,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Marks {
    #[default]
    Unwanted,
    Wanted,
}

impl Paste {
    /// Looks through what the CLI shows.
    pub(super) fn watch(&mut self, shown: &[u8]) {
        self.parser.advance(&mut self.marks, shown);
    }

    /// What is written for this text, with which its last Enter is pressed and not pasted.
    pub(super) fn keys(&self, text: &[u8]) -> Vec<u8> {
        let (text, enter) = text.strip_suffix(b"\r").map_or((text, &b""[..]), |text| (text, b"\r"));
        match self.marks {
            Marks::Unwanted => [text, enter].concat(),
            Marks::Wanted => [b"\x1b[200~", text, b"\x1b[201~", enter].concat(),
        }
    }
}

impl Perform for Marks {
    fn csi_dispatch(&mut self, parameters: &Params, intermediates: &[u8], _: bool, action: char) {
        if intermediates == b"?" && parameters.iter().any(|parameter| parameter == [MODE]) {
            match action {
                'h' => *self = Self::Wanted,
                'l' => *self = Self::Unwanted,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(shown: &[&[u8]]) -> Vec<u8> {
        let mut paste = Paste::default();
        shown.iter().for_each(|piece| paste.watch(piece));
        paste.keys(b"c0de#st4te\r")
    }

    #[test]
    fn a_text_is_marked_while_the_command_wants_it_marked() {
        assert_eq!(typed(&[]), b"c0de#st4te\r");
        assert_eq!(typed(&[b"\x1b[?2004h"]), b"\x1b[200~c0de#st4te\x1b[201~\r");
        assert_eq!(
            typed(&[b"\x1b[?25l\x1b[?20", b"04h\x1b[?1004h Paste"]),
            b"\x1b[200~c0de#st4te\x1b[201~\r"
        );
        assert_eq!(typed(&[b"\x1b[?1049;2004h"]), b"\x1b[200~c0de#st4te\x1b[201~\r");
        assert_eq!(typed(&[b"\x1b[?2004h", b"\x1b[?2004l"]), b"c0de#st4te\r");
    }

    #[test]
    fn other_modes_are_no_wish_for_marks() {
        for shown in ["\x1b[2004h", "\x1b[?2031h", "\x1b[?2004$p", "2004h", "\x1b[?12004h"] {
            assert_eq!(typed(&[shown.as_bytes()]), b"c0de#st4te\r", "{shown:?}");
        }
    }
}
