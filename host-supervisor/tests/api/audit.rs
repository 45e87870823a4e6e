//! Who did what.

use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    cli,
    service::{Service, answer},
};

async fn entries(service: &Service, query: &str) -> Vec<Value> {
    let answer = service.get(&format!("/api/admin/audit?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.body["entries"].as_array().unwrap().clone()
}

/// As soon as there is one after this number.
async fn next(service: &Service, after: i64) -> Value {
    entries(service, &format!("after={after}&limit=1&wait=10")).await.into_iter().next().expect("an entry")
}

#[tokio::test]
async fn what_changes_something_is_written_down_with_who_did_it() {
    let service = Service::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let key = service.post("/api/admin/keys", &json!({ "name": "web", "scopes": ["sessions"] })).await.body;
    let (id, text) = (key["key"]["id"].as_str().unwrap(), key["text"].as_str().unwrap());
    let first = next(&service, 0).await;
    assert_eq!((&first["action"], &first["caller"]), (&json!("POST /api/admin/keys"), &json!("local key")));

    let start = service.request(Method::POST, "/api/auth/start").bearer_auth(text).header("x-user-id", "ann");
    let start = start
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-request-id", "my-request-1")
        .json(&json!({ "userId": "ann", "provider": "demo" }));
    let started = answer(start).await;
    assert_eq!(started.headers["x-request-id"], "my-request-1");
    let session = started.body["sessionId"].as_str().unwrap();
    let entry = next(&service, 1).await;
    let expected = json!({
        "number": 2, "at": entry["at"], "caller": format!("web ({id})"), "actingFor": "ann", "client": "192.0.2.7",
        "action": "POST /api/auth/start", "target": "/api/auth/start", "status": 200, "requestId": "my-request-1",
    });
    assert_eq!(entry, expected);

    // What is refused to a known caller is there, what only looks or beats is not, and a token stands nowhere.
    let refused = service.request(Method::DELETE, "/api/admin/keys/00000000").bearer_auth(text);
    assert_eq!(answer(refused).await.status, StatusCode::FORBIDDEN);
    let token = started.body["novncURL"].as_str().unwrap().split_once("?token=").unwrap().1;
    let own = format!("/api/auth/session/{session}");
    service.get(&own).await;
    service.post(&format!("{own}/heartbeat"), &json!({})).await;
    answer(service.request(Method::POST, &format!("{own}/retry?token={token}"))).await;
    let (refused, retry) = (next(&service, 2).await, next(&service, 3).await);
    assert_eq!((&refused["status"], &refused["target"]), (&json!(403), &json!("/api/admin/keys/00000000")));
    assert_eq!(retry["caller"], format!("token of session {session}"));
    assert_eq!((&retry["status"], &retry["target"]), (&json!(409), &json!(format!("{own}/retry"))));
    assert!(!retry.to_string().contains(token));
    service.stop().await;
}

#[tokio::test]
async fn reading_credentials_is_written_down_when_there_were_some() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let path = format!("/api/auth/session/{session}/credentials/status");
    service.get(&path).await;
    guest.tells(EventBody::DesktopReady);
    let told = guest.sign_in().await.session;
    let file = json!({ "access_token": "a", "refresh_token": "r", "account": { "email": "e" } }).to_string();
    guest.captures(told, "demo", &[(".anteroom-demo/credentials.json", &file)]);
    service.until(&session, "completed").await;
    assert_eq!(service.get(&path).await.body["status"], "ready");
    let entry = next(&service, 1).await;
    assert_eq!(entry["action"], "GET /api/auth/session/{id}/credentials/status");
    let all = entries(&service, "").await;
    assert_eq!(all.len(), 2, "the start, and the one time that there was something to read: {all:?}");
    service.stop().await;
}

#[tokio::test]
async fn it_outlives_the_daemon_and_is_read_by_the_command_line() {
    let service = Service::start().await;
    service.session("ann").await;
    let state = service.state.clone();
    service.stop().await;
    let service = Service::in_directory(state, &[]).await;
    let told = cli::against(&service, &["audit", "-n", "5"]).await;
    assert!(
        told.out.ends_with("200  local key from 127.0.0.1  POST /api/auth/start\n"),
        "{}{}",
        told.out,
        told.err
    );
    let told = cli::against(&service, &["audit", "--json"]).await;
    assert_eq!(told.json()["action"], "POST /api/auth/start");
    let both = entries(&service, "after=0").await;
    assert_eq!(both.len(), 1);
    service.stop().await;
}
