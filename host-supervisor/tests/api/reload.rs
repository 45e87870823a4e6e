//! Settings that become others while the daemon runs. (By SIGHUP and a file: the end-to-end tests.)

use reqwest::{Method, StatusCode, header::ORIGIN};
use serde_json::json;

use crate::{
    service::{Service, answer},
    sign_in::complete,
};

const PAGE: &str = "https://app.example.com";

/// What a page elsewhere is told of who may call.
async fn allowed_origin(service: &Service) -> Option<String> {
    let asked = answer(service.request(Method::GET, "/health").header(ORIGIN, PAGE)).await;
    asked.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_next_request_meets_the_limits_names_and_pages_that_were_read_again() {
    let service = Service::with(&[("rate_limit.requests", "500")]).await;
    assert_eq!(service.get("/api/vms").await.headers["ratelimit-limit"], "500");
    assert_eq!(allowed_origin(&service).await, None);
    let named = || answer(service.request(Method::GET, "/health").header("host", "signin.example.com"));
    assert_eq!(named().await.status, StatusCode::MISDIRECTED_REQUEST);

    let changes = service
        .reload(&[
            ("rate_limit.requests", "700"),
            ("cors_origins", PAGE),
            ("allowed_hosts", "signin.example.com"),
            ("vm.disk_mib", "128"),
        ])
        .unwrap();
    assert_eq!(changes.at_once, ["allowed_hosts", "cors_origins", "rate_limit.requests"]);
    assert_eq!(changes.at_restart, ["vm.disk_mib"]);
    assert_eq!(service.get("/api/vms").await.headers["ratelimit-limit"], "700");
    assert_eq!(allowed_origin(&service).await.as_deref(), Some(PAGE));
    assert_eq!(named().await.status, StatusCode::OK);

    let back = service.reload(&[("rate_limit.requests", "500")]).unwrap();
    assert_eq!((back.at_once.len(), back.at_restart.len()), (3, 0));
    assert_eq!(allowed_origin(&service).await, None);
    service.stop().await;
}

#[tokio::test]
async fn a_session_that_lives_meets_its_new_limit_and_the_next_start_meets_that_of_vms() {
    let service = Service::start().await;
    let (session, _guest) = service.session("ann").await;
    service.reload(&[("session.idle_limit", "1s"), ("vm.max", "1"), ("vm.max_per_user", "1")]).unwrap();
    let refused = service.post("/api/auth/start", &json!({ "userId": "bob", "provider": "demo" })).await;
    assert_eq!(refused.body["code"], "vm_limit", "{}", refused.text);
    // Its limit was half an hour when it began to wait.
    assert_eq!(service.until(&session, "timeout").await["failure"]["code"], "idle_limit");
    service.stop().await;
}

#[tokio::test]
async fn starts_that_wait_begin_when_more_may_and_no_more_wait_than_may_by_now() {
    let service = Service::with(&[("launch.at_once", "1"), ("launch.waiting", "1")]).await;
    let start = async |user: &'static str| {
        let asked = json!({ "userId": user, "provider": "demo" });
        service.post("/api/auth/start", &asked).await
    };
    start("ann").await;
    service.stage.launched(1).await;
    start("bob").await;
    service.reload(&[("launch.at_once", "1"), ("launch.waiting", "0")]).unwrap();
    assert_eq!(start("cid").await.body["code"], "launch_queue_full");
    assert_eq!(service.stage.guests().len(), 1);
    let changes = service.reload(&[("launch.at_once", "2")]).unwrap();
    assert_eq!(changes.at_once, ["launch.at_once", "launch.waiting"]);
    service.stage.launched(2).await;
    service.stop().await;
}

#[tokio::test]
async fn the_limits_of_prompts_and_how_long_the_audit_log_goes_back_count_at_once() {
    let service = Service::with(&[("prompt.at_once", "1"), ("prompt.waiting", "1")]).await;
    let (session, guest) = service.session("ann").await;
    complete(&service, &session, &guest, "planted-access").await;
    let ask = async || {
        let asked = json!({ "userId": "ann", "provider": "demo", "prompt": "hi" });
        let request = service.request(Method::POST, "/api/prompts/execute").bearer_auth(&service.key);
        request.json(&asked).send().await.unwrap()
    };
    // Its VM is not there yet; nobody plays it.
    let (first, second) = (ask().await, ask().await);
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    assert_eq!(ask().await.status(), StatusCode::TOO_MANY_REQUESTS);
    let changes = service
        .reload(&[("prompt.at_once", "1"), ("prompt.waiting", "2"), ("audit.keep_days", "1")])
        .unwrap();
    assert_eq!(changes.at_once, ["audit.keep_days", "prompt.waiting"]);
    assert_eq!(ask().await.status(), StatusCode::OK);
    drop((first, second));
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_had_changes_nothing() {
    let secret = format!("whsec_{}", "A".repeat(32));
    let state = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let file = state.path().join("secret");
    std::fs::write(&file, &secret).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    let webhook = [("webhook.url", "http://127.0.0.1:9"), ("webhook.secret_file", file)];
    let service = Service::in_directory(state.clone(), &webhook).await;
    std::fs::write(file, "no secret of a webhook").unwrap();
    let error = service.reload(&[&webhook[..], &[("cors_origins", PAGE)]].concat()).unwrap_err();
    assert!(error.to_string().contains("is no secret of a webhook"), "{error}");
    assert_eq!(allowed_origin(&service).await, None);
    std::fs::write(file, &secret).unwrap();
    let changes = service.reload(&[&webhook[..], &[("cors_origins", PAGE)]].concat()).unwrap();
    assert_eq!(changes.at_once, ["cors_origins"]);
    assert_eq!(allowed_origin(&service).await.as_deref(), Some(PAGE));
    service.stop().await;
}
