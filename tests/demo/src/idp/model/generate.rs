//! Google's `streamGenerateContent` in the envelope of Code Assist, as Gemini CLI reads it.

use serde_json::{Value, json};

use crate::idp::model::{Answer, Sent};

pub(crate) fn prompt(request: &Value) -> Option<String> {
    let contents = request["request"]["contents"].as_array()?;
    let last = contents.iter().rfind(|content| content["role"] == "user")?;
    let text = last["parts"].as_array()?.iter().rfind(|part| part["text"].is_string())?;
    text["text"].as_str().map(str::to_owned)
}

pub(crate) fn events(answer: &Answer) -> Vec<Sent> {
    let sent = |response: Value| Sent {
        name: None,
        data: json!({ "response": response, "traceId": "demo" }),
        is_piece: false,
    };
    let candidate =
        |text: &str| json!({ "content": { "role": "model", "parts": [{ "text": text }] }, "index": 0 });
    let mut events: Vec<_> = answer
        .pieces
        .iter()
        .map(|piece| sent(json!({ "candidates": [candidate(piece)], "modelVersion": "demo" })).piece())
        .collect();
    let mut last = candidate("");
    last["finishReason"] = json!("STOP");
    let (input, output) = (answer.usage.input, answer.usage.output);
    let usage = json!({
        "promptTokenCount": input,
        "candidatesTokenCount": output,
        "totalTokenCount": input + output,
    });
    events.push(sent(json!({ "candidates": [last], "modelVersion": "demo", "usageMetadata": usage })));
    events
}

pub(crate) fn refusal() -> Value {
    let message = "Request had invalid authentication credentials.";
    json!({ "error": { "code": 401, "message": message, "status": "UNAUTHENTICATED" } })
}
