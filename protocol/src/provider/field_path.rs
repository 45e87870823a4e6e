//! The path of a field in a credential file: `tokens.access_token`, `"github.com".oauth_token`, `authTokens.*.token`.
//!
//! Dots separate keys. A key that has a dot itself stands in double quotes; a lone `*` is whichever key or list item
//! leads on. There is no escape for a double quote, because no credential file is known that needs one.

use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct FieldPath<'a>(Vec<Part<'a>>);

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Key(&'a str),
    Any,
}

impl<'a> FieldPath<'a> {
    /// `None` when a key is empty or a quote is not closed.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = Part::parse(rest)?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None => return after.is_empty().then_some(Self(parts)),
            }
        }
    }

    /// Whether it can begin with one of these keys.
    pub(super) fn is_below(&self, keys: &[String]) -> bool {
        match self.0.first() {
            Some(Part::Key(first)) => keys.iter().any(|key| key == first),
            Some(Part::Any) | None => true,
        }
    }

    /// Whether the field is there and holds something.
    pub(super) fn is_filled_in(&self, value: &Value) -> bool {
        leads_to_something(&self.0, value)
    }
}

impl<'a> Part<'a> {
    fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        if let Some(quoted) = text.strip_prefix('"') {
            let (key, after) = quoted.split_once('"')?;
            return (!key.is_empty()).then_some((Self::Key(key), after));
        }
        let (key, after) = text.split_at(text.find('.').unwrap_or(text.len()));
        match key {
            "*" => Some((Self::Any, after)),
            _ if key.is_empty() || key.contains('"') => None,
            _ => Some((Self::Key(key), after)),
        }
    }
}

/// Files are bounded in depth by their parsers, and paths by the size of a definition.
fn leads_to_something(parts: &[Part<'_>], value: &Value) -> bool {
    match parts {
        [] => is_filled(value),
        [Part::Key(key), rest @ ..] => value.get(key).is_some_and(|value| leads_to_something(rest, value)),
        [Part::Any, rest @ ..] => match value {
            Value::Object(fields) => fields.values().any(|value| leads_to_something(rest, value)),
            Value::Array(items) => items.iter().any(|value| leads_to_something(rest, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        },
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_filled_in(path: &str, value: &Value) -> bool {
        FieldPath::parse(path).unwrap().is_filled_in(value)
    }

    #[test]
    fn a_key_with_a_dot_stands_in_quotes() {
        let file = json!({ "github.com": { "oauth_token": "t", "user": "" } });
        assert!(is_filled_in(r#""github.com".oauth_token"#, &file));
        assert!(!is_filled_in(r#""github.com".user"#, &file));
        assert!(!is_filled_in("github.com.oauth_token", &file));
    }

    #[test]
    fn a_star_is_whichever_key_leads_on() {
        let file = json!({ "authTokens": { "https://a": { "token": "" }, "https://b": { "token": "t" } } });
        assert!(is_filled_in("authTokens.*.token", &file));
        assert!(!is_filled_in("authTokens.*.secret", &file));
        assert!(!is_filled_in("authTokens.*.token", &json!({ "authTokens": {} })));
        assert!(is_filled_in("accounts.*.token", &json!({ "accounts": [{}, { "token": 1 }] })));
    }

    #[test]
    fn a_path_with_a_hole_is_none() {
        for bad in ["", ".", "a.", ".a", "a..b", "\"a", "\"\"", "\"a\"b", "a\"b\""] {
            assert_eq!(FieldPath::parse(bad), None, "{bad}");
        }
    }
}
