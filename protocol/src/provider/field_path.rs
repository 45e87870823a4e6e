//! The path of a field in a credential file or in a line of JSON: `tokens.access_token`, `"github.com".oauth_token`,
//! `authTokens.*.token`.
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

    /// Everything that it leads to; a number is also an item of a list.
    pub(super) fn values<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.0
            .iter()
            .fold(vec![value], |found, part| found.into_iter().flat_map(|value| part.of(value)).collect())
    }

    /// Whether the field is there and holds something.
    pub(super) fn is_filled_in(&self, value: &Value) -> bool {
        self.values(value).into_iter().any(is_filled)
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

    fn of<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Self::Key(key), Value::Array(items)) => {
                key.parse::<usize>().ok().and_then(|index| items.get(index)).into_iter().collect()
            }
            (Self::Key(key), _) => value.get(key).into_iter().collect(),
            (Self::Any, Value::Object(fields)) => fields.values().collect(),
            (Self::Any, Value::Array(items)) => items.iter().collect(),
            (Self::Any, _) => Vec::new(),
        }
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
    fn a_number_is_an_item_of_a_list_and_a_star_all_of_them() {
        let line = json!({ "content": [{ "text": "a" }, { "text": "b" }], "0": { "text": "c" } });
        let values = |path: &str| {
            FieldPath::parse(path).unwrap().values(&line).into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(values("content.1.text"), [json!("b")]);
        assert_eq!(values("content.*.text"), [json!("a"), json!("b")]);
        assert_eq!(values("0.text"), [json!("c")]);
        assert!(values("content.2.text").is_empty() && values("content.text").is_empty());
    }

    #[test]
    fn a_path_with_a_hole_is_none() {
        for bad in ["", ".", "a.", ".a", "a..b", "\"a", "\"\"", "\"a\"b", "a\"b\""] {
            assert_eq!(FieldPath::parse(bad), None, "{bad}");
        }
    }
}
