//! Exit codes: what a script can rely on. `anteroom --help` lists them.

use std::{fmt, process::ExitCode};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    /// Something went wrong that has no code of its own.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// No daemon answers.
    Unreachable = 3,
    /// What was asked for does not exist.
    NotFound = 4,
    /// The daemon said no: wrong key, a limit, a provider that is not there.
    Refused = 5,
    /// `--wait` met another end than the one waited for.
    OtherEnd = 6,
}

/// For `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong command line or configuration
  3  no daemon answers
  4  not found
  5  refused by the daemon: wrong key, a limit, an unknown provider
  6  --wait met another end than the one waited for";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) exit: Exit,
    message: String,
    /// What the message alone does not tell.
    pub(super) detail_lines: Vec<String>,
}

impl Problem {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), detail_lines: Vec::new() }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub(super) fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.detail_lines.extend(lines);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
