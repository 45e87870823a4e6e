//! Credential files: where a CLI writes them, and what must be in them before anybody believes in them.
//!
//! The mere existence of a file proves nothing (some CLIs create it empty, one accepts `{}` as signed in), so a rule
//! names the fields that must be filled. The same check runs in the guest, to know when to capture, and on the host,
//! because the guest is not to be trusted.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DefinitionError, expect, is_inside_home};
use crate::agent::CapturedCredentials;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRule {
    /// Relative to the home directory.
    pub path: String,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub write: WriteStyle,
    /// Dotted paths of fields that must be present and not empty. Without any the file is taken along when it is
    /// there, but proves nothing.
    #[serde(default)]
    pub require: Vec<String>,
    /// Top-level keys to keep; everything when empty.
    #[serde(default)]
    pub keys: Vec<String>,
    /// How long the file must have been left alone before it is captured, in milliseconds, 0 to 10 000.
    #[serde(default)]
    pub settle_ms: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Json,
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
    #[error("{path} is not valid JSON")]
    NotJson { path: String },
    #[error("{path} lacks {field}, or it is empty")]
    Missing { path: String, field: String },
}

impl CredentialRule {
    /// Whether this file can prove a sign-in.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        !self.require.is_empty()
    }

    /// Reads the file's contents and returns what is to be kept of them.
    ///
    /// # Errors
    /// When the file is too large, unreadable in its format, or lacks a required field.
    pub fn accept(&self, contents: &[u8]) -> Result<Vec<u8>, CredentialProblem> {
        let path = || self.path.clone();
        if contents.len() > CapturedCredentials::MAX_FILE_BYTES {
            return Err(CredentialProblem::TooLarge { path: path(), bytes: contents.len() });
        }
        let Format::Json = self.format;
        let value: Value =
            serde_json::from_slice(contents).map_err(|_| CredentialProblem::NotJson { path: path() })?;
        for field in &self.require {
            if !field.split('.').try_fold(&value, |value, key| value.get(key)).is_some_and(is_filled) {
                return Err(CredentialProblem::Missing { path: path(), field: field.clone() });
            }
        }
        match value {
            Value::Object(mut object) if !self.keys.is_empty() => {
                object.retain(|key, _| self.keys.contains(key));
                Ok(Value::Object(object).to_string().into_bytes())
            }
            _ => Ok(contents.to_vec()),
        }
    }

    pub(super) fn check(&self, field: &str) -> Result<(), DefinitionError> {
        expect(
            is_inside_home(&self.path),
            format!("{field}.path"),
            "expected a path inside the home directory",
        )?;
        expect(self.settle_ms <= 10_000, format!("{field}.settle_ms"), "expected at most 10000")?;
        let names = self.require.iter().all(|name| !name.is_empty() && !name.split('.').any(str::is_empty));
        expect(names, format!("{field}.require"), "expected dotted paths such as tokens.access_token")
    }
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
