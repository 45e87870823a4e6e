//! Anthropic's Messages, as Claude Code reads them.

use serde_json::{Value, json};

use crate::idp::model::{Answer, Sent};

/// What stands before it in the same message are reminders for the model.
pub(crate) fn prompt(request: &Value) -> Option<String> {
    let last = request["messages"].as_array()?.iter().rfind(|message| message["role"] == "user")?;
    let text = match &last["content"] {
        Value::Array(blocks) => &blocks.iter().rfind(|block| block["type"] == "text")?["text"],
        text => text,
    };
    text.as_str().map(str::to_owned)
}

pub(crate) fn events(answer: &Answer) -> Vec<Sent> {
    let sent = |name: &'static str, mut data: Value| {
        data["type"] = json!(name);
        Sent::named(name, data)
    };
    let message = json!({
        "id": "msg_demo",
        "type": "message",
        "role": "assistant",
        "model": "demo",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": { "input_tokens": answer.usage.input, "output_tokens": 1 },
    });
    let block = json!({ "type": "text", "text": "" });
    let mut events = vec![
        sent("message_start", json!({ "message": message })),
        sent("content_block_start", json!({ "index": 0, "content_block": block })),
    ];
    events.extend(answer.pieces.iter().map(|piece| {
        let delta = json!({ "type": "text_delta", "text": piece });
        sent("content_block_delta", json!({ "index": 0, "delta": delta })).piece()
    }));
    let delta = json!({ "stop_reason": "end_turn", "stop_sequence": null });
    let usage = json!({ "output_tokens": answer.usage.output });
    events.push(sent("content_block_stop", json!({ "index": 0 })));
    events.push(sent("message_delta", json!({ "delta": delta, "usage": usage })));
    events.push(sent("message_stop", json!({})));
    events
}

pub(crate) fn refusal() -> Value {
    let message = "OAuth token has expired. Please obtain a new token or refresh your existing token.";
    json!({ "type": "error", "error": { "type": "authentication_error", "message": message } })
}
