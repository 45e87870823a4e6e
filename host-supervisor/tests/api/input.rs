//! Whatever callers send, the answer helps, and nothing panics.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::service::{Service, answer};

const SESSION: &str = "8f14e45f-ceea-467f-a8b8-4a1d8a5b1c2d";

#[tokio::test]
async fn bad_bodies_are_refused_with_what_would_be_right() {
    let service = Service::start().await;
    let long = "x".repeat(200);
    let cases = [
        ("{", StatusCode::BAD_REQUEST, "malformed_json", "not valid JSON"),
        ("", StatusCode::BAD_REQUEST, "malformed_json", "not valid JSON"),
        ("[]", StatusCode::BAD_REQUEST, "invalid_body", "expected struct Start"),
        ("{}", StatusCode::BAD_REQUEST, "invalid_body", "missing field `userId`"),
        (r#"{"userId":"a"}"#, StatusCode::BAD_REQUEST, "invalid_body", "missing field `provider`"),
        (r#"{"userId":7,"provider":"demo"}"#, StatusCode::BAD_REQUEST, "invalid_body", "expected a string"),
        (
            r#"{"userId":"","provider":"demo"}"#,
            StatusCode::BAD_REQUEST,
            "invalid_body",
            "1 to 128 characters",
        ),
        (r#"{"userId":"a\u0000","provider":"demo"}"#, StatusCode::BAD_REQUEST, "invalid_body", "control"),
        (
            &format!(r#"{{"userId":"{long}","provider":"demo"}}"#),
            StatusCode::BAD_REQUEST,
            "invalid_body",
            "128",
        ),
        (
            r#"{"userId":"a","provider":"demo","colour":1}"#,
            StatusCode::BAD_REQUEST,
            "invalid_body",
            "unknown field `colour`",
        ),
        (
            r#"{"userId":"a","provider":"demo","webrtcOffer":"x"}"#,
            StatusCode::BAD_REQUEST,
            "invalid_body",
            "expected struct Description",
        ),
        (
            r#"{"userId":"a","provider":"nope"}"#,
            StatusCode::BAD_REQUEST,
            "unknown_provider",
            "there is no provider \"nope\"",
        ),
        (
            &format!(r#"{{"userId":"a","provider":"{long}"}}"#),
            StatusCode::BAD_REQUEST,
            "unknown_provider",
            "there are: ",
        ),
        (&"x".repeat(200_000), StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "131072 bytes"),
    ];
    for (body, status, code, says) in cases {
        let request = service.request(Method::POST, "/api/auth/start").bearer_auth(&service.key);
        let refused = answer(request.header("content-type", "application/json").body(body.to_owned())).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (status, &json!(code)),
            "{shown}: {}",
            refused.text
        );
        assert!(refused.body["error"].as_str().unwrap().contains(says), "{shown}: {}", refused.text);
    }
    assert_eq!(service.get("/api/vms").await.body["vms"], json!([]), "no VM was made for any of them");
    service.stop().await;
}

#[tokio::test]
async fn an_unknown_provider_is_told_which_there_are() {
    let service = Service::start().await;
    let refused = service.post("/api/auth/start", &json!({ "userId": "a", "provider": "gemini_cli" })).await;
    // Gemini CLI has a definition, but this image has not its program.
    let valid = json!(["claude_code", "claude_setup_token", "codex", "demo", "demo-auto"]);
    assert_eq!(refused.body["validProviders"], valid);
    let offered = service.get("/api/providers").await.body;
    let codex = &offered["providers"][2];
    assert_eq!((&codex["id"], &codex["name"]), (&json!("codex"), &json!("Codex")));
    service.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_called_json_is_refused() {
    let service = Service::start().await;
    let request = service.request(Method::POST, "/api/auth/start").bearer_auth(&service.key);
    let refused = answer(request.body(r#"{"userId":"a","provider":"demo"}"#)).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("not_json"))
    );
    service.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let service = Service::start().await;
    let gets = [
        (format!("/api/auth/session/{SESSION}"), "unknown_session"),
        ("/api/auth/session/nonsense".into(), "unknown_session"),
        (format!("/api/auth/session/{}", "x".repeat(5000)), "unknown_session"),
        ("/api/auth/session/%ff%fe/vm".into(), "invalid_path"),
        ("/api/auth/session/%ff%fe".into(), "invalid_path"),
        (format!("/api/auth/session/{SESSION}?status=sleeping&wait=1"), "invalid_query"),
        (format!("/api/auth/session/{SESSION}/vm"), "unknown_session"),
        (format!("/api/auth/session/{SESSION}/oauth-url"), "unknown_session"),
        (format!("/api/auth/session/{SESSION}/credentials/status"), "unknown_session"),
        (format!("/api/auth/session/{SESSION}/vnc"), "unknown_session"),
        (format!("/api/vms/{SESSION}"), "unknown_vm"),
        ("/api/vms/nonsense/diagnostics".into(), "unknown_vm"),
        (format!("/api/admin/vm/{SESSION}/console"), "unknown_vm"),
        ("/api/nothing".into(), "not_found"),
        ("/assets/nothing.js".into(), "not_found"),
    ];
    for (path, code) in gets {
        let missing = service.get(&path).await;
        assert!(matches!(missing.status.as_u16(), 404 | 400), "{path}: {}", missing.text);
        assert_eq!(missing.body["code"], code, "{path}: {}", missing.text);
        assert!(missing.body["error"].is_string());
    }
    for rest in ["heartbeat", "cancel"] {
        let missing = service.post(&format!("/api/auth/session/{SESSION}/{rest}"), &Value::Null).await;
        assert_eq!(
            (missing.status, &missing.body["code"]),
            (StatusCode::NOT_FOUND, &json!("unknown_session"))
        );
    }
    assert_eq!(service.delete(&format!("/api/vms/{SESSION}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(service.delete(&format!("/api/auth/session/{SESSION}")).await.status, StatusCode::NOT_FOUND);
    let wrong_method = service.delete("/health").await;
    assert_eq!(
        (wrong_method.status, &wrong_method.body["code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed"))
    );
    service.stop().await;
}

#[tokio::test]
async fn a_list_of_a_user_nobody_knows_is_empty() {
    let service = Service::start().await;
    assert_eq!(service.get("/api/auth/sessions/nobody").await.body, json!({ "sessions": [] }));
    assert_eq!(service.get("/api/auth/credentials/nobody").await.body, json!({ "credentials": [] }));
    assert_eq!(service.get("/api/auth/validate/nobody/demo").await.body["valid"], false);
    service.stop().await;
}

#[tokio::test]
async fn a_user_id_with_every_kind_of_character_works_in_a_path() {
    let service = Service::start().await;
    let user = "ann/Ü?#%&@example.com";
    let (session, _guest) = service.session(user).await;
    let encoded: String = form_urlencoded::byte_serialize(user.as_bytes()).collect();
    let listed = service.get(&format!("/api/auth/sessions/{encoded}")).await.body;
    assert_eq!(listed["sessions"][0]["session_id"], *session);
    assert_eq!(listed["sessions"][0]["user_id"], user);
    service.stop().await;
}
