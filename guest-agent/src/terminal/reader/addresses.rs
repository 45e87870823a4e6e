//! Addresses in a line, and which were told already.

use std::{collections::VecDeque, sync::LazyLock};

use regex::Regex;

use super::line::Line;

/// A program that redraws its screen shows the same address again and again; so many are remembered.
const MAX_REMEMBERED: usize = 64;

/// What may follow `http://`; a test compiles it.
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s<>"'`\\^{}|\u{7f}-\u{a0}\u{2500}-\u{259f}]+"#).ok());

/// The addresses in a line, in the order in which they should be tried.
///
/// An address that a program has broken is read whole, and only so: half of a query would pass for a sign-in address and
/// be a wrong one. But an address may also end at the edge by chance, with a word below it that has nothing to do with it.
/// Without a query that is no danger, because the path of a sign-in address is compared as a whole; so what ends at a
/// break is told as well then, behind the whole.
pub(super) fn addresses(line: &Line) -> Vec<&str> {
    let Some(pattern) = ADDRESS.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    for whole in pattern.find_iter(&line.text) {
        found.push(trim(whole.as_str()));
        if whole.as_str().contains('?') {
            continue;
        }
        let cuts = line.cuts.iter().filter(|cut| (whole.start() + 1..whole.end()).contains(cut));
        let pieces = cuts.map(|cut| &line.text[whole.start()..*cut]);
        found.extend(pieces.filter(|piece| pattern.is_match(piece)).map(trim));
    }
    found
}

/// Tells each address once.
#[derive(Debug, Default)]
pub(super) struct Remembered(VecDeque<String>);

impl Remembered {
    /// Whether it is new.
    pub(super) fn add(&mut self, address: &str) -> bool {
        if self.0.iter().any(|known| known == address) {
            return false;
        }
        if self.0.len() == MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(address.to_owned());
        true
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn kept_bytes(&self) -> usize {
        self.0.iter().map(String::len).sum()
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
