use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{Answer, LARGEST_BODY_BYTES, SLOW_PIECES, Usage, body};
use crate::idp::profile::ModelDialect;

const DIALECTS: [ModelDialect; 4] =
    [ModelDialect::Responses, ModelDialect::Messages, ModelDialect::Generate, ModelDialect::Plain];

/// What a CLI would send: reminders first, then the words of the person.
fn request(dialect: ModelDialect, text: &str) -> Value {
    match dialect {
        ModelDialect::Responses => json!({ "input": [
            { "type": "message", "role": "developer", "content": [{ "type": "input_text", "text": "be good" }] },
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "<context>" }] },
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] },
        ] }),
        ModelDialect::Messages => json!({ "messages": [
            { "role": "user", "content": [
                { "type": "text", "text": "<system-reminder>" },
                { "type": "text", "text": text },
            ] },
            { "role": "system", "content": [{ "type": "text", "text": "be good" }] },
        ] }),
        ModelDialect::Generate => json!({ "request": { "contents": [
            { "role": "user", "parts": [{ "text": "<session_context>" }, { "text": text }] },
        ] } }),
        ModelDialect::Plain => json!({ "prompt": text }),
    }
}

/// The pieces of text in the events of a dialect, put together.
fn told(dialect: ModelDialect, events: &[super::Sent]) -> String {
    let pointer = match dialect {
        ModelDialect::Responses => "/delta",
        ModelDialect::Messages => "/delta/text",
        ModelDialect::Generate => "/response/candidates/0/content/parts/0/text",
        ModelDialect::Plain => "/text",
    };
    let pieces = events.iter().filter(|event| event.is_piece);
    pieces.map(|event| event.data.pointer(pointer).unwrap().as_str().unwrap()).collect()
}

#[test]
fn every_dialect_tells_what_was_said_last() {
    for dialect in DIALECTS {
        let prompt = dialect.prompt(&request(dialect, "hello  there\n")).unwrap();
        assert_eq!(prompt, "hello  there\n", "{dialect:?}");
        let events = dialect.events(&Answer::to(&prompt));
        assert_eq!(told(dialect, &events), "You said: hello  there\n", "{dialect:?}");
        assert!(events.iter().filter(|event| event.is_piece).count() >= 4, "{dialect:?}");
    }
}

#[test]
fn a_request_in_which_nobody_says_anything_is_none() {
    for dialect in DIALECTS {
        for request in
            [json!({}), json!(null), json!({ "input": 1, "messages": {}, "request": [], "prompt": "" })]
        {
            assert_eq!(dialect.prompt(&request), None, "{dialect:?} {request}");
        }
    }
}

#[test]
fn a_slow_answer_has_many_pieces() {
    let answer = Answer::to("count slowly");
    assert!(answer.slow && answer.pieces.len() > SLOW_PIECES);
    assert_eq!(Answer::to("count").usage, Usage { input: 1, output: 3 });
    assert!(!Answer::to("count").slow);
}

#[test]
fn a_body_is_plain_json_or_in_zstd_and_never_too_large() {
    let packed =
        |data: &[u8]| ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest);
    let read = |encoding: Option<&str>, data: &[u8]| {
        let encoding = encoding.map(|encoding| (header::CONTENT_ENCODING, encoding.parse().unwrap()));
        body::json(&HeaderMap::from_iter(encoding), data).map_err(|error| error.to_string())
    };
    assert_eq!(read(None, b"{}"), Ok(json!({})));
    assert_eq!(read(Some("zstd"), &packed(b"{\"a\":1}")), Ok(json!({ "a": 1 })));
    let mut long = vec![b' '; LARGEST_BODY_BYTES];
    long.extend(b"{}");
    assert_eq!(read(Some("zstd"), &packed(&long)), Err("the body is damaged or too large".to_owned()));
    assert!(
        read(Some("zstd"), b"{}").is_err() && read(Some("br"), b"{}").is_err() && read(None, b"{").is_err()
    );
}
