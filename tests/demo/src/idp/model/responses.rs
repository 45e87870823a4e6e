//! OpenAI's Responses, as Codex reads them.

use serde_json::{Value, json};

use crate::idp::access::NoAccess;
use crate::idp::model::{Answer, Sent};

pub(crate) fn prompt(request: &Value) -> Option<String> {
    let said = |item: &&Value| item["type"] == "message" && item["role"] == "user";
    let last = request["input"].as_array()?.iter().rfind(said)?;
    let text = last["content"].as_array()?.iter().rfind(|part| part["type"] == "input_text")?;
    text["text"].as_str().map(str::to_owned)
}

pub(crate) fn events(answer: &Answer) -> Vec<Sent> {
    let sent = |name: &'static str, mut data: Value| {
        data["type"] = json!(name);
        Sent::named(name, data)
    };
    let item = |status, content: Value| json!({ "type": "message", "id": "msg_demo", "role": "assistant", "status": status, "content": content });
    let whole =
        item("completed", json!([{ "type": "output_text", "text": answer.text(), "annotations": [] }]));
    let begun = json!({ "id": "resp_demo", "object": "response", "status": "in_progress", "output": [] });
    let mut events = vec![
        sent("response.created", json!({ "response": begun })),
        sent(
            "response.output_item.added",
            json!({ "output_index": 0, "item": item("in_progress", json!([])) }),
        ),
    ];
    events.extend(answer.pieces.iter().map(|piece| {
        let delta = json!({ "item_id": "msg_demo", "output_index": 0, "content_index": 0, "delta": piece });
        sent("response.output_text.delta", delta).piece()
    }));
    let (input, output) = (answer.usage.input, answer.usage.output);
    let response = json!({
        "id": "resp_demo",
        "object": "response",
        "status": "completed",
        "output": [whole],
        "usage": {
            "input_tokens": input,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": output,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": input + output,
        },
    });
    events.push(sent("response.output_item.done", json!({ "output_index": 0, "item": whole })));
    events.push(sent("response.completed", json!({ "response": response })));
    events
}

pub(crate) fn refusal(why: NoAccess) -> Value {
    let (message, kind, code) = match why {
        NoAccess::Missing => {
            ("Missing bearer or basic authentication in header", "invalid_request_error", None)
        }
        NoAccess::Unknown | NoAccess::Expired | NoAccess::Revoked => (
            "Provided authentication token is expired. Please try signing in again.",
            "authentication_error",
            Some("token_expired"),
        ),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}
