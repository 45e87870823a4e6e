//! Credential files: where a CLI writes them, and what must be in them before anybody believes in them.
//!
//! The mere existence of a file proves nothing (some CLIs create it empty, one accepts `{}` as signed in), so a rule
//! names the fields that must be filled. The same check runs in the guest, to know when to capture, and on the host,
//! because the guest is not to be trusted.

use serde::{Deserialize, Serialize};

use super::{compile, contents::Format, field_path::FieldPath, is_inside_home, mistake::Mistakes};
use crate::agent::CapturedCredentials;

/// Longest `settle_ms`: a person waits for it.
const MAX_SETTLE_MS: u64 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRule {
    /// Relative to the home directory; of what was read off the terminal, the name that it is kept under.
    pub path: String,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub write: WriteStyle,
    /// Paths of fields that must be present and not empty: `tokens.access_token`, `"github.com".oauth_token` for a key
    /// with a dot, `accounts.*.token` where any key will do. Without any the file is taken along when it is there, but
    /// proves nothing.
    #[serde(default)]
    pub require: Vec<String>,
    /// Of the format `terminal`: a regular expression; what it matches in a line of the terminal is the credential. A line
    /// that was broken to fit the terminal's width is one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Top-level keys to keep, of a JSON file; everything when empty.
    #[serde(default)]
    pub keys: Vec<String>,
    /// How long the file must have been left alone before it is captured, in milliseconds, 0 to 10 000.
    #[serde(default)]
    pub settle_ms: u64,
}

/// How the CLI writes the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteStyle {
    /// A temporary file, then rename(2): always whole.
    #[default]
    Rename,
    /// Into the file itself: whole only when it was closed.
    InPlace,
}

/// Why a file does not prove a sign-in. Never holds a value of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialProblem {
    #[error("{path} has {bytes} bytes, at most {} are read", CapturedCredentials::MAX_FILE_BYTES)]
    TooLarge { path: String, bytes: usize },
    #[error("{path} is not valid {format}")]
    Unreadable { path: String, format: Format },
    #[error("{path} lacks {field}, or it is empty")]
    Missing { path: String, field: String },
    #[error("{path} has no keys of which to keep some")]
    NoKeys { path: String },
    #[error("{path} is not what its pattern describes")]
    OtherText { path: String },
}

impl CredentialRule {
    /// Whether this file can prove a sign-in.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        !self.require.is_empty() || self.is_shown()
    }

    /// Whether it stands in no file but in the terminal.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.format == Format::Terminal
    }

    /// Reads the file's contents and returns what is to be kept of them.
    ///
    /// # Errors
    /// When the file is too large, unreadable in its format, or lacks a required field; and when only some keys are to be
    /// kept of what has none.
    pub fn accept(&self, contents: &[u8]) -> Result<Vec<u8>, CredentialProblem> {
        let path = || self.path.clone();
        if contents.len() > CapturedCredentials::MAX_FILE_BYTES {
            return Err(CredentialProblem::TooLarge { path: path(), bytes: contents.len() });
        }
        let unreadable = || CredentialProblem::Unreadable { path: path(), format: self.format };
        let mut value = self.format.value(contents).ok_or_else(unreadable)?;
        if let Some(pattern) = &self.pattern
            && !value.as_str().is_some_and(|text| matches_whole(pattern, text))
        {
            return Err(CredentialProblem::OtherText { path: path() });
        }
        let kept = if self.keys.is_empty() {
            contents.to_vec()
        } else {
            let object = value.as_object_mut().ok_or_else(|| CredentialProblem::NoKeys { path: path() })?;
            object.retain(|key, _| self.keys.contains(key));
            value.to_string().into_bytes()
        };
        // Of what is kept, because the host asks the same of that.
        for field in &self.require {
            if !FieldPath::parse(field).is_some_and(|path| path.is_filled_in(&value)) {
                return Err(CredentialProblem::Missing { path: path(), field: field.clone() });
            }
        }
        Ok(kept)
    }

    pub(super) fn check(&self, field: &str, mistakes: &mut Mistakes) {
        mistakes.expect(
            is_inside_home(&self.path),
            format!("{field}.path"),
            "expected a path inside the home directory, without ~ and without .., such as .codex/auth.json",
        );
        mistakes.expect(
            self.settle_ms <= MAX_SETTLE_MS,
            format!("{field}.settle_ms"),
            "expected at most 10000 milliseconds",
        );
        for (index, path) in self.require.iter().enumerate() {
            mistakes.expect(
                FieldPath::parse(path).is_some(),
                format!("{field}.require[{index}]"),
                "expected a dotted path such as tokens.access_token",
            );
            mistakes.expect(
                self.keys.is_empty() || FieldPath::parse(path).is_none_or(|path| path.is_below(&self.keys)),
                format!("{field}.require[{index}]"),
                "expected a field below one of the keys, as nothing else is kept",
            );
        }
        mistakes.expect(
            self.keys.is_empty() || self.format == Format::Json,
            format!("{field}.keys"),
            "expected none: only a file of the format json can be cut down to some keys",
        );
        self.check_pattern(field, mistakes);
    }

    fn check_pattern(&self, field: &str, mistakes: &mut Mistakes) {
        let at = format!("{field}.pattern");
        match (&self.pattern, self.is_shown()) {
            (Some(pattern), true) => match compile(pattern) {
                Ok(pattern) => {
                    let problem = "expected a pattern that does not match an empty text";
                    mistakes.expect(!pattern.is_match(""), at, problem);
                }
                Err(problem) => mistakes.add(at, problem),
            },
            (None, true) => mistakes.add(field, "missing field `pattern`: what the terminal shows"),
            (Some(_), false) => mistakes.add(at, "expected none: it goes with format = \"terminal\" only"),
            (None, false) => {}
        }
        mistakes.expect(
            !self.is_shown() || self.require.is_empty(),
            format!("{field}.require"),
            "expected none: a text of the terminal has no fields",
        );
    }
}

fn matches_whole(pattern: &str, text: &str) -> bool {
    compile(pattern).is_ok_and(|pattern| pattern.find(text).is_some_and(|found| found.as_str() == text))
}
