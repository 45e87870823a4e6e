//! What a build tells while it runs, so that a person is never left with a silent cursor.

use std::time::Duration;

/// Events of one build, in order. `number` counts from 1 to `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another build holds the store; this one waits for it.
    Waiting,
    /// A step begins.
    Step { number: usize, of: usize, what: &'a str },
    /// The tool of the current step has said something.
    Line(&'a str),
    /// The current step is done.
    Done { number: usize, of: usize, what: &'a str, outcome: Outcome },
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its inputs have not changed: nothing to do.
    Reused,
    Built {
        elapsed: Duration,
        size_bytes: u64,
    },
}
