//! Reads along with the person: the text that a CLI shows, and the addresses in it.
//!
//! It reads the stream and not the screen, so a line that the terminal wraps is one line here. An address stands in plain
//! text or in a link (OSC 8). Whether it is a sign-in address is not decided here.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, mem, sync::LazyLock};

use regex::Regex;
use vte::{Params, Parser, Perform};

/// Longer lines are read in pieces of this many bytes; twice as long as any address that is looked at.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Lines that are kept, to explain an end.
const MAX_LINES: usize = 40;
/// A program that redraws its screen shows the same address again and again; so many are remembered.
const MAX_REMEMBERED: usize = 64;

/// What may follow `http://`; a test compiles it.
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s<>"'`\\^{}|\u{7f}-\u{a0}\u{2500}-\u{257f}]+"#).ok());

#[derive(Default)]
pub(super) struct Reader {
    parser: Parser,
    page: Page,
}

/// What a piece of the stream has brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// The text, without control sequences.
    pub(super) text: String,
    /// Addresses that are complete, each for the first time.
    pub(super) addresses: Vec<String>,
}

impl Reader {
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Read {
        self.parser.advance(&mut self.page, bytes);
        mem::take(&mut self.page.read)
    }

    /// Nothing has come for a while: an address at the end of the text is complete.
    pub(super) fn pause(&mut self) -> Vec<String> {
        self.page.scan();
        mem::take(&mut self.page.read.addresses)
    }

    /// The last lines, oldest first, with the one that has no end yet.
    pub(super) fn last_lines(&mut self) -> Vec<String> {
        self.page.end_line();
        self.page.lines.iter().cloned().collect()
    }
}

#[derive(Default)]
struct Page {
    line: String,
    lines: VecDeque<String>,
    remembered: VecDeque<String>,
    read: Read,
}

impl Page {
    fn end_line(&mut self) {
        self.scan();
        let line = mem::take(&mut self.line);
        let line = line.trim_end();
        if !line.trim_start().is_empty() {
            if self.lines.len() == MAX_LINES {
                self.lines.pop_front();
            }
            self.lines.push_back(line.to_owned());
        }
    }

    fn scan(&mut self) {
        let Some(pattern) = ADDRESS.as_ref() else { return };
        let found: Vec<String> =
            pattern.find_iter(&self.line).map(|found| trim(found.as_str()).to_owned()).collect();
        for address in found {
            self.remember(address);
        }
    }

    fn remember(&mut self, address: String) {
        if self.remembered.contains(&address) {
            return;
        }
        if self.remembered.len() == MAX_REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(address.clone());
        self.read.addresses.push(address);
    }
}

impl Perform for Page {
    fn print(&mut self, c: char) {
        self.line.push(c);
        self.read.text.push(c);
        if self.line.len() >= MAX_LINE_BYTES {
            self.end_line();
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' | b'\r' => {
                self.end_line();
                self.read.text.push('\n');
            }
            b'\t' => self.print(' '),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, _: &Params, _: &[u8], _: bool, action: char) {
        match action {
            // To the right: what a program does in place of writing spaces.
            'C' => self.print(' '),
            // Elsewhere on the screen, or the screen cleared: what follows does not belong to what stands here.
            'A' | 'B' | 'D'..='H' | 'J' | 'd' | 'f' => self.end_line(),
            _ => {}
        }
    }

    /// `OSC 8 ; parameters ; address ST` (the terminals' common extension for links). Semicolons in the address split it.
    fn osc_dispatch(&mut self, parameters: &[&[u8]], _: bool) {
        if let [b"8", _, address @ ..] = parameters {
            let address = String::from_utf8_lossy(&address.join(&b';')).into_owned();
            if address.starts_with("http") && address.len() <= MAX_LINE_BYTES {
                self.remember(address);
            }
        }
    }
}

/// Without what belongs to the sentence around it. A bracket that the address itself has opened stays.
fn trim(address: &str) -> &str {
    let mut address = address;
    loop {
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '*']);
        let unopened = |open: char, close: char| shorter.ends_with(close) && !shorter.contains(open);
        let next =
            if unopened('(', ')') || unopened('[', ']') { &shorter[..shorter.len() - 1] } else { shorter };
        if next.len() == address.len() {
            return address;
        }
        address = next;
    }
}
