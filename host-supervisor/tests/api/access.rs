//! Who may call, from where, and in whose name.

use anteroom_protocol::EventBody;
use reqwest::{
    Method, StatusCode,
    header::{COOKIE, HOST, ORIGIN, SET_COOKIE},
};
use serde_json::json;

use crate::service::{Answer, Service, answer};

/// Calls without a key, with these headers.
async fn call(service: &Service, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = service.request(method, path).json(&json!({ "userId": "ann", "provider": "demo" }));
    answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

async fn cookie(service: &Service) -> String {
    let login = service.request(Method::POST, "/api/login").json(&json!({ "key": service.key }));
    let answer = answer(login).await;
    assert_eq!(answer.status, StatusCode::OK);
    let set = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(set.contains("; HttpOnly; SameSite=Strict") && set.contains("; Path=/;"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn only_health_and_the_static_pages_need_no_key() {
    let service = Service::start().await;
    for path in ["/health", "/api/auth/health", "/", "/login", "/session/x", "/api/auth/session/x/novnc"] {
        assert_eq!(call(&service, Method::GET, path, &[]).await.status, StatusCode::OK, "{path}");
    }
    let health = call(&service, Method::GET, "/health", &[]).await.body;
    assert_eq!(health["status"], "healthy");
    assert!(health["uptime"].is_number() && health["timestamp"].as_str().unwrap().ends_with('Z'));
    let (session, _guest) = service.session("ann").await;
    let closed = [
        (Method::GET, "/api/providers".to_owned()),
        (Method::GET, "/api/vms".to_owned()),
        (Method::POST, "/api/auth/start".to_owned()),
        (Method::GET, format!("/api/auth/session/{session}")),
        (Method::GET, format!("/api/auth/session/{session}/vnc")),
        (Method::GET, format!("/api/auth/session/{session}/credentials/status")),
        (Method::DELETE, format!("/api/auth/session/{session}")),
    ];
    for (method, path) in closed {
        for headers in
            [&[][..], &[("authorization", "Bearer wrong")], &[("x-api-key", "")], &[("cookie", "x=1.2")]]
        {
            let refused = call(&service, method.clone(), &path, headers).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {path} {headers:?}");
            assert_eq!(refused.body["code"], "unauthorized");
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn the_key_works_in_both_of_its_headers() {
    let service = Service::start().await;
    let bearer = format!("Bearer {}", service.key);
    for header in [("authorization", bearer.as_str()), ("x-api-key", &service.key)] {
        assert_eq!(call(&service, Method::GET, "/api/vms", &[header]).await.status, StatusCode::OK);
    }
    service.stop().await;
}

#[tokio::test]
async fn the_page_logs_in_with_the_key_and_gets_a_cookie() {
    let service = Service::start().await;
    let wrong = service.request(Method::POST, "/api/login").json(&json!({ "key": "wrong" }));
    let wrong = answer(wrong).await;
    assert_eq!((wrong.status, &wrong.body["code"]), (StatusCode::UNAUTHORIZED, &json!("wrong_key")));
    assert!(!wrong.headers.contains_key(SET_COOKIE));
    let cookie = cookie(&service).await;
    let with = |value: &str| [(COOKIE.as_str().to_owned(), value.to_owned())];
    let look = async |value: &str| {
        let [(name, value)] = with(value);
        call(&service, Method::GET, "/api/vms", &[(&name, &value)]).await.status
    };
    assert_eq!(look(&cookie).await, StatusCode::OK);
    assert_eq!(look(&format!("other=1; {cookie}")).await, StatusCode::OK);
    let (name, value) = cookie.split_once('=').unwrap();
    let (expires, tag) = value.split_once('.').unwrap();
    let later: i64 = expires.parse::<i64>().unwrap() + 1000;
    assert_eq!(look(&format!("{name}={later}.{tag}")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(look(&format!("other={value}")).await, StatusCode::UNAUTHORIZED);
    service.stop().await;
}

#[tokio::test]
async fn a_cookie_only_counts_for_changes_from_our_own_page() {
    let service = Service::start().await;
    let cookie = cookie(&service).await;
    let own = format!("http://{}", service.address);
    let elsewhere = format!("http://127.0.0.1:{}", service.address.port().wrapping_add(1));
    let start = async |origin: Option<&str>| {
        let mut headers = vec![(COOKIE.as_str(), cookie.as_str())];
        headers.extend(origin.map(|origin| (ORIGIN.as_str(), origin)));
        call(&service, Method::POST, "/api/auth/start", &headers).await
    };
    for foreign in [None, Some("https://evil.example"), Some(elsewhere.as_str()), Some("null")] {
        let refused = start(foreign).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::FORBIDDEN, &json!("foreign_origin")),
            "{foreign:?}"
        );
    }
    assert_eq!(start(Some(&own)).await.status, StatusCode::OK);
    service.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_so_that_dns_cannot_be_turned_against_us() {
    let service = Service::with(&[("allowed_hosts", "signin.example.com")]).await;
    let port = service.address.port();
    let look = async |host: &str| call(&service, Method::GET, "/health", &[(HOST.as_str(), host)]).await;
    for own in [
        "localhost",
        &format!("localhost:{port}"),
        "127.0.0.1:1",
        "[::1]:9",
        "signin.example.com",
        "Signin.Example.com:443",
    ] {
        assert_eq!(look(own).await.status, StatusCode::OK, "{own}");
    }
    for foreign in ["evil.example", "localhost.evil.example", "signin.example.com.evil.example"] {
        let refused = look(foreign).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::MISDIRECTED_REQUEST, &json!("foreign_host")),
            "{foreign}"
        );
    }
    service.stop().await;
}

#[tokio::test]
async fn a_view_token_opens_one_session_and_nothing_secret() {
    let service = Service::start().await;
    let started = service.post("/api/auth/start", &json!({ "userId": "ann", "provider": "demo" })).await.body;
    let session = started["sessionId"].as_str().unwrap();
    let page = started["novncURL"].as_str().unwrap();
    let (before, token) = page.split_once("?token=").unwrap();
    assert_eq!(before, service.url(&format!("/api/auth/session/{session}/novnc")));
    let shown = service.get(&format!("/api/auth/session/{session}")).await.body;
    let vm = shown["session"]["vm_id"].as_str().unwrap();
    let (other, _guest) = service.session("ann").await;
    let status = async |method: Method, path: String| call(&service, method, &path, &[]).await.status;
    let with = |session: &str, rest: &str| format!("/api/auth/session/{session}{rest}?token={token}");
    assert_eq!(status(Method::GET, with(session, "")).await, StatusCode::OK);
    assert_eq!(status(Method::POST, with(session, "/heartbeat")).await, StatusCode::OK);
    assert_eq!(status(Method::GET, with(session, "/oauth-url")).await, StatusCode::ACCEPTED);
    // What the session's page calls beside these, and what it therefore does not offer to whoever has only the token.
    for (method, path) in [
        (Method::GET, format!("/api/providers?token={token}")),
        (Method::POST, format!("/api/auth/start?token={token}")),
        (Method::GET, format!("/api/auth/sessions/ann?token={token}")),
        (Method::GET, with(session, "/history")),
        (Method::GET, with(&other, "")),
        (Method::GET, with(session, "/credentials/status")),
        (Method::GET, with(session, "/vm")),
        (Method::POST, with(session, "/cancel")),
        (Method::DELETE, with(session, "")),
        (Method::GET, format!("/api/vms?token={token}")),
        (Method::GET, format!("/api/vms/{vm}/exec?token={token}")),
        (Method::GET, format!("/api/vms/{vm}/programs?token={token}")),
        (Method::GET, format!("/api/vms/{vm}/ports/22?token={token}")),
        (Method::GET, format!("/api/vms/{vm}/reverse/22?token={token}")),
        (Method::GET, format!("/api/auth/session/{session}?token={}", "0".repeat(64))),
    ] {
        assert_eq!(status(method.clone(), path.clone()).await, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn another_users_things_are_forbidden() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let bearer = format!("Bearer {}", service.key);
    let as_user = |user: &'static str| [("authorization", bearer.clone()), ("x-user-id", user.to_owned())];
    let look = async |method: Method, path: &str, user: &'static str| {
        let headers = as_user(user);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        call(&service, method, path, &headers).await
    };
    let own = format!("/api/auth/session/{session}");
    let vm = format!("/api/vms/{}", guest.spec.id);
    let paths = [
        (Method::GET, format!("{vm}/exec")),
        (Method::GET, format!("{vm}/programs")),
        (Method::GET, format!("{vm}/ports/22")),
        (Method::GET, format!("{vm}/reverse/22")),
        (Method::GET, own.clone()),
        (Method::GET, format!("{own}/vm")),
        (Method::GET, format!("{own}/oauth-url")),
        (Method::GET, format!("{own}/credentials/status")),
        (Method::POST, format!("{own}/heartbeat")),
        (Method::POST, format!("{own}/cancel")),
        (Method::DELETE, own.clone()),
        (Method::GET, "/api/auth/sessions".to_owned()),
        (Method::GET, "/api/auth/sessions/ann".to_owned()),
        (Method::GET, "/api/auth/credentials/ann".to_owned()),
        (Method::GET, "/api/auth/validate/ann/demo".to_owned()),
        (Method::POST, "/api/auth/start".to_owned()),
        (Method::POST, "/api/auth/rotate".to_owned()),
    ];
    for (method, path) in paths {
        let refused = look(method.clone(), &path, "bob").await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::FORBIDDEN, &json!("other_user")),
            "{method} {path}"
        );
    }
    assert_eq!(look(Method::GET, &own, "ann").await.status, StatusCode::OK);
    assert_eq!(look(Method::GET, &format!("{vm}/exec"), "ann").await.status, StatusCode::UPGRADE_REQUIRED);
    service.stop().await;
}
