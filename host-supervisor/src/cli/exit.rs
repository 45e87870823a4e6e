//! Exit codes: what a script can rely on. `anteroom --help` lists them.

use std::{fmt, process::ExitCode};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok,
    /// Something went wrong that has no code of its own.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// No daemon answers.
    Unreachable,
    /// What was asked for does not exist.
    NotFound,
    /// The daemon said no: wrong key, a limit, a provider that is not there.
    Refused,
    /// `--wait` met another end than the one waited for.
    OtherEnd,
    /// Of a program in a VM: it was not run, or cannot be followed any more.
    NotRun,
    /// Of a program in a VM: its own.
    Program(u8),
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
  6  --wait met another end than the one waited for

`exec`, `shell` and `prompt` end with the program's own code: 128 and the signal's number when a signal ended it, 127 when it is
not there, 126 when it is none, 124 when its time was over. What is not the program's fault is 125.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::NotFound => 4,
            Exit::Refused => 5,
            Exit::OtherEnd => 6,
            Exit::NotRun => 125,
            Exit::Program(code) => code,
        })
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

    /// What went wrong is not the fault of the program that was to be run.
    pub(super) fn not_run(mut self) -> Self {
        self.exit = Exit::NotRun;
        self
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
