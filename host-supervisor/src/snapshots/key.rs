//! How a snapshot is found: by what it depends on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::FORMAT;

/// What a snapshot depends on, in short: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    const DIGITS: usize = 32;

    /// Keys of objects are sorted in JSON values, so that equal conditions have equal texts.
    #[must_use]
    pub fn of(conditions: &Value) -> Self {
        let mut hash = Sha256::new();
        hash.update(FORMAT.to_le_bytes());
        hash.update(conditions.to_string());
        let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self(digits.chars().take(Self::DIGITS).collect())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if text.len() == Self::DIGITS && text.chars().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("a snapshot's key has {} hexadecimal digits", Self::DIGITS))
        }
    }
}
