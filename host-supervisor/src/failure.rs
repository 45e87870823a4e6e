//! Why a VM or a session failed, in words for three readers: programs, people, people who want to know exactly.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cause of a failure, as it is stored and shown. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Stable and for programs, for example `kernel_panic`.
    pub code: String,
    /// One sentence for people: what failed and why.
    pub message: String,
    /// What was said last by whatever failed: lines of the console, of a service, of the VMM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail_lines: Vec<String>,
}

impl Failure {
    /// Most lines that are kept, the last ones.
    pub const MAX_DETAIL_LINES: usize = 50;
    /// Longest line that is kept, in characters.
    pub const MAX_LINE_CHARS: usize = 400;

    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), detail_lines: Vec::new() }
    }

    /// Adds the last of these lines. They often come out of a guest, so they are bounded and control characters are
    /// replaced: a terminal shows them.
    #[must_use]
    pub fn with_lines<S: AsRef<str>>(mut self, lines: impl IntoIterator<Item = S>) -> Self {
        self.detail_lines.extend(lines.into_iter().map(|line| printable(line.as_ref())));
        let surplus = self.detail_lines.len().saturating_sub(Self::MAX_DETAIL_LINES);
        self.detail_lines.drain(..surplus);
        self
    }
}

/// An error and what it came from, in one line.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

/// What is at the bottom of it, for errors that wrap it several times and repeat themselves.
#[must_use]
pub fn root_cause(error: &dyn std::error::Error) -> String {
    let root = std::iter::successors(error.source(), |error| error.source()).last();
    root.map_or_else(|| error.to_string(), ToString::to_string)
}

fn printable(line: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    line.trim_end_matches(['\r', '\n']).chars().take(Failure::MAX_LINE_CHARS).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept_bounded_and_without_escape_sequences() {
        let long = "x".repeat(1000);
        let lines: Vec<String> =
            (0..100).map(|n| format!("line {n}\n")).chain(["\x1b[31mred".into(), long]).collect();
        let failure = Failure::new("kernel_panic", "the kernel panicked").with_lines(&lines);
        assert_eq!(failure.detail_lines.len(), Failure::MAX_DETAIL_LINES);
        assert_eq!(failure.detail_lines[0], "line 52");
        assert_eq!(failure.detail_lines[48], "\u{fffd}[31mred");
        assert_eq!(failure.detail_lines[49].len(), Failure::MAX_LINE_CHARS);
    }
}
