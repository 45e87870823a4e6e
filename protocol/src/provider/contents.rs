//! Reading a credential file in its format. The file comes out of a guest: it is bounded in size by whoever read it, and
//! in depth here.

mod jsonc;
#[cfg(test)]
mod tests;
mod yaml;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a credential file is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Json,
    /// JSON with comments.
    Jsonc,
    /// One document, without anchors and aliases.
    Yaml,
    Toml,
    /// No file: what the CLI shows in the terminal and writes nowhere.
    Terminal,
}

impl Format {
    /// `None` when the contents are not of this format. Why is not told: it would quote the file.
    pub(super) fn value(self, contents: &[u8]) -> Option<Value> {
        match self {
            Self::Json => serde_json::from_slice(contents).ok(),
            Self::Jsonc => serde_json::from_slice(&jsonc::without_comments(contents)?).ok(),
            Self::Yaml => yaml::value(str::from_utf8(contents).ok()?),
            Self::Toml => toml::from_str(str::from_utf8(contents).ok()?).ok(),
            Self::Terminal => Some(Value::String(str::from_utf8(contents).ok()?.to_owned())),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Jsonc => "JSON with comments",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Terminal => "text of the terminal",
        })
    }
}
