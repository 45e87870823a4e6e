//! Keys of the API: what each may do, and until when.

use std::time::Duration;

use reqwest::{
    Method, StatusCode,
    header::{COOKIE, ORIGIN, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::{
    cli,
    service::{Answer, Service, answer, log},
    webrtc::{sdp, soon},
};

pub(crate) async fn make(service: &Service, wanted: &Value) -> (String, String) {
    let made = service.post("/api/admin/keys", wanted).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made.body["key"]["id"]), text(&made.body["text"]))
}

async fn with_key(service: &Service, key: &str, method: Method, path: &str) -> Answer {
    let body = json!({ "userId": "ann", "provider": "demo" });
    answer(service.request(method, path).bearer_auth(key).json(&body)).await
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_nothing_else() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let (own, vm) = (format!("/api/auth/session/{session}"), format!("/api/vms/{}", guest.spec.id));
    let calls = [
        ("sessions", Method::GET, own.clone()),
        ("sessions", Method::GET, "/api/auth/sessions".to_owned()),
        ("sessions", Method::POST, format!("{own}/heartbeat")),
        ("sessions", Method::GET, "/api/auth/credentials/ann".to_owned()),
        ("sessions", Method::GET, format!("/api/webrtc/session/{session}/answer")),
        ("credentials:read", Method::GET, format!("{own}/credentials/status")),
        ("vms", Method::GET, "/api/vms".to_owned()),
        ("vms", Method::GET, format!("/api/admin/vm/{}/console", guest.spec.id)),
        ("exec", Method::GET, format!("{vm}/exec")),
        ("exec", Method::GET, format!("{vm}/programs")),
        ("admin", Method::GET, "/api/admin/keys".to_owned()),
        ("admin", Method::GET, "/api/admin/audit".to_owned()),
        ("admin", Method::GET, "/api/webhook/deliveries".to_owned()),
    ];
    for scope in ["sessions", "credentials:read", "vms", "exec", "admin"] {
        let (_, key) = make(&service, &json!({ "name": scope, "scopes": [scope] })).await;
        for (needed, method, path) in &calls {
            let answer = with_key(&service, &key, method.clone(), path).await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(
                refused,
                *needed != scope && scope != "admin",
                "{scope}: {method} {path}: {}",
                answer.text
            );
            if refused {
                assert_eq!(
                    (&answer.body["code"], &answer.body["scope"]),
                    (&json!("missing_scope"), &json!(needed))
                );
            }
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn a_key_ends_when_it_is_revoked_or_its_time_is_over_and_its_pages_with_it() {
    let service = Service::start().await;
    let (id, key) = make(&service, &json!({ "name": "web", "scopes": ["vms"] })).await;
    let (_, short) = make(&service, &json!({ "name": "short", "scopes": ["vms"], "expiresIn": 1 })).await;
    let login = service.request(Method::POST, "/api/login").json(&json!({ "key": key }));
    let login = answer(login).await;
    let cookie = login.headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = async || answer(service.request(Method::GET, "/api/vms").header(COOKIE, &cookie)).await.status;
    assert_eq!(page().await, StatusCode::OK);
    let as_page = service.request(Method::GET, "/api/admin/keys").header(COOKIE, &cookie);
    assert_eq!(answer(as_page).await.status, StatusCode::FORBIDDEN, "a page does no more than its key");
    assert_eq!(with_key(&service, &short, Method::GET, "/api/vms").await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(with_key(&service, &short, Method::GET, "/api/vms").await.status, StatusCode::UNAUTHORIZED);

    let revoked = service.delete(&format!("/api/admin/keys/{id}")).await;
    assert!(revoked.body["key"]["revokedAt"].is_string(), "{}", revoked.text);
    assert_eq!(with_key(&service, &key, Method::GET, "/api/vms").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(page().await, StatusCode::UNAUTHORIZED);
    assert_eq!(service.delete("/api/admin/keys/00000000").await.status, StatusCode::NOT_FOUND);
    service.stop().await;
}

#[tokio::test]
async fn only_a_digest_of_a_key_is_kept_and_it_counts_for_the_next_daemon() {
    let service = Service::start().await;
    let (id, key) = make(&service, &json!({ "name": "web", "scopes": ["vms"] })).await;
    assert_eq!(with_key(&service, &key, Method::GET, "/api/vms").await.status, StatusCode::OK);
    let secret = key.rsplit_once('_').unwrap().1.to_owned();
    assert_eq!(key, format!("anteroom_{id}_{secret}"));
    for wrong in
        [secret.clone(), format!("anteroom_{id}_{}", "0".repeat(64)), format!("anteroom_00000000_{secret}")]
    {
        assert_eq!(
            with_key(&service, &wrong, Method::GET, "/api/vms").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let state = service.state.clone();
    service.stop().await;
    for file in ["anteroom.db", "anteroom.db-wal"] {
        let bytes = std::fs::read(state.path().join(file)).unwrap_or_default();
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{file} holds the key"
        );
    }
    assert!(!log().contains(&secret), "the log holds the key");
    let service = Service::in_directory(state, &[]).await;
    assert_eq!(with_key(&service, &key, Method::GET, "/api/vms").await.status, StatusCode::OK);
    let keys = service.get("/api/admin/keys").await.body;
    assert!(keys["keys"][0]["lastUsedAt"].is_string(), "{keys}");
    service.stop().await;
}

#[tokio::test]
async fn a_key_needs_a_name_and_a_scope_that_there_is() {
    let service = Service::start().await;
    for (wanted, code) in [
        (json!({ "name": " ", "scopes": ["vms"] }), "invalid_name"),
        (json!({ "name": "a\u{1b}", "scopes": ["vms"] }), "invalid_name"),
        (json!({ "name": "x", "scopes": [] }), "no_scopes"),
        (json!({ "name": "x", "scopes": ["root"] }), "invalid_body"),
        (json!({ "name": "x", "scopes": ["vms"], "expiresIn": 0 }), "invalid_expiry"),
    ] {
        let refused = service.post("/api/admin/keys", &wanted).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{wanted}"
        );
    }
    service.stop().await;
}

#[tokio::test]
async fn the_command_line_makes_lists_and_revokes_keys() {
    let service = Service::start().await;
    let made =
        cli::against(&service, &["api-key", "create", "web", "--scope", "sessions,vms", "--expires", "90d"])
            .await;
    assert_eq!(made.code, 0, "{}", made.err);
    let key = made.out.trim();
    assert_eq!(with_key(&service, key, Method::GET, "/api/vms").await.status, StatusCode::OK);
    let listed = cli::against(&service, &["api-key", "ls"]).await.out;
    assert!(
        listed.contains("web") && listed.contains("sessions vms") && listed.contains("counts for 89 days"),
        "{listed}"
    );
    let id = &key["anteroom_".len()..][..8];
    let revoked = cli::against(&service, &["api-key", "revoke", &id[..5]]).await;
    assert!(revoked.out.contains(id), "{}{}", revoked.out, revoked.err);
    assert!(cli::against(&service, &["api-key", "ls"]).await.out.contains("revoked"));
    let wrong = cli::against(&service, &["api-key", "create", "web", "--scope", "root"]).await;
    assert!(wrong.code == 2 && wrong.err.contains("credentials:read"), "{}", wrong.err);
    service.stop().await;
}

#[tokio::test]
async fn a_token_opens_one_session_for_a_while_to_look_or_to_use() {
    let service = Service::start().await;
    let (session, _guest) = service.session("ann").await;
    let own = format!("/api/auth/session/{session}");
    let token = async |wanted: Value| {
        let made = service.post(&format!("{own}/token"), &wanted).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.text);
        assert!(made.body["novncURL"].as_str().unwrap().ends_with(made.body["token"].as_str().unwrap()));
        made.body["token"].as_str().unwrap().to_owned()
    };
    let call = async |method: Method, path: &str, token: &str| {
        answer(service.request(method, &format!("{path}?token={token}")).json(&json!({}))).await
    };
    let (uses, looks) = (token(json!({})).await, token(json!({ "role": "view", "expiresIn": 10 })).await);
    for token in [&uses, &looks] {
        assert_eq!(call(Method::GET, &own, token).await.status, StatusCode::OK);
    }
    let beat = format!("{own}/heartbeat");
    assert_eq!(call(Method::POST, &beat, &uses).await.status, StatusCode::OK);
    for path in [beat.clone(), format!("{own}/retry"), format!("{own}/code"), format!("{own}/open-url")] {
        let refused = call(Method::POST, &path, &looks).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::FORBIDDEN, &json!("view_only")),
            "{path}"
        );
    }
    // It has no part in the connection of the page that is there.
    let rtc = format!("/api/webrtc/session/{session}");
    let offer = json!({ "offer": { "type": "offer", "sdp": sdp("1", "page") } });
    let peer = service.post(&format!("{rtc}/offer"), &offer).await.body["peer"].clone();
    assert_eq!(call(Method::DELETE, &rtc, &looks).await.status, StatusCode::OK);
    assert_eq!(call(Method::GET, &format!("{rtc}/answer"), &looks).await.body["retry"], true);
    let answer = async || service.get(&format!("{rtc}/answer")).await.body;
    soon(async {
        while answer().await["retry"] == true {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(answer().await["peer"], peer);
    let refused = call(Method::POST, &format!("{own}/token"), &uses).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "a token makes no tokens");
    for seconds in [0, 100_000] {
        let refused = service.post(&format!("{own}/token"), &json!({ "expiresIn": seconds })).await;
        assert_eq!(refused.body["code"], "invalid_expiry");
    }
    service.stop().await;
}

#[tokio::test]
async fn pages_elsewhere_call_when_they_are_listed_and_without_cookies() {
    const APP: &str = "https://app.example.com";
    let service = Service::with(&[("cors_origins", APP)]).await;
    let (session, _guest) = service.session("ann").await;
    let ask = async |origin: &str| {
        let preflight = service.request(Method::OPTIONS, "/api/auth/start").header(ORIGIN, origin);
        let preflight = preflight.header("access-control-request-method", "POST");
        answer(preflight.header("access-control-request-headers", "authorization,content-type")).await
    };
    let allowed = ask(APP).await;
    assert_eq!(allowed.headers["access-control-allow-origin"], APP);
    assert!(!allowed.headers.contains_key("access-control-allow-credentials"));
    assert!(!ask("https://evil.example").await.headers.contains_key("access-control-allow-origin"));
    let token = service.post(&format!("/api/auth/session/{session}/token"), &json!({})).await.body;
    let token = token["token"].as_str().unwrap();
    let beat = async |origin: &str| {
        let path = format!("/api/auth/session/{session}/heartbeat?token={token}");
        answer(service.request(Method::POST, &path).header(ORIGIN, origin)).await.status
    };
    assert_eq!(beat(APP).await, StatusCode::OK);
    assert_eq!(beat("https://evil.example").await, StatusCode::FORBIDDEN);
    service.stop().await;
}
