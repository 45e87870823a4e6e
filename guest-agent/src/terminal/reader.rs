//! Reads along with the person: the text that a CLI shows, the lines on its screen, and the addresses in them.
//!
//! ```text
//!  bytes ─▶ sequences ─▶ screen ─▶ rows, joined to lines ─▶ addresses
//!               └─▶ text   (cells)
//! ```
//! Programs draw: they write over what stands there, and leave out what stands there already. So lines are read off a
//! screen, like a person reads them, and not off the stream. A line counts when its end was reached by a line feed, when it
//! has left the screen, or when it has stood still for a moment; some programs never pause as a whole.
//!
//! Whether an address is a sign-in address is not decided here.

mod addresses;
mod line;
mod page;
mod screen;
mod sequences;
#[cfg(test)]
mod tests;

use std::mem;

use tokio::time::Instant;
use vte::Parser;

use page::Page;
pub(crate) use screen::Size;

/// Longer links (OSC 8) are no addresses. It is the size of the parser's buffer, which would have no bound otherwise.
const MAX_LINK_BYTES: usize = 16 * 1024;

pub(crate) struct Reader {
    parser: Parser<MAX_LINK_BYTES>,
    page: Page,
    /// The beginning of a character, up to three bytes of UTF-8.
    begun: Vec<u8>,
}

/// What a piece of the stream has brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// The text in the order in which it came, without control sequences.
    pub(crate) text: String,
    /// Addresses that are complete, each for the first time.
    pub(crate) addresses: Vec<String>,
    /// Lines that are complete. One that a program has broken to fit the terminal's width is in one piece; one that is
    /// drawn again is told again.
    pub(crate) lines: Vec<String>,
}

impl Reader {
    pub(crate) fn new(size: Size) -> Self {
        Self { parser: Parser::new_with_size(), page: Page::new(size), begun: Vec::new() }
    }

    /// The stream may be cut anywhere.
    pub(crate) fn feed(&mut self, bytes: &[u8], now: Instant) -> Read {
        self.page.time_is(now);
        // The parser could be given parts of characters, but then loses what stands behind some of them.
        let bytes = [&mem::take(&mut self.begun), bytes].concat();
        let (whole, begun) = bytes.split_at(bytes.len() - begun_bytes(&bytes));
        self.parser.advance(&mut self.page, whole);
        self.begun = begun.to_vec();
        mem::take(&mut self.page.read)
    }

    /// Nothing has come for a while: whatever stands on the screen is complete.
    pub(crate) fn pause(&mut self) -> Read {
        self.page.read_all();
        mem::take(&mut self.page.read)
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.page.resize(size);
    }

    /// The last lines, oldest first, with the one that has no end yet.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.page.last_lines()
    }

    /// How much is kept in all, of the input.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.page.kept_bytes()
    }
}

/// How many bytes at the end are the beginning of a character that goes on.
fn begun_bytes(bytes: &[u8]) -> usize {
    for (index, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return if length > index + 1 { index + 1 } else { 0 };
    }
    0
}
