//! Texts in HTML.

use std::fmt;

use serde_json::Value;

/// A value as text in a page; nothing where there is none.
#[derive(Debug)]
pub(super) struct Text<'a>(pub(super) &'a Value);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => Ok(()),
            Value::String(text) => f.write_str(&escaped(text)),
            other => f.write_str(&escaped(&other.to_string())),
        }
    }
}

/// Good between tags and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
