//! YAML, as much of it as configuration files have: one document of mappings, sequences and scalars.
//!
//! Anchors and aliases are refused (a few lines of them stand for gigabytes), so are keys that are no scalars or stand
//! twice, and nesting beyond [`MAX_DEPTH`]. A scalar is text unless it is null: nothing here computes with it.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

/// Deeper than any configuration file, and far from the end of the stack.
const MAX_DEPTH: usize = 64;

/// `None` when the text is not such a document.
pub(super) fn value(text: &str) -> Option<Value> {
    let mut events = Events(Parser::new_from_str(text));
    let Event::StreamStart = events.next()? else { return None };
    let Event::DocumentStart(_) = events.next()? else { return None };
    let first = events.next()?;
    let value = events.node(first, 0)?;
    let Event::DocumentEnd = events.next()? else { return None };
    matches!(events.next()?, Event::StreamEnd).then_some(value)
}

struct Events<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Option<Event<'a>> {
        self.0.next_event()?.ok().map(|(event, _)| event)
    }

    /// The node that this event begins.
    fn node(&mut self, event: Event<'a>, depth: usize) -> Option<Value> {
        match event {
            Event::Scalar(text, style, 0, _) => Some(scalar(&text, style)),
            Event::SequenceStart(0, _) if depth < MAX_DEPTH => self.sequence(depth + 1),
            Event::MappingStart(0, _) if depth < MAX_DEPTH => self.mapping(depth + 1),
            // An alias, something with an anchor, or something too deep.
            _ => None,
        }
    }

    fn sequence(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Some(Value::Array(items)),
                event => items.push(self.node(event, depth)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Option<Value> {
        let mut fields = Map::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Some(Value::Object(fields)),
                Event::Scalar(key, _, 0, _) => key.into_owned(),
                _ => return None,
            };
            let event = self.next()?;
            if fields.insert(key, self.node(event, depth)?).is_some() {
                return None;
            }
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}
