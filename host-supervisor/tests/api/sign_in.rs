//! The job itself: from the request to credentials that can be read when the VM is gone.

use std::sync::Arc;

use anteroom_protocol::{
    EventBody, Secret, SessionId,
    provider::{FoundUrl, UrlKind, UrlSource},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    guest::Guest,
    service::{PATIENCE, Service, log},
};

const PATH: &str = ".anteroom-demo/credentials.json";
pub(crate) const URL: &str = "http://127.0.0.1:9400/oauth/authorize?response_type=code&client_id=demo&redirect_uri=http%3A%2F%2F127.0.0.1%3A40001%2Fcallback&code_challenge=planted-challenge&code_challenge_method=S256&state=planted-state&scope=openid";

fn file(token: &str) -> String {
    json!({ "access_token": token, "refresh_token": "planted-refresh", "account": { "email": "a@example.com" } })
        .to_string()
}

pub(crate) fn url_found(session: &str, url: &str) -> EventBody {
    let found = FoundUrl {
        url: Secret::new(url),
        kind: UrlKind::Callback,
        source: UrlSource::Hook,
        attempt: Secret::new("planted-challenge"),
    };
    EventBody::UrlFound { session: id(session), found }
}

fn id(session: &str) -> SessionId {
    session.parse().unwrap()
}

/// Brings a session to its end; returns it.
pub(crate) async fn complete(service: &Service, session: &str, guest: &Arc<Guest>, token: &str) -> Value {
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.captures(id(session), "demo", &[(PATH, &file(token))]);
    service.until(session, "completed").await
}

#[tokio::test]
async fn a_sign_in_is_captured_and_readable_when_its_vm_is_gone() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    service.until(&session, "vm_created").await;
    guest.tells(EventBody::DesktopReady);
    let spec = guest.sign_in().await;
    assert_eq!((spec.session.to_string(), spec.provider.id.as_str()), (session.clone(), "demo"));
    assert_eq!(spec.launch, "browser");

    let path = |rest: &str| format!("/api/auth/session/{session}{rest}");
    let waiting = service.get(&path("/oauth-url")).await;
    assert_eq!((waiting.status, &waiting.body["waiting"]), (StatusCode::ACCEPTED, &json!(true)));
    guest.tells(url_found(&session, URL));
    let awaiting = service.until(&session, "awaiting_user_auth").await;
    assert_eq!(awaiting["oauth_url"], URL);
    assert_eq!(service.get(&path("/oauth-url")).await.body["oauthUrl"], URL);
    let status = service.get(&path("/credentials/status")).await.body;
    assert_eq!((&status["authenticated"], &status["waiting"]), (&json!(false), &json!(true)));

    guest.captures(id(&session), "demo", &[(PATH, &file("planted-access"))]);
    let completed = service.until(&session, "completed").await;
    assert!(completed.get("oauth_url").is_none(), "an address is not kept");
    assert!(completed["completed_at"].as_str().unwrap().ends_with('Z'));
    let vm = service.vm_gone(completed["vm_id"].as_str().unwrap()).await;
    assert_eq!(vm["status"], "destroyed");
    assert!(!guest.is_running());

    let status = service.get(&path("/credentials/status")).await.body;
    assert_eq!((&status["status"], &status["source"]), (&json!("ready"), &json!("database")));
    assert_eq!(status["credentials"]["access_token"], "planted-access");
    let listed = service.get("/api/auth/credentials/ann").await;
    assert_eq!(listed.body["credentials"][0]["provider"], "demo");
    assert!(!listed.text.contains("planted"), "{}", listed.text);
    let valid = service.get("/api/auth/validate/ann/demo").await.body;
    assert_eq!(valid["valid"], true, "{valid}");
    service.stop().await;
}

#[tokio::test]
async fn an_operator_is_told_the_token_of_the_guests_own_endpoint_while_the_vm_lives() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let path = format!("/api/auth/session/{session}/vm");
    let told = service.get(&path).await.body;
    guest.tells(EventBody::DesktopReady);
    let spec = guest.sign_in().await;
    let token = told["agentToken"].as_str().unwrap().to_owned();
    assert_eq!(spec.token.expose_str(), Some(token.as_str()), "it is the one that the guest asks for");
    assert!(token.len() == 43 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    let (other, _guest) = service.session("bob").await;
    assert_ne!(service.get(&format!("/api/auth/session/{other}/vm")).await.body["agentToken"], *token);
    let (page, state) = (service.get(&format!("/api/auth/session/{session}")).await, service.state.clone());
    assert!(!page.text.contains(&token), "whoever sees the desktop does not see it: {}", page.text);
    complete(&service, &session, &guest, "planted-access").await;
    service.vm_gone(told["vmId"].as_str().unwrap()).await;
    let gone = service.get(&path).await;
    assert_eq!((gone.status, gone.body.get("agentToken")), (StatusCode::GONE, None));
    service.stop().await;
    assert!(!log().contains(&token), "the log holds the token");
    let paths = std::fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().path());
    for path in paths.filter(|path| path.is_file()) {
        let file = std::fs::read(&path).unwrap();
        assert!(!file.windows(token.len()).any(|bytes| bytes == token.as_bytes()), "{}", path.display());
    }
}

#[tokio::test]
async fn an_event_is_acknowledged_only_when_what_it_says_is_safe() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    guest.acknowledged(1).await;
    // Announced, but not there yet: the host cannot have stored it.
    guest.tells(EventBody::CredentialsCaptured { session: id(&session), generation: 1 });
    let failed = service.until(&session, "failed").await;
    assert_eq!(failed["failure"]["code"], "credentials_not_fetched");
}

#[tokio::test]
async fn no_secret_is_in_the_log_or_in_any_file_of_the_daemon() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(url_found(&session, URL));
    service.until(&session, "awaiting_user_auth").await;
    complete(&service, &session, &guest, "planted-access").await;
    service.get(&format!("/api/auth/session/{session}/credentials/status")).await;
    let key = service.key.clone();
    let login = service.request(reqwest::Method::POST, "/api/login").json(&json!({ "key": key }));
    let cookie = crate::service::answer(login).await.headers["set-cookie"].to_str().unwrap().to_owned();
    let (state, cookie) = (service.state.clone(), cookie.split(['=', ';']).nth(1).unwrap().to_owned());
    service.stop().await;

    let log = log();
    assert!(log.contains(&session), "the log is captured");
    for secret in ["planted-access", "planted-refresh", "planted-state", &key, &cookie] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
    let mut files = 0;
    let mut directories = vec![state.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                directories.push(entry);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&entry).unwrap();
            let holds = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            for secret in ["planted-access", "planted-refresh", "planted-state"] {
                assert!(!holds(secret), "{} holds {secret}", entry.display());
            }
        }
    }
    assert!(files >= 3, "database, master key and API key are there");
}

#[tokio::test]
async fn two_sessions_of_one_user_do_not_see_one_another() {
    let service = Service::start().await;
    let (one, guest_of_one) = service.session("ann").await;
    let (two, guest_of_two) = service.session("ann").await;
    assert_ne!(guest_of_one.spec.id, guest_of_two.spec.id);
    for guest in [&guest_of_one, &guest_of_two] {
        guest.tells(EventBody::DesktopReady);
        guest.sign_in().await;
    }
    // The guest of the second claims things about the first.
    guest_of_two.tells(url_found(&one, URL));
    guest_of_two.tells(EventBody::CredentialsCaptured { session: id(&one), generation: 9 });
    guest_of_two.acknowledged(3).await;
    guest_of_two.captures(id(&two), "demo", &[(PATH, &file("of-two"))]);
    service.until(&two, "completed").await;
    assert_eq!(service.until(&one, "ready").await.get("oauth_url"), None);
    guest_of_one.captures(id(&one), "demo", &[(PATH, &file("of-one"))]);
    service.until(&one, "completed").await;
    for (session, token) in [(&one, "of-one"), (&two, "of-two")] {
        let status = service.get(&format!("/api/auth/session/{session}/credentials/status")).await.body;
        assert_eq!(status["credentials"]["access_token"], token);
    }
    service.stop().await;
}

#[tokio::test]
async fn a_rotation_replaces_older_credentials_when_it_completes() {
    let service = Service::start().await;
    let (old, guest) = service.session("ann").await;
    complete(&service, &old, &guest, "old").await;
    let rotate = service.post("/api/auth/rotate", &json!({ "userId": "ann", "provider": "demo" })).await;
    let new = rotate.body["sessionId"].as_str().unwrap().to_owned();
    let old_status = format!("/api/auth/session/{old}/credentials/status");
    assert_eq!(
        service.get(&old_status).await.body["status"],
        "ready",
        "nothing is lost before the new is there"
    );
    let vm = service.get(&format!("/api/auth/session/{new}")).await.body["session"]["vm_id"].clone();
    let guest = service.stage.guest_of(vm.as_str().unwrap()).await;
    complete(&service, &new, &guest, "new").await;
    let listed = service.get("/api/auth/credentials/ann").await.body;
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
    assert_eq!(listed["credentials"][0]["sessionId"], *new);
    let gone = service.get(&old_status).await;
    assert_eq!((gone.status, &gone.body["code"]), (StatusCode::GONE, &json!("credentials_replaced")));
    service.stop().await;
}

#[tokio::test]
async fn an_address_that_is_no_sign_in_address_is_not_passed_on() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(url_found(&session, "https://evil.example/oauth/authorize?client_id=demo"));
    guest.tells(url_found(&session, "javascript:alert(1)"));
    guest.acknowledged(3).await;
    let seen = service.get(&format!("/api/auth/session/{session}")).await.body;
    assert_eq!((&seen["session"]["status"], seen["session"].get("oauth_url")), (&json!("ready"), None));
    service.stop().await;
}

#[tokio::test]
async fn a_url_can_be_opened_in_the_vm_and_only_a_web_address() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let path = format!("/api/auth/session/{session}/open-url");
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let opened = service.post(&path, &json!({ "url": "https://example.com/x" })).await;
    assert_eq!(opened.body, json!({ "success": true, "method": "agent" }));
    assert_eq!(*guest.opened.lock().unwrap(), ["https://example.com/x"]);
    let long = format!("https://example.com/{}", "x".repeat(9000));
    for url in ["file:///etc/passwd", "javascript:alert(1)", "example.com", &long] {
        let refused = service.post(&path, &json!({ "url": url })).await;
        assert_eq!((refused.status, &refused.body["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_url")));
    }
    assert_eq!(guest.opened.lock().unwrap().len(), 1);
    service.stop().await;
}

#[tokio::test]
async fn a_removed_session_is_forgotten_with_its_credentials() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    complete(&service, &session, &guest, "token").await;
    let path = format!("/api/auth/session/{session}");
    assert_eq!(service.delete(&path).await.body["success"], true);
    assert_eq!(service.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(service.get("/api/auth/credentials/ann").await.body["credentials"], json!([]));
    // One that is still going is ended first.
    let (session, guest) = service.session("ann").await;
    let path = format!("/api/auth/session/{session}");
    let removed = tokio::time::timeout(PATIENCE, service.delete(&path)).await.unwrap();
    assert_eq!(removed.body["success"], true);
    assert!(!guest.is_running());
    assert_eq!(service.get(&path).await.status, StatusCode::NOT_FOUND);
    service.stop().await;
}

#[tokio::test]
async fn a_pasted_callback_is_handed_on_and_the_verdict_is_the_clis() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    let path = format!("/api/auth/session/{session}/callback");
    let paste = async |address: &str| {
        let answer = service.post(&path, &json!({ "url": address })).await;
        (answer.status.as_u16(), answer.body)
    };
    assert_eq!(paste("http://localhost:1455/auth/callback?code=good&state=s").await.0, 200);
    let (status, refused) = paste("http://localhost:1455/auth/callback?code=planted-code&state=s").await;
    assert_eq!((status, &refused["code"]), (409, &json!("callback_refused")));
    assert!(!refused.to_string().contains("planted-code"), "{refused}");
    let (status, refused) = paste("http://localhost:1455/auth/callback?code=good&state=other").await;
    assert!(status == 400 && refused["error"].as_str().unwrap().contains("state differs"), "{refused}");
    assert_eq!(paste("not an address").await.0, 400);
    service.stop().await;
}
