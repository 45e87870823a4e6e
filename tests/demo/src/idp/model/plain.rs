//! The dialect of our own command-line tool.

use serde_json::{Value, json};

use crate::idp::model::{Answer, Sent};

pub(crate) fn prompt(request: &Value) -> Option<String> {
    request["prompt"].as_str().filter(|prompt| !prompt.is_empty()).map(str::to_owned)
}

pub(crate) fn events(answer: &Answer) -> Vec<Sent> {
    let sent = |data| Sent { name: None, data, is_piece: false };
    let mut events: Vec<_> =
        answer.pieces.iter().map(|piece| sent(json!({ "text": piece })).piece()).collect();
    let (input, output) = (answer.usage.input, answer.usage.output);
    events.push(sent(json!({ "usage": { "input_tokens": input, "output_tokens": output } })));
    events
}
