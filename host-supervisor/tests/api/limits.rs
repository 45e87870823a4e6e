//! Limits: of requests, of VMs, of time.

use std::time::Duration;

use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::service::{Service, answer};

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let service = Service::with(&[("rate_limit.requests", "5"), ("rate_limit.window", "1h")]).await;
    for _ in 0..5 {
        assert_eq!(service.get("/api/vms").await.status, StatusCode::OK);
    }
    let refused = service.get("/api/vms").await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("rate_limit"))
    );
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=720).contains(&seconds), "{seconds}");
    // Who has no key is counted too, and health is never refused.
    let stranger = answer(service.request(Method::GET, "/api/vms")).await;
    assert_eq!(stranger.status, StatusCode::TOO_MANY_REQUESTS);
    for path in ["/health", "/api/auth/health", "/"] {
        assert_eq!(answer(service.request(Method::GET, path)).await.status, StatusCode::OK, "{path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn no_more_vms_are_made_than_the_limit_says() {
    let service = Service::with(&[("vm.max", "1")]).await;
    let (session, guest) = service.session("ann").await;
    let request = json!({ "userId": "bob", "provider": "demo" });
    let start = || service.post("/api/auth/start", &request);
    let refused = start().await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("vm_limit")));
    assert!(refused.headers.contains_key("retry-after"));
    service.post(&format!("/api/auth/session/{session}/cancel"), &Value::Null).await;
    service.vm_gone(&guest.spec.id.to_string()).await;
    // The place is free a moment after the VM is gone.
    let mut again = start().await;
    while again.status == StatusCode::TOO_MANY_REQUESTS {
        tokio::time::sleep(Duration::from_millis(10)).await;
        again = start().await;
    }
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    service.stop().await;
}

#[tokio::test]
async fn one_user_does_not_take_the_places_of_all() {
    let service = Service::with(&[("vm.max_per_user", "1")]).await;
    service.session("ann").await;
    let start = async |user: &str| {
        service.post("/api/auth/start", &json!({ "userId": user, "provider": "demo" })).await
    };
    let refused = start("ann").await;
    let code = &refused.body["code"];
    assert_eq!((refused.status, code), (StatusCode::TOO_MANY_REQUESTS, &json!("user_vm_limit")));
    assert!(refused.body["error"].as_str().unwrap().contains("vm.max_per_user"), "{}", refused.text);
    assert_eq!(start("bob").await.status, StatusCode::OK);
    service.stop().await;
}

#[tokio::test]
async fn a_session_nobody_looks_at_ends_and_a_heartbeat_keeps_one() {
    let service = Service::with(&[("session.idle_limit", "1s")]).await;
    let (kept, _guest) = service.session("ann").await;
    let (left, _guest) = service.session("ann").await;
    let beats = async {
        loop {
            let beat = service.post(&format!("/api/auth/session/{kept}/heartbeat"), &Value::Null).await;
            assert_eq!(beat.body, json!({ "success": true }));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let timeout = tokio::select! {
        session = service.until(&left, "timeout") => session,
        () = beats => unreachable!("the heart beats for ever"),
    };
    assert_eq!(timeout["failure"]["code"], "idle_limit");
    assert_eq!(timeout["error"], "nobody was there for 1 seconds");
    assert_eq!(
        service.get(&format!("/api/auth/session/{kept}")).await.body["session"]["status"],
        "vm_created"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_desktop_that_does_not_come_names_what_it_waited_for() {
    use anteroom_protocol::agent::{ServiceState, ServiceStatus};
    let service = Service::with(&[("session.start_limit", "1s")]).await;
    let (session, guest) = service.session("ann").await;
    let state = ServiceState::Starting;
    guest.tells(EventBody::Service(ServiceStatus { name: "x11vnc".into(), state, restarts: 0, pid: None }));
    let timeout = service.until(&session, "timeout").await;
    assert_eq!(timeout["failure"]["code"], "start_limit");
    assert_eq!(timeout["failure"]["detail_lines"], json!(["x11vnc is starting"]));
    service.stop().await;
}

#[tokio::test]
async fn a_person_who_does_not_sign_in_runs_out_of_time() {
    let service = Service::with(&[("session.sign_in_limit", "1s")]).await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    let timeout = service.until(&session, "timeout").await;
    assert_eq!(timeout["failure"]["code"], "sign_in_limit");
    service.vm_gone(&guest.spec.id.to_string()).await;
    assert!(!guest.is_running());
    service.stop().await;
}
