//! From the name of a field to its place in the document, and back: `url[1].host` and the bytes that it stands in.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where the field's value is, or what it is missing from. `None` when not even that is there.
pub(super) fn span_of(document: &DeTable<'_>, field: &str) -> Option<Range<usize>> {
    let mut keys = steps(field);
    let mut here = document.get(keys.next()?)?;
    for key in keys {
        let next = match here.get_ref() {
            DeValue::Table(table) => table.get(key),
            DeValue::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        here = next;
    }
    Some(here.span())
}

/// The field whose key or value has these bytes: the innermost.
pub(super) fn field_at(document: &DeTable<'_>, bytes: &Range<usize>) -> Option<String> {
    let mut best = None;
    for (key, value) in document {
        visit(key.get_ref(), Some(key.span()), value, bytes, &mut best);
    }
    best.map(|(_, field)| field)
}

/// The length of the field that was found, and its name.
type Found = Option<(usize, String)>;

fn visit(
    field: &str,
    key: Option<Range<usize>>,
    value: &Spanned<DeValue<'_>>,
    bytes: &Range<usize>,
    best: &mut Found,
) {
    for span in key.into_iter().chain([value.span()]) {
        let has = span.start <= bytes.start && bytes.end <= span.end;
        // Of two of one length the inner one is visited later.
        if has && best.as_ref().is_none_or(|(length, _)| span.len() <= *length) {
            *best = Some((span.len(), field.to_owned()));
        }
    }
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in table {
                visit(&format!("{field}.{}", key.get_ref()), Some(key.span()), value, bytes, best);
            }
        }
        DeValue::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                visit(&format!("{field}[{index}]"), None, value, bytes, best);
            }
        }
        _ => {}
    }
}

fn steps(field: &str) -> impl Iterator<Item = &str> {
    field.split(['.', '[', ']']).filter(|step| !step.is_empty())
}
