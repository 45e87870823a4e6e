//! Calls that are made again: a start with an idempotency key, and events from where they were.

use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::service::{Answer, PATIENCE, Service, answer};

async fn start(service: &Service, key: &str, provider: &str) -> Answer {
    let body = json!({ "userId": "ann", "provider": provider });
    let request = service.request(Method::POST, "/api/auth/start").bearer_auth(&service.key);
    answer(request.header("idempotency-key", key).json(&body)).await
}

#[tokio::test]
async fn a_start_that_is_asked_for_again_starts_nothing_again() {
    let service = Service::start().await;
    let (first, same) = tokio::join!(start(&service, "one", "demo"), start(&service, "one", "demo"));
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    assert_eq!(first.body, same.body);
    let other = start(&service, "two", "demo").await;
    assert_ne!(first.body["sessionId"], other.body["sessionId"]);
    let refused = start(&service, "one", "demo-auto").await;
    let expected = (StatusCode::UNPROCESSABLE_ENTITY, &json!("idempotency_key_reused"));
    assert_eq!((refused.status, &refused.body["code"]), expected);
    let refused = start(&service, &"x".repeat(256), "demo").await;
    assert_eq!(refused.body["code"], "invalid_idempotency_key");
    let sessions = service.get("/api/auth/sessions/ann").await.body;
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);
    let state = service.state.clone();
    service.stop().await;
    // The session has ended with its daemon; the call is known all the same.
    let service = Service::in_directory(state, &[]).await;
    assert_eq!(start(&service, "one", "demo").await.body["sessionId"], first.body["sessionId"]);
    service.stop().await;
}

/// What comes until the stream ends or `enough` says so: name, id and data of each event.
async fn events(
    service: &Service,
    session: &str,
    last: Option<&str>,
    enough: impl Fn(&[(String, String, Value)]) -> bool,
) -> Vec<(String, String, Value)> {
    let request = service.request(Method::GET, &format!("/api/auth/session/{session}/events"));
    let request = request.bearer_auth(&service.key);
    let request = last.map_or(request.try_clone().unwrap(), |last| request.header("last-event-id", last));
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut events) = (String::new(), Vec::new());
    while !enough(&events) {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("an event");
        let Some(chunk) = chunk.unwrap() else { break };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
            };
            if !field("event:").is_empty() {
                let data = serde_json::from_str(field("data:")).unwrap();
                events.push((field("event:").to_owned(), field("id:").to_owned(), data));
            }
            text = rest.to_owned();
        }
    }
    events
}

#[tokio::test]
async fn a_session_is_followed_as_events_from_where_the_listener_was() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let is =
        |status: &'static str| move |event: &(String, String, Value)| event.2["session"]["status"] == status;
    guest.tells(EventBody::DesktopReady);
    let until_ready = events(&service, &session, None, |events| events.iter().any(is("ready"))).await;
    assert!(until_ready.iter().any(|event| event.0 == "moment"), "{until_ready:?}");
    let (_, known, _) = until_ready.last().unwrap();

    let told = guest.sign_in().await.session;
    let file = json!({ "access_token": "a", "refresh_token": "r", "account": { "email": "e" } }).to_string();
    guest.captures(told, "demo", &[(".anteroom-demo/credentials.json", &file)]);
    let rest = events(&service, &session, Some(known), |_| false).await;
    let seen = |events: &[(String, String, Value)]| -> Vec<Value> {
        events.iter().filter(|event| event.0 == "moment").map(|event| event.2["text"].clone()).collect()
    };
    let again: Vec<Value> =
        seen(&rest).into_iter().filter(|text| seen(&until_ready).contains(text)).collect();
    assert!(again.is_empty(), "told twice: {again:?}");
    let last = rest.last().unwrap();
    assert!(is("completed")(last) && last.1 == "end", "{rest:?}");

    let over = service.request(Method::GET, &format!("/api/auth/session/{session}/events"));
    let over = over.bearer_auth(&service.key).header("last-event-id", "end");
    assert_eq!(answer(over).await.status, StatusCode::NO_CONTENT);
    service.stop().await;
}

#[tokio::test]
async fn who_has_a_token_hears_of_the_session_only() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let own = format!("/api/auth/session/{session}");
    let token = service.post(&format!("{own}/token"), &json!({ "role": "view" })).await.body;
    let path = format!("{own}/events?token={}", token["token"].as_str().unwrap());
    let listening = service.request(Method::GET, &path).send().await.unwrap();
    service.post(&format!("{own}/cancel"), &json!({})).await;
    let text = listening.text().await.unwrap();
    assert!(text.contains("event: session") && !text.contains("event: moment"), "{text}");
    service.stop().await;
}
