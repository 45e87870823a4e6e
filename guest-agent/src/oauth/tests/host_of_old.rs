//! Port 8080 as a host of old knows it: every row of its table, over a real socket, before a CLI that is one too.

mod callbacks;
mod old;

use serde_json::{Value, json};

use std::fs;

use super::*;
use old::{Old, cli, definition, page};

#[tokio::test]
async fn health_needs_no_token_and_counts_the_sessions() {
    let Some(role) = Role::start().await else { return };
    let mut old = Old { session: SessionId::random(), role };
    for active in [0, 1] {
        let health = old.ask("GET", "/health", None, "").await;
        assert_eq!((health.status, &health.body["status"]), (200, &json!("ok")));
        assert_eq!(health.body["activeSessions"], active);
        assert!(health.body["timestamp"].as_str().unwrap().ends_with('Z'));
        let spec = old.role.spec("exit 0");
        old.session = spec.session;
        if active == 0 {
            old.role.begin(&spec).await.unwrap();
        }
    }
}

#[tokio::test]
async fn everything_else_needs_the_token_of_this_vm() {
    let Some(role) = Role::start().await else { return };
    let spec = role.spec("exit 0");
    let old = Old { session: spec.session, role };
    let calls = [
        ("POST", "/auth/tool".to_owned()),
        ("GET", format!("/oauth-url?sessionId={}", old.session)),
        ("GET", "/auth/callback?code=c&state=s1".to_owned()),
        ("GET", format!("/credentials/status?sessionId={}", old.session)),
        ("GET", format!("/credentials/get?sessionId={}", old.session)),
        ("POST", "/open-url".to_owned()),
    ];
    for begun in [false, true] {
        for (method, path) in &calls {
            // Before the sign-in has begun there is no token, not even an empty one.
            let tokens = [None, Some(""), Some("wrong"), Some(&TOKEN[1..]), Some(TOKEN)];
            for token in tokens.iter().take(if begun { 4 } else { 5 }) {
                let refused = old.ask(method, path, *token, "{}").await;
                assert_eq!(refused.status, 401, "{method} {path} {token:?}");
                assert_eq!(refused.body, json!({ "error": "the VM's token is missing or wrong" }));
            }
        }
        old.role.begin(&spec).await.unwrap();
    }
}

const OTHER: &str = "YW5vdGhlci10b2tlbg";

#[tokio::test]
async fn a_daemon_that_comes_after_another_brings_a_token_of_its_own_and_the_old_one_is_worth_nothing() {
    let Some(role) = Role::start().await else { return };
    let spec = role.spec("exit 0");
    let old = Old { session: spec.session, role };
    let path = format!("/credentials/status?sessionId={}", old.session);
    old.role.begin(&spec).await.unwrap();
    assert_ne!(old.ask("GET", &path, Some(TOKEN), "").await.status, 401);
    old.role.begin(&SignInSpec { token: Secret::new(OTHER), ..spec }).await.unwrap();
    assert_ne!(old.ask("GET", &path, Some(OTHER), "").await.status, 401);
    assert_eq!(old.ask("GET", &path, Some(TOKEN), "").await.status, 401);
}

#[tokio::test]
async fn a_sign_in_that_the_host_has_begun_is_told_of_and_a_failed_one_is_begun_again() {
    let Some(old) = Old::usual().await else { return };
    let start = json!({ "sessionId": old.session });
    let begun = old.post("/auth/tool", &start).await;
    let expected = json!({
        "success": true, "message": "the sign-in has begun", "sessionId": old.session, "oauthUrl": null
    });
    assert_eq!((begun.status, &begun.body), (200, &expected));
    let mut terminal = old.role.terminal().await;
    soon(terminal.next()).await.unwrap();
    let url = old.shows_address(1).await;
    assert_eq!(old.post("/auth/tool", &start).await.body["oauthUrl"], url);

    old.role.report(Report::Exited { run: 1, code: 3, last_lines: Vec::new() }).await;
    old.role.event(|event| matches!(event, EventBody::SignInFailed { .. }).then_some(())).await;
    let again = old.post("/auth/tool", &start).await;
    assert_eq!(again.body["message"], "the sign-in has begun again");
    assert_eq!(again.body["oauthUrl"], Value::Null, "the address of the first command leads nowhere");
    assert!(matches!(soon(terminal.next()).await, Some(Order::Run(run)) if run.run == 2));
    assert_eq!(old.get("/auth/callback?code=c&state=s1").await.status, 409);
    assert_eq!(old.get_of_session("/oauth-url").await.status, 202);

    old.capture(r#"{"token":"t1"}"#).await;
    assert_eq!(old.post("/auth/tool", &start).await.body["message"], "the credentials are complete");
    let other = old.post("/auth/other", &start).await;
    assert_eq!((other.status, &other.body["error"]), (404, &json!("this VM signs in to tool")));
}

#[tokio::test]
async fn the_address_is_waited_for_and_then_told_as_often_as_asked() {
    let Some(old) = Old::usual().await else { return };
    let waiting = old.get_of_session("/oauth-url").await;
    assert_eq!((waiting.status, &waiting.body["waiting"]), (202, &json!(true)));
    assert!(waiting.body["message"].is_string() && waiting.body["elapsedMs"].is_u64());
    let url = old.shows_address(1).await;
    for _ in 0..2 {
        let told = old.get_of_session("/oauth-url").await;
        assert_eq!((told.status, told.body), (200, json!({ "oauthUrl": url })));
    }
}

#[tokio::test]
async fn credentials_are_those_of_the_file_that_proves_the_sign_in_in_its_own_format() {
    let cases = [
        ("json", "token", r#"{"token":"t1"}"#, json!({ "token": "t1" })),
        ("jsonc", "token", "// mine\n{\"token\":\"t1\"}", json!("// mine\n{\"token\":\"t1\"}")),
        ("yaml", "host.token", "host:\n  token: t1\n", json!("host:\n  token: t1\n")),
        ("toml", "token", "token = \"t1\"\n", json!("token = \"t1\"\n")),
    ];
    for (format, require, contents, expected) in cases {
        let Some(old) = Old::signing_in(&definition(format, require, "")).await else { return };
        let waiting = old.get_of_session("/credentials/status").await;
        assert_eq!((waiting.status, &waiting.body["authenticated"]), (200, &json!(false)), "{format}");
        assert!(waiting.body["waiting"] == true && waiting.body["elapsedMs"].is_u64(), "{}", waiting.text);
        let early = old.get_of_session("/credentials/get").await;
        assert_eq!((early.status, early.body["error"].is_string()), (400, true), "{format}");
        old.capture(contents).await;
        for _ in 0..2 {
            let status = old.get_of_session("/credentials/status").await;
            assert_eq!(status.body["authenticated"], true, "{}", status.text);
            assert_eq!(
                (&status.body["provider"], &status.body["path"]),
                (&json!("tool"), &json!(".tool-auth"))
            );
            assert!(status.body["modifiedAt"].as_str().unwrap().ends_with('Z'));
            assert!(!status.text.contains("t1"), "{}", status.text);
            let credentials = old.get_of_session("/credentials/get").await;
            let whole = json!({
                "success": true, "provider": "tool", "credentials": expected, "credPath": ".tool-auth"
            });
            assert_eq!((credentials.status, credentials.body), (200, whole), "{format}");
        }
    }
}

#[tokio::test]
async fn a_page_is_opened_in_the_browser_of_the_vm() {
    let Some(old) = Old::usual().await else { return };
    let opened = old.post("/open-url", &json!({ "url": "https://id.example/help" })).await;
    assert_eq!((opened.status, opened.body), (200, json!({ "success": true })));
    let refused = old.post("/open-url", &json!({ "url": "file:///etc/passwd" })).await;
    assert_eq!((refused.status, refused.body["error"].is_string()), (400, true));
}

#[tokio::test]
async fn anything_else_is_not_found_a_wrong_method_too() {
    let Some(old) = Old::usual().await else { return };
    let calls = [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/health/"),
        ("POST", "/health"),
        ("DELETE", "/oauth-url"),
        ("PUT", "/credentials/status"),
        ("POST", "/credentials/get"),
        ("GET", "/open-url"),
        ("GET", "/auth/tool"),
        ("POST", "/auth/tool/more"),
        ("POST", "/auth/callback"),
        ("OPTIONS", "/auth/callback"),
    ];
    for (method, path) in calls {
        let answer = old.ask(method, path, Some(TOKEN), "{}").await;
        assert_eq!((answer.status, answer.body), (404, json!({ "error": "Not Found" })), "{method} {path}");
    }
    let (port, asked) = cli(&[page("200 OK", "done")]).await;
    old.shows_address(port).await;
    assert_eq!(old.ask("HEAD", "/auth/callback?code=c&state=s1", Some(TOKEN), "").await.status, 404);
    assert_eq!(old.get("/auth/callback?code=c&state=s1").await.status, 200);
    assert_eq!(asked.await.unwrap(), ["GET /cb?code=c&state=s1"], "a head alone takes no callback");
}

#[tokio::test]
async fn a_body_that_is_no_json_or_says_something_else_is_bad() {
    let Some(old) = Old::usual().await else { return };
    for body in ["", "{", "planted", "[]", "{}", r#"{"sessionId":7}"#, r#"{"url":{"planted":1}}"#, "\u{1}"] {
        for path in ["/auth/tool", "/open-url"] {
            let answer = old.ask("POST", path, Some(TOKEN), body).await;
            assert_eq!((answer.status, answer.body["error"].is_string()), (400, true), "{path} {body}");
            assert!(!answer.text.contains("planted"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_session_that_is_not_in_this_vm_is_unknown() {
    let Some(old) = Old::usual().await else { return };
    let other = SessionId::random().to_string();
    for session in [other.as_str(), "no-uuid", "", "%ff"] {
        for path in ["/oauth-url", "/credentials/status", "/credentials/get"] {
            let answer = old.get(&format!("{path}?sessionId={session}")).await;
            assert_eq!((answer.status, answer.body["error"].is_string()), (404, true), "{path} {session}");
        }
        let answer = old.post("/auth/tool", &json!({ "sessionId": session })).await;
        assert_eq!((answer.status, answer.body["error"].is_string()), (404, true), "{session}");
    }
    assert_eq!(old.get("/oauth-url").await.status, 400, "it names none");
}
