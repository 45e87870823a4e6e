//! What changes, as a page hears it: each thing as its list has it, what the key may see and nothing else, and an end.

use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    event_stream::{Event, EventStream},
    service::{Service, answer},
};

async fn listen(service: &Service, key: &str) -> EventStream {
    // The client's own time limit would end what has no end.
    let request = reqwest::Client::new().get(service.url("/api/live")).bearer_auth(key);
    let stream = EventStream::open(request).await;
    assert_eq!((stream.status(), stream.content_type()), (StatusCode::OK, "text/event-stream"));
    stream
}

/// A change of one list.
fn changed(list: &'static str) -> impl Fn(&Event) -> bool {
    move |event| event.name == "changed" && event.data["of"] == list
}

async fn key(service: &Service, scopes: &[&str]) -> (String, String) {
    let made = service.post("/api/admin/keys", &json!({ "name": "page", "scopes": scopes })).await.body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["key"]["id"]), text(&made["text"]))
}

#[tokio::test]
async fn whatever_changes_is_told_as_its_list_has_it() {
    let service = Service::start().await;
    let mut live = listen(&service, &service.key).await;
    assert_eq!(live.next().await.unwrap().name, "begin");
    let stats = live.until(|event| event.name == "stats").await.data;
    assert_eq!((&stats["vmLimit"], &stats["poolReady"]), (&json!(4), &json!(0)));

    let (session, guest) = service.session("ann").await;
    let told = live.until(|event| event.data["session_id"] == session.as_str()).await.data;
    assert_eq!((&told["user_id"], &told["provider"]), (&json!("ann"), &json!("demo")));
    let vm = live.until(|event| event.name == "vm").await.data;
    assert_eq!(vm["id"], json!(guest.spec.id));
    guest.tells(EventBody::DesktopReady);
    let ready = live.until(|event| event.name == "session" && event.data["status"] == "ready").await.data;
    let listed = service.get("/api/auth/sessions").await.body["sessions"][0].take();
    for field in ["session_id", "user_id", "vm_id", "created_at", "novnc_url"] {
        assert_eq!(ready[field], listed[field], "{field}");
    }

    let deleted = service.delete(&format!("/api/auth/session/{session}")).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
    let gone = live.until(|event| event.name == "gone").await.data;
    assert_eq!(gone, json!({ "of": "session", "id": session }));
    live.until(changed("audit")).await;
    key(&service, &["vms"]).await;
    live.until(changed("keys")).await;
    service.stop().await;
    while live.next().await.is_some() {}
}

#[tokio::test]
async fn a_listener_hears_what_its_key_may_see_and_nothing_after_its_end() {
    let service = Service::start().await;
    let (id, text) = key(&service, &["vms"]).await;
    let mut live = listen(&service, &text).await;
    let (_, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    let mut heard = Vec::new();
    loop {
        let event = live.next().await.unwrap();
        heard.push(event.name);
        if event.data["phase"] == "ready" {
            break;
        }
    }
    assert!(heard.iter().all(|name| name == "begin" || name == "vm"), "{heard:?}");
    let revoked = service.delete(&format!("/api/admin/keys/{id}")).await;
    assert_eq!(revoked.status, StatusCode::OK);
    // The next thing that happens ends it, and is not told.
    service.session("bob").await;
    while let Some(event) = live.next().await {
        assert_ne!(event.data["user_id"], "bob", "{event:?}");
    }
    let refused = answer(service.request(Method::GET, "/api/live").bearer_auth(&text)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let acting =
        service.request(Method::GET, "/api/live").bearer_auth(&service.key).header("x-user-id", "ann");
    assert_eq!(answer(acting).await.body["code"], "other_user");
    service.stop().await;
}

#[tokio::test]
async fn a_caller_learns_what_its_key_may_do() {
    let service = Service::start().await;
    let (id, text) = key(&service, &["sessions", "vms"]).await;
    let me = answer(service.request(Method::GET, "/api/me").bearer_auth(&text)).await.body;
    assert_eq!((&me["name"], &me["scopes"]), (&json!(format!("page ({id})")), &json!(["sessions", "vms"])));
    let local = service.get("/api/me").await.body;
    assert_eq!(local["name"], "local key");
    assert_eq!(local["scopes"].as_array().unwrap().len(), 7, "{local}");
    let nobody = answer(service.request(Method::GET, "/api/me")).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    service.stop().await;
}

#[tokio::test]
async fn operators_see_settings_definitions_and_snapshots() {
    let service = Service::start().await;
    let settings = service.get("/api/admin/settings").await.body["settings"].take();
    let settings = settings.as_array().unwrap();
    let of = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!((&of("vm.max")["value"], &of("vm.max")["source"]), (&json!("4"), &json!("flag vm.max")));

    std::fs::create_dir_all(service.state.path().join("providers")).unwrap();
    std::fs::write(service.state.path().join("providers/bad.toml"), "id = 1").unwrap();
    let trial = service.post("/api/providers/test", &json!({ "provider": "demo" })).await.body;
    let definitions = service.get("/api/admin/providers").await.body;
    let demo = definitions["providers"].as_array().unwrap().iter().find(|one| one["id"] == "demo").unwrap();
    assert_eq!(demo["missing"], json!([]));
    assert_eq!(demo["lastTrial"]["sessionId"], trial["sessionId"]);
    let broken = &definitions["broken"][0];
    assert!(broken["path"].as_str().unwrap().ends_with("bad.toml"), "{broken}");
    assert!(!broken["problem"].as_str().unwrap().is_empty());

    let snapshots = service.get("/api/admin/snapshots").await.body;
    assert_eq!((&snapshots["snapshots"], &snapshots["problems"]), (&json!([]), &json!([])));
    service.stop().await;
}
