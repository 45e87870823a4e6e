//! The door through which the fuzz targets reach the parsers of hostile input. It is no part of the program.

use std::time::Duration;

use tokio::time::Instant;

use crate::{oauth::callback, terminal::reader};

/// What the terminal's reader has told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub text: String,
    pub addresses: Vec<String>,
    pub lines: Vec<String>,
}

/// The terminal's reader, with a clock of its own.
#[expect(missing_debug_implementations, reason = "its parser has none")]
pub struct Reader {
    reader: reader::Reader,
    start: Instant,
}

/// Where a callback would be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Replay {
    pub host: String,
    pub port: u16,
    pub path_and_query: String,
}

impl Reader {
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        Self { reader: reader::Reader::new(reader::Size { columns, rows }), start: Instant::now() }
    }

    pub fn feed(&mut self, bytes: &[u8], at: Duration) -> Read {
        self.reader.feed(bytes, self.start + at).into()
    }

    pub fn pause(&mut self) -> Read {
        self.reader.pause().into()
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.reader.resize(reader::Size { columns, rows });
    }

    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.reader.last_lines()
    }

    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.reader.kept_bytes()
    }
}

impl From<reader::Read> for Read {
    fn from(read: reader::Read) -> Self {
        Self { text: read.text, addresses: read.addresses, lines: read.lines }
    }
}

/// The callback with this query, of this sign-in address.
#[must_use]
pub fn replay(sign_in: &str, query: &str) -> Option<Replay> {
    callback::Replay::plan(sign_in, query).ok().map(place)
}

/// The callback that a person has pasted as an address.
#[must_use]
pub fn replay_pasted(sign_in: &str, address: &str) -> Option<Replay> {
    callback::Replay::pasted(sign_in, address).ok().map(place)
}

fn place(replay: callback::Replay) -> Replay {
    Replay { host: replay.host, port: replay.port, path_and_query: replay.path_and_query }
}
