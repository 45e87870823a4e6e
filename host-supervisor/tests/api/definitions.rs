//! Definitions that come, change and go while the daemon runs.

use std::{fs, path::PathBuf};

use anteroom_protocol::EventBody;
use serde_json::{Value, json};

use crate::service::{self, Service};

const DEMO: &str = include_str!("../../providers/demo.toml");

/// Where an operator drops the file of the provider `other`.
fn file(service: &Service) -> PathBuf {
    let directory = service.state.path().join("providers");
    fs::create_dir_all(&directory).unwrap();
    directory.join("other.toml")
}

fn definition(name: &str) -> String {
    DEMO.replace("id = \"demo\"", "id = \"other\"").replace("\"Demo\"", &format!("\"{name}\""))
}

/// What is offered under the id `other`.
async fn offered(service: &Service) -> Option<String> {
    let listed = service.get("/api/providers").await.body;
    let other = listed["providers"].as_array().unwrap().iter().find(|provider| provider["id"] == "other")?;
    other["name"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_definition_is_offered_as_soon_as_it_is_dropped_and_gone_when_it_is_removed() {
    let service = Service::start().await;
    assert_eq!(offered(&service).await, None);
    fs::write(file(&service), definition("First")).unwrap();
    assert_eq!(offered(&service).await.as_deref(), Some("First"));
    fs::write(file(&service), definition("Changed")).unwrap();
    assert_eq!(offered(&service).await.as_deref(), Some("Changed"));
    // Its program is not in the image.
    fs::write(file(&service), definition("Foreign").replace("anteroom-demo", "netlify")).unwrap();
    assert_eq!(offered(&service).await, None);
    fs::write(file(&service), definition("Back")).unwrap();
    fs::remove_file(file(&service)).unwrap();
    assert_eq!(offered(&service).await, None);
    service.stop().await;
}

#[tokio::test]
async fn a_broken_file_is_logged_once_with_its_place_and_takes_nothing_away() {
    let service = Service::start().await;
    fs::write(file(&service), definition("Good")).unwrap();
    assert_eq!(offered(&service).await.as_deref(), Some("Good"));
    fs::write(file(&service), definition("Good").replace("kind = ", "knid = ")).unwrap();
    for _ in 0..3 {
        assert_eq!(offered(&service).await.as_deref(), Some("Good"));
    }
    let path = file(&service).display().to_string();
    let log = service::log();
    let told: Vec<&str> =
        log.lines().filter(|line| line.contains(&path) && line.contains("refused")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("line 14, column 1: url[0].knid: unknown field `knid`"), "{told:?}");
    assert!(told[0].contains("its last good definition stays"), "{told:?}");
    service.stop().await;
}

#[tokio::test]
async fn a_running_session_keeps_the_definition_that_it_was_started_with() {
    let service = Service::start().await;
    fs::write(file(&service), definition("Before")).unwrap();
    let started = service.post("/api/auth/start", &json!({ "userId": "ann", "provider": "other" })).await;
    let id = started.body["sessionId"].as_str().unwrap().to_owned();
    let session: Value = service.get(&format!("/api/auth/session/{id}")).await.body["session"].take();
    fs::write(file(&service), definition("After").replace("\"account.email\"", "\"something.else\""))
        .unwrap();
    assert_eq!(offered(&service).await.as_deref(), Some("After"));
    let guest = service.stage.guest_of(session["vm_id"].as_str().unwrap()).await;
    guest.tells(EventBody::DesktopReady);
    let sign_in = guest.sign_in().await;
    assert_eq!(sign_in.provider.name, "Before");
    fs::remove_file(file(&service)).unwrap();
    let credentials = json!({ "access_token": "a", "refresh_token": "r", "account": { "email": "e" } });
    guest.captures(
        sign_in.session,
        "other",
        &[(".anteroom-demo/credentials.json", &credentials.to_string())],
    );
    service.until(&id, "completed").await;
    service.stop().await;
}
