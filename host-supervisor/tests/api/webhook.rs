//! What the application behind the webhook is told, and what the operator sees of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::HeaderMap, http::StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    cli::against,
    service::{PATIENCE, Service, log},
    sign_in::complete,
};

const SECRET: &str = "whsec_cGxhbnRlZC13ZWJob29rLXNlY3JldC0wMDAwMDE=";

pub(crate) type Events = Arc<Mutex<Vec<(String, Value)>>>;

/// Answers the first request of every event with 500 and the rest with 200.
pub(crate) async fn receiver() -> (String, Events) {
    let events = Events::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let kept = events.clone();
    let receive = move |headers: HeaderMap, body: String| async move {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        let mut events = kept.lock().unwrap();
        let first = !events.iter().any(|(known, _)| *known == id);
        events.push((id, serde_json::from_str(&body).unwrap()));
        if first {
            (StatusCode::INTERNAL_SERVER_ERROR, "not \x1b[31mnow")
        } else {
            (StatusCode::OK, "thanks")
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(receive)).await });
    (url, events)
}

async fn until(events: &Events, count: usize) -> Vec<(String, Value)> {
    let wait = async {
        loop {
            let seen = events.lock().unwrap().clone();
            if seen.len() >= count {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the receiver is told")
}

/// A daemon whose secret is in a file.
pub(crate) async fn service(url: &str) -> Service {
    use std::os::unix::fs::PermissionsExt as _;
    let state = Arc::new(tempfile::tempdir().unwrap());
    let file = state.path().join("webhook-secret");
    std::fs::write(&file, SECRET).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let secret_file = file.display().to_string();
    let settings = [
        ("webhook.url", url),
        ("webhook.secret_file", &secret_file),
        ("webhook.include_credentials", "true"),
    ];
    Service::in_directory(state, &settings).await
}

#[tokio::test]
async fn a_sign_in_and_its_removal_are_told_and_no_secret_is_in_the_log() {
    let (url, events) = receiver().await;
    let service = service(&url).await;
    let (session, guest) = service.session("ann").await;
    complete(&service, &session, &guest, "planted-hook").await;
    let told = until(&events, 2).await;
    assert_eq!(told[0], told[1], "the same event, after some seconds");
    assert_eq!(told[0].1["type"], "credentials.captured");
    assert_eq!(told[0].1["data"]["sessionId"], *session);
    let file = &told[0].1["data"]["files"][".anteroom-demo/credentials.json"];
    assert_eq!(file["access_token"], "planted-hook");

    let listed = against(&service, &["webhook", "ls", "--json"]).await;
    assert_eq!(listed.json()[0]["id"], *told[0].0);
    let table = against(&service, &["webhook", "ls"]).await.out;
    assert!(table.contains("credentials.captured") && table.contains(&session), "{table}");
    service.delete(&format!("/api/auth/session/{session}")).await;
    let told = until(&events, 3).await;
    assert_eq!(told[2].1["type"], "credentials.deleted");
    assert_ne!(told[2].0, told[0].0);
    let table = against(&service, &["webhook", "ls"]).await.out;
    assert!(!table.contains("credentials.captured"), "what was forgotten is not listed: {table}");
    service.stop().await;
    for secret in ["planted-hook", SECRET, "cGxhbnRlZC13ZWJob29r", "planted-webhook-secret"] {
        assert!(!format!("{}{}{table}", log(), listed.out).contains(secret), "{secret} is in the log");
    }
}

/// As if so many days had gone by.
async fn age_outbox(state: &std::path::Path, days: i64) {
    let database = format!("sqlite://{}", state.join("anteroom.db").display());
    let pool = sqlx::SqlitePool::connect(&database).await.unwrap();
    let older = "UPDATE outbox SET created_at = created_at - $1, finished_at = finished_at - $1";
    sqlx::query(older).bind(days * 24 * 3_600_000).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_daemon_whose_webhook_was_taken_away_gives_up_what_waits_and_forgets_it() {
    let service = service("http://127.0.0.1:9/").await;
    let (session, guest) = service.session("ann").await;
    complete(&service, &session, &guest, "token").await;
    let state = service.state.clone();
    service.stop().await;
    let deliveries = async |state: &Arc<tempfile::TempDir>, done: fn(&[Value]) -> bool| {
        let service = Service::in_directory(state.clone(), &[]).await;
        let wait = async {
            loop {
                let listed = service.get("/api/webhook/deliveries").await.body;
                let listed = listed["deliveries"].as_array().unwrap();
                if done(listed) {
                    return listed.clone();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let listed = tokio::time::timeout(PATIENCE, wait).await.expect("the outbox is tidied");
        service.stop().await;
        listed
    };
    age_outbox(state.path(), 2).await;
    assert_eq!(deliveries(&state, |_| true).await[0]["status"], "pending", "a new address would be told");
    age_outbox(state.path(), 2).await;
    let given_up = deliveries(&state, |listed| listed[0]["status"] == "failed").await;
    assert!(given_up[0]["lastAnswer"].as_str().unwrap().contains("refused"), "{given_up:?}");
    age_outbox(state.path(), 8).await;
    deliveries(&state, <[Value]>::is_empty).await;
}

#[tokio::test]
async fn a_test_event_shows_what_the_receiver_answers() {
    let (url, events) = receiver().await;
    let service = service(&url).await;
    let tested = against(&service, &["webhook", "test"]).await;
    assert_eq!(tested.code, 1, "{}", tested.err);
    assert!(tested.out.contains("HTTP 500") && tested.out.contains("not  [31mnow"), "{}", tested.out);
    let (id, body) = until(&events, 1).await.remove(0);
    assert!(tested.out.contains(&id), "{}", tested.out);
    assert_eq!((&body["type"], &body["data"]), (&json!("webhook.test"), &json!({})));
    assert_eq!(service.get("/api/webhook/deliveries").await.body, json!({ "deliveries": [] }));
    service.stop().await;

    let service = Service::start().await;
    let refused = against(&service, &["webhook", "test"]).await;
    assert!(refused.code == 5 && refused.err.contains("set webhook.url"), "{}", refused.err);
    service.stop().await;
}
