//! Failures have a name, wherever they come from, and leave nothing behind.

use std::time::{Duration, Instant};

use anteroom::vault::KeyTexts;
use anteroom_protocol::{EventBody, event::FailedBy};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::service::Service;

#[tokio::test]
async fn a_kernel_panic_is_told_with_its_text_within_seconds() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    service.until(&session, "vm_created").await;
    guest.prints("[    3.1] Kernel panic - not syncing: System is deadlocked on memory\n").await;
    let died = Instant::now();
    guest.dies();
    let failed = service.until(&session, "failed").await;
    assert!(died.elapsed() < Duration::from_secs(5), "{:?}", died.elapsed());
    let failure = &failed["failure"];
    assert!(failure["message"].as_str().unwrap().contains("deadlocked on memory"), "{failure}");
    assert_eq!(failed["error"], failure["message"]);
    let lines = failure["detail_lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line.as_str().unwrap().contains("Kernel panic")), "{failure}");
    let vm = service.vm_gone(failed["vm_id"].as_str().unwrap()).await;
    assert_eq!((&vm["status"], &vm["failure"]["code"]), (&json!("failed"), &failure["code"]));
    service.stop().await;
}

#[tokio::test]
async fn a_service_of_the_desktop_that_gives_up_is_named_with_its_last_lines() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopFailed {
        service: "xvfb".into(),
        cause: "exit code 1, five times".into(),
        last_lines: vec!["Fatal server error: no screens found".into()],
    });
    let failure = service.until(&session, "failed").await["failure"].take();
    assert!(failure["message"].as_str().unwrap().contains("xvfb"), "{failure}");
    assert!(failure["detail_lines"].to_string().contains("no screens found"), "{failure}");
    service.stop().await;
}

#[tokio::test]
async fn a_sign_in_that_cannot_succeed_says_why_without_its_secrets() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(EventBody::SignInFailed {
        session: session.parse().unwrap(),
        by: FailedBy::CommandEnded,
        cause: "the CLI ended with exit code 1".into(),
        last_lines: vec![
            "Open https://auth.example.com/authorize?state=planted-state to sign in".into(),
            "error: the sign-in was denied".into(),
        ],
    });
    let failed = service.attempt_failed(&session).await;
    assert_eq!(failed["attempt_failure"]["code"], "sign_in_denied");
    assert!(
        failed["failure"].is_null() && failed["status"] != "failed",
        "the VM is kept for another attempt: {failed}"
    );
    assert!(!failed.to_string().contains("planted-state"), "{failed}");
    assert!(failed.to_string().contains("the sign-in was denied"), "{failed}");
    let retry = format!("/api/auth/session/{session}/retry");
    let answer = service.post(&retry, &json!({})).await;
    assert_eq!((answer.status, guest.attempts()), (StatusCode::OK, 1), "{}", answer.text);
    let answer = service.post(&retry, &json!({})).await;
    assert_eq!((answer.status, &answer.body["code"]), (StatusCode::CONFLICT, &json!("not_failed")));
    service.stop().await;
}

#[tokio::test]
async fn a_failed_sign_in_that_nobody_tries_again_fails_the_session() {
    let service = Service::with(&[("session.retry_limit", "1s")]).await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(EventBody::SignInFailed {
        session: session.parse().unwrap(),
        by: FailedBy::CommandEnded,
        cause: "the command ended with code 1".into(),
        last_lines: vec!["invalid_grant".into()],
    });
    let failed = service.until(&session, "failed").await;
    assert_eq!(failed["failure"]["code"], "sign_in_refused", "{failed}");
    service.stop().await;
}

#[tokio::test]
async fn a_cli_that_cannot_be_started_fails_the_session() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    *guest.refuses_sign_in.lock().unwrap() = Some("codex is not in this image".into());
    guest.tells(EventBody::DesktopReady);
    let failure = service.until(&session, "failed").await["failure"].take();
    assert_eq!(failure["code"], "sign_in_not_started");
    assert!(failure["message"].as_str().unwrap().contains("codex is not in this image"), "{failure}");
    service.stop().await;
}

#[tokio::test]
async fn credentials_that_prove_nothing_are_refused() {
    let cases = [
        (".anteroom-demo/credentials.json", "{}", "lacks access_token"),
        (".ssh/id_ed25519", "key", "does not name"),
        (".anteroom-demo/credentials.json", "no JSON", "not valid JSON"),
    ];
    let service = Service::start().await;
    for (path, contents, problem) in cases {
        let (session, guest) = service.session("ann").await;
        guest.tells(EventBody::DesktopReady);
        guest.sign_in().await;
        guest.captures(session.parse().unwrap(), "demo", &[(path, contents)]);
        let failure = service.until(&session, "failed").await["failure"].take();
        assert_eq!(failure["code"], "credentials_refused");
        assert!(failure["message"].as_str().unwrap().contains(problem), "{failure}");
        let status = service.get(&format!("/api/auth/session/{session}/credentials/status")).await.body;
        assert_eq!((&status["authenticated"], &status["status"]), (&json!(false), &json!("failed")));
    }
    assert_eq!(service.get("/api/auth/credentials/ann").await.body["credentials"], json!([]));
    service.stop().await;
}

#[tokio::test]
async fn a_cancelled_session_takes_its_vm_along() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let path = |rest: &str| format!("/api/auth/session/{session}{rest}");
    let cancelled = service.post(&path("/cancel"), &Value::Null).await;
    assert_eq!(cancelled.body, json!({ "success": true, "status": "cancelled" }));
    let ended = service.get(&path("")).await.body["session"].take();
    assert_eq!(ended["error"], "the session was cancelled");
    service.vm_gone(ended["vm_id"].as_str().unwrap()).await;
    assert!(!guest.is_running());
    for path in [path("/vm"), path("/oauth-url")] {
        assert_eq!(service.get(&path).await.status, StatusCode::GONE, "{path}");
    }
    assert_eq!(service.post(&path("/heartbeat"), &Value::Null).await.status, StatusCode::GONE);
    // Cancelling twice is no error.
    assert_eq!(service.post(&path("/cancel"), &Value::Null).await.body["status"], "cancelled");
    service.stop().await;
}

#[tokio::test]
async fn stopping_the_daemon_ends_sessions_and_leaves_no_vm() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let state = service.state.clone();
    service.stop().await;
    assert!(!guest.is_running());
    assert_eq!(std::fs::read_dir(state.path().join("vms")).unwrap().count(), 0);
    let service = Service::in_directory(state, &[]).await;
    let ended = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
    assert_eq!(
        (&ended["status"], &ended["failure"]["code"]),
        (&json!("cancelled"), &json!("daemon_stopped"))
    );
    service.stop().await;
}

#[tokio::test]
async fn sessions_of_a_daemon_that_died_are_failed_by_the_next_one() {
    use anteroom::store::{SessionPurpose, SessionRecord, SessionStatus, Store};
    let state = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let id = anteroom_protocol::SessionId::random();
    let store = Store::open(state.path()).await.unwrap();
    let record = SessionRecord {
        id,
        user_id: "ann".into(),
        provider: "demo".into(),
        purpose: SessionPurpose::SignIn,
        status: SessionStatus::AwaitingUserAuth,
        vm_id: None,
        created_at: time::OffsetDateTime::now_utc(),
        completed_at: None,
        failure: None,
    };
    store.session_create(&record).await.unwrap();
    store.close().await;
    let service = Service::in_directory(state, &[]).await;
    let session = service.get(&format!("/api/auth/session/{id}")).await.body["session"].take();
    assert_eq!(
        (&session["status"], &session["failure"]["code"]),
        (&json!("failed"), &json!("daemon_restarted"))
    );
    service.stop().await;
}

#[tokio::test]
async fn a_second_daemon_in_one_state_directory_is_refused_with_the_first_ones_process() {
    use anteroom::daemon::{Daemon, DaemonError};
    let service = Service::start().await;
    let error =
        Daemon::start(&service.config(&[]), service.machine(), KeyTexts::default()).await.unwrap_err();
    assert!(matches!(error, DaemonError::Lock(_)), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    let elsewhere = tempfile::tempdir().unwrap();
    let taken = service.address.to_string();
    let settings = [("listen", taken.as_str()), ("state_dir", elsewhere.path().to_str().unwrap())];
    let error =
        Daemon::start(&service.config(&settings), service.machine(), KeyTexts::default()).await.unwrap_err();
    assert!(error.to_string().contains("is in use by process"), "{error}");
    service.stop().await;
}
