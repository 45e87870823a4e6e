//! Codes that travel between page and terminal, ways to start the CLI, and trials of a definition.

use std::{fs, time::Duration};

use anteroom_protocol::{
    EventBody, Note, Secret, SessionId,
    event::{FailedBy, Meaning},
    provider::{FoundUrl, UrlKind, UrlSource},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{cli, guest::Guest, service::Service};

const PAGE: &str = "https://id.example/device";

/// A provider with a device code, another way to start, and a code to paste.
const DEFINITION: &str = r#"
id = "coded"
name = "Coded"
[launch.browser]
argv = ["anteroom-demo", "login"]
[launch.device]
title = "With a one-time code"
argv = ["anteroom-demo", "login", "--device"]
[[url]]
host = "id.example"
path = "/device"
kind = "device"
[device]
user_code = '[A-Z]{4}-[0-9]{4}'
lifetime_s = 600
[manual]
prompt = 'Paste'
[[credential]]
path = "token"
format = "terminal"
pattern = 'sk-[a-z]+'
"#;

pub(crate) async fn service() -> Service {
    let service = Service::start().await;
    let directory = service.state.path().join("providers");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("coded.toml"), DEFINITION).unwrap();
    service
}

/// A session that is signing in, started like this.
pub(crate) async fn signing_in(
    service: &Service,
    path: &str,
    body: &Value,
) -> (String, std::sync::Arc<Guest>) {
    let started = service.post(path, body).await;
    assert_eq!(started.status, StatusCode::OK, "{}", started.text);
    let session = started.body["sessionId"].as_str().unwrap().to_owned();
    let vm = seen(service, &session).await["vm_id"].clone();
    let guest = service.stage.guest_of(vm.as_str().unwrap()).await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    (session, guest)
}

async fn seen(service: &Service, session: &str) -> Value {
    service.get(&format!("/api/auth/session/{session}")).await.body["session"].take()
}

fn id(session: &str) -> SessionId {
    session.parse().unwrap()
}

pub(crate) fn device_page(session: &str) -> EventBody {
    let found = FoundUrl {
        url: Secret::new(PAGE),
        kind: UrlKind::Device,
        source: UrlSource::Terminal,
        attempt: Secret::new(PAGE),
    };
    EventBody::UrlFound { session: id(session), found }
}

pub(crate) fn user_code(session: &str, code: &str) -> EventBody {
    // What the guest says of its lifetime does not count.
    EventBody::UserCode { session: id(session), code: Secret::new(code), lifetime_s: 4_000_000 }
}

pub(crate) fn failed(session: &str) -> EventBody {
    EventBody::SignInFailed {
        session: id(session),
        by: FailedBy::CommandEnded,
        cause: "the command ended with code 1".into(),
        last_lines: vec!["the code has expired".into()],
    }
}

#[tokio::test]
async fn a_code_for_the_page_is_shown_with_its_end_and_gone_with_its_attempt() {
    let service = service().await;
    let body = json!({ "userId": "ann", "provider": "coded", "launch": "device" });
    let (session, guest) = signing_in(&service, "/api/auth/start", &body).await;
    assert_eq!(guest.sign_in().await.launch, "device");
    guest.tells(device_page(&session));
    guest.tells(user_code(&session, "ABCD-1234"));
    guest.acknowledged(3).await;
    let shown = seen(&service, &session).await;
    assert_eq!((&shown["launch"], &shown["oauth_kind"]), (&json!("device"), &json!("device")));
    assert_eq!((&shown["oauth_url"], &shown["device"]["user_code"]), (&json!(PAGE), &json!("ABCD-1234")));
    let time = |text: &Value| {
        time::OffsetDateTime::parse(text.as_str().unwrap(), &time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    let lasts = time(&shown["device"]["expires_at"]) - time(&shown["created_at"]);
    assert!((590..=620).contains(&lasts.whole_seconds()), "{lasts}");
    let told = cli::against(&service, &["session", "show", &session]).await;
    assert!(told.out.contains("ABCD-1234"), "{}", told.out);

    guest.tells(failed(&session));
    let failed = service.attempt_failed(&session).await;
    assert_eq!(failed["attempt_failure"]["code"], "sign_in_expired");
    assert!(failed["device"].is_null() && failed["oauth_url"].is_null(), "a dead code is shown: {failed}");
    service.stop().await;
}

#[tokio::test]
async fn a_code_of_the_page_is_typed_when_the_terminal_asks_for_it() {
    let service = service().await;
    let body = json!({ "userId": "ann", "provider": "coded" });
    let (session, guest) = signing_in(&service, "/api/auth/start", &body).await;
    let path = format!("/api/auth/session/{session}/code");
    let refused = service.post(&path, &json!({ "code": "planted-code" })).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("not_asked")));
    assert!(seen(&service, &session).await["asks_for_code"].is_null());
    guest.tells(EventBody::AsksForCode { session: id(&session) });
    guest.acknowledged(2).await;
    assert_eq!(seen(&service, &session).await["asks_for_code"], true);
    guest.takes_codes();
    let typed = service.post(&path, &json!({ "code": "planted-code" })).await;
    assert_eq!((typed.status, &typed.body["success"]), (StatusCode::OK, &json!(true)));
    assert_eq!(*guest.codes.lock().unwrap(), ["planted-code"]);
    let said = cli::told(&service, &["session", "code", &session], "second-code\n").await;
    assert_eq!((said.code, guest.codes.lock().unwrap().last().map(String::as_str)), (0, Some("second-code")));
    let long = service.post(&path, &json!({ "code": "x".repeat(9000) })).await;
    assert_eq!((long.status, &long.body["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_code")));
    assert!(!crate::service::log().contains("planted-code"));
    service.stop().await;
}

#[tokio::test]
async fn a_guest_cannot_pass_off_just_anything_as_a_code() {
    let service = service().await;
    let body = json!({ "userId": "ann", "provider": "coded" });
    let (session, guest) = signing_in(&service, "/api/auth/start", &body).await;
    for code in ["", "two words", "\u{1b}[31mred", &"A".repeat(65)] {
        guest.tells(user_code(&session, code));
    }
    guest.acknowledged(5).await;
    assert!(seen(&service, &session).await["device"].is_null());
    service.stop().await;
}

#[tokio::test]
async fn ways_to_start_are_listed_with_the_default_first_and_another_one_is_refused() {
    let service = service().await;
    let listed = service.get("/api/providers").await.body;
    let coded = listed["providers"].as_array().unwrap().iter().find(|p| p["id"] == "coded").unwrap();
    let expected = json!([
        { "id": "browser", "title": "browser" },
        { "id": "device", "title": "With a one-time code" },
    ]);
    assert_eq!(coded["launches"], expected);
    let body = json!({ "userId": "ann", "provider": "coded", "launch": "fax" });
    let refused = service.post("/api/auth/start", &body).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::BAD_REQUEST, &json!("unknown_launch")));
    assert_eq!(refused.body["validLaunches"], json!(["browser", "device"]));
    service.stop().await;
}

#[tokio::test]
async fn a_credential_of_the_terminal_is_given_out_like_a_file() {
    let service = service().await;
    let body = json!({ "userId": "ann", "provider": "coded" });
    let (session, guest) = signing_in(&service, "/api/auth/start", &body).await;
    guest.captures(id(&session), "coded", &[("token", "sk-planted")]);
    service.until(&session, "completed").await;
    let status = service.get(&format!("/api/auth/session/{session}/credentials/status")).await.body;
    assert_eq!(status["files"]["token"], "sk-planted", "{status}");
    assert_eq!(service.get("/api/auth/validate/ann/coded").await.body["valid"], true);
    service.stop().await;
}

#[tokio::test]
async fn a_trial_of_a_definition_is_told_step_by_step_and_nothing_of_it_is_kept() {
    let service = service().await;
    let file = service.state.path().join("trial.toml");
    fs::write(&file, DEFINITION.replace("\"coded\"", "\"not-installed\"")).unwrap();
    let arguments = ["provider", "test", file.to_str().unwrap(), "--launch", "device"];
    let playing = async {
        let guest = cli::next_guest(&service, "anteroom-provider-test").await;
        guest.tells(EventBody::DesktopReady);
        let spec = guest.sign_in().await;
        let session = spec.session.to_string();
        let noted = |note| EventBody::Noted { session: spec.session, note };
        guest.tells(noted(Note::CommandStarted { run: 1 }));
        guest.tells(noted(Note::Address {
            place: "https://id.example/other\u{1b}[2J".into(),
            parameters: vec!["lang".into()],
            source: UrlSource::Terminal,
            meaning: Meaning::Other,
        }));
        guest.tells(device_page(&session));
        guest.tells(user_code(&session, "ABCD-1234"));
        // A person types it meanwhile; what is there for a moment only need not be told.
        tokio::time::sleep(Duration::from_secs(2)).await;
        guest.tells(noted(Note::Incomplete { problem: "the terminal has not shown token".into() }));
        guest.captures(spec.session, "not-installed", &[("token", "sk-planted")]);
        spec
    };
    let (said, spec) = tokio::join!(cli::against(&service, &arguments), playing);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    assert_eq!((spec.launch.as_str(), spec.provider.id.as_str()), ("device", "not-installed"));
    for step in [
        "the desktop is ready",
        "started: anteroom-demo login --device",
        "the terminal shows https://id.example/other\u{fffd}[2J with lang: no [[url]] rule fits",
        "enter ABCD-1234 at https://id.example/device",
        "not signed in yet: the terminal has not shown token",
        "captured: token (10 bytes)",
        "not-installed: signed in and captured; nothing was kept of it",
    ] {
        assert!(said.out.contains(step), "{step} is missing:\n{}", said.out);
    }
    let path = format!("/api/auth/session/{}", spec.session);
    assert_eq!(service.get(&path).await.status, StatusCode::NOT_FOUND, "the trial's session is still there");
    let kept = service.get("/api/auth/credentials/anteroom-provider-test").await.body;
    assert_eq!(kept["credentials"], json!([]));
    service.stop().await;
}

#[tokio::test]
async fn a_trial_that_fails_or_cannot_begin_says_why() {
    let service = service().await;
    let file = service.state.path().join("trial.toml");
    let trial = async |text: String| {
        fs::write(&file, text).unwrap();
        cli::against(&service, &["provider", "test", file.to_str().unwrap()]).await
    };
    let broken = trial(DEFINITION.replace("kind =", "knid =")).await;
    assert!(broken.code == 2 && broken.err.contains(":12:1: url[0].knid"), "{}", broken.err);
    let foreign = trial(DEFINITION.replace("anteroom-demo", "netlify")).await;
    assert!(foreign.code == 5 && foreign.err.contains("has no netlify"), "{}", foreign.err);
    let as_user = service
        .request(reqwest::Method::POST, "/api/providers/test")
        .bearer_auth(&service.key)
        .header("x-user-id", "ann")
        .json(&json!({ "definition": DEFINITION }));
    assert_eq!(crate::service::answer(as_user).await.status, StatusCode::FORBIDDEN);

    let playing = async {
        let guest = cli::next_guest(&service, "anteroom-provider-test").await;
        *guest.refuses_sign_in.lock().unwrap() = Some("no such program".into());
        guest.tells(EventBody::DesktopReady);
    };
    let (failed, ()) = tokio::join!(trial(DEFINITION.to_owned()), playing);
    assert_eq!(failed.code, 6, "{}\n{}", failed.out, failed.err);
    assert!(failed.err.contains("no such program"), "{}", failed.err);
    service.stop().await;
}
