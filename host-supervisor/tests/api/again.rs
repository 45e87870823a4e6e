//! Calls that are made again: a start with an idempotency key, and events from where they were.

use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    event_stream::{Event, EventStream},
    service::{Answer, Service, answer},
};

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

/// What comes until the stream ends or `enough` says so.
async fn events(
    service: &Service,
    session: &str,
    last: Option<&str>,
    enough: impl Fn(&Event) -> bool,
) -> Vec<Event> {
    let request = service.request(Method::GET, &format!("/api/auth/session/{session}/events"));
    let request = request.bearer_auth(&service.key);
    let request = last.map_or(request.try_clone().unwrap(), |last| request.header("last-event-id", last));
    let mut stream = EventStream::open(request).await;
    assert_eq!((stream.status(), stream.content_type()), (StatusCode::OK, "text/event-stream"));
    let mut events = Vec::new();
    while !events.last().is_some_and(&enough)
        && let Some(event) = stream.next().await
    {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn a_session_is_followed_as_events_from_where_the_listener_was() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let is = |status: &'static str| move |event: &Event| event.data["session"]["status"] == status;
    guest.tells(EventBody::DesktopReady);
    let until_ready = events(&service, &session, None, is("ready")).await;
    assert!(until_ready.iter().any(|event| event.name == "moment"), "{until_ready:?}");
    let known = &until_ready.last().unwrap().id;

    let told = guest.sign_in().await.session;
    let file = json!({ "access_token": "a", "refresh_token": "r", "account": { "email": "e" } }).to_string();
    guest.captures(told, "demo", &[(".anteroom-demo/credentials.json", &file)]);
    let rest = events(&service, &session, Some(known), |_| false).await;
    let seen = |events: &[Event]| -> Vec<Value> {
        events.iter().filter(|event| event.name == "moment").map(|event| event.data["text"].clone()).collect()
    };
    let again: Vec<Value> =
        seen(&rest).into_iter().filter(|text| seen(&until_ready).contains(text)).collect();
    assert!(again.is_empty(), "told twice: {again:?}");
    let last = rest.last().unwrap();
    assert!(is("completed")(last) && last.id == "end", "{rest:?}");

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
