//! The role as its neighbours see it: over its real sockets, with a real CLI's files, a real check and a real browser wrapper.

mod host_of_old;

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use anteroom_protocol::{
    Event, EventBody, ProviderDefinition, Secret, SessionId,
    agent::{CapturedCredentials, OpenUrl, PastedCode, SignInPhase, SignInSpec, SignInStatus, Surroundings},
    provider::{Format, UrlSource},
};
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::{
    call::{CallError, Peer},
    open_url,
    terminal::order::{Order, Report},
};

const TOKEN: &str = "dGhlLXRva2VuLW9mLXRoaXMtdm0";
const URL: &str =
    "https://id.example/authorize?state=s1&code_challenge=c1&redirect_uri=http://127.0.0.1:1/cb";

/// The role, in a home directory of its own.
struct Role {
    home: TempDir,
    caller: Peer,
    port: u16,
}

impl Role {
    /// `None`, and a line in the report, where the socket cannot know us for root.
    async fn start() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: only root may make the calls of PID 1");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let browser = home.path().join("browser");
        fs::write(&browser, format!("#!/bin/sh\necho \"$1\" >> {}/pages\n", home.path().display())).unwrap();
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
        let socket = home.path().join("oauth.sock");
        let listener = call::listen(&socket).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let number = port.local_addr().unwrap().port();
        let journal = Arc::new(Journal::new());
        let places = Places { home: home.path().to_owned(), browser };
        let sign_in = SignIn::start(Arc::clone(&journal), Children::watch().unwrap(), places);
        let app = app::router(sign_in.clone(), journal).into_make_service_with_connect_info::<Caller>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        tokio::spawn(async move { axum::serve(port, port::router(sign_in)).await });
        Some(Self { home, caller: Peer::at(socket), port: number })
    }

    fn spec(&self, check: &str) -> SignInSpec {
        Self::defined(check, "")
    }

    /// With more in the definition.
    fn defined(check: &str, more: &str) -> SignInSpec {
        let text = format!(
            r#"
            id = "tool"
            name = "Tool"
            [launch.browser]
            argv = ["tool", "login"]
            env = {{ MODE = "login" }}
            unset = ["CARGO"]
            files = {{ ".tool/settings" = "quiet" }}
            [[url]]
            host = "id.example"
            path = "/authorize"
            kind = "callback"
            require_query = ["state"]
            dedupe = "code_challenge"
            [[credential]]
            path = ".tool/auth.json"
            require = ["token"]
            settle_ms = 50
            [verify]
            argv = ["/bin/sh", "-c", "{check}"]
            {more}
            "#
        );
        SignInSpec {
            session: SessionId::random(),
            provider: ProviderDefinition::parse(&text).unwrap(),
            launch: "browser".into(),
            token: Secret::new(TOKEN),
            surroundings: Surroundings::default(),
        }
    }

    async fn begin(&self, spec: &SignInSpec) -> Result<(), CallError> {
        let body = BeginBody { spec: spec.clone(), resume: None };
        self.caller.send(Method::POST, "/sign-in", &body).await
    }

    async fn terminal(&self) -> impl Stream<Item = Order> + Unpin {
        self.caller.follow::<Order>("/terminal/orders").await.unwrap()
    }

    async fn report(&self, report: Report) {
        self.caller.send(Method::POST, "/terminal/report", &report).await.unwrap();
    }

    async fn hook(&self, url: &str) -> Result<(), CallError> {
        self.caller.send(Method::POST, "/hook/url", &OpenUrl { url: url.into() }).await
    }

    async fn status(&self) -> SignInStatus {
        let body = self.caller.call(Method::GET, "/sign-in", Bytes::new()).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The first event that fits.
    async fn event<T>(&self, pick: impl Fn(EventBody) -> Option<T>) -> T {
        let mut events = self.caller.follow::<Event>("/events").await.unwrap();
        soon(async {
            loop {
                if let Some(picked) = pick(events.next().await.expect("the events have ended").body) {
                    return picked;
                }
            }
        })
        .await
    }

    async fn captured(&self) -> u64 {
        self.event(|event| match event {
            EventBody::CredentialsCaptured { generation, .. } => Some(generation),
            _ => None,
        })
        .await
    }

    fn write_credentials(&self, token: &str) {
        let directory = self.home.path().join(".tool");
        let temporary = directory.join(".new");
        fs::write(&temporary, format!("{{\"token\":{token:?}}}")).unwrap();
        fs::rename(temporary, directory.join("auth.json")).unwrap();
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

#[tokio::test]
async fn a_sign_in_goes_from_the_order_to_the_credentials() {
    let Some(role) = Role::start().await else { return };
    let spec = role.spec("exit 0");
    role.begin(&spec).await.unwrap();
    let mut terminal = role.terminal().await;
    let Some(Order::Run(run)) = soon(terminal.next()).await else { panic!("no order") };
    assert_eq!((run.run, run.argv.join(" ").as_str()), (1, "tool login"));
    assert_eq!(run.environment["MODE"], "login");
    assert!(!run.environment.contains_key("CARGO"));
    assert_eq!(fs::read_to_string(role.home.path().join(".tool/settings")).unwrap(), "quiet");

    role.hook(URL).await.unwrap();
    assert_eq!(role.status().await.phase, SignInPhase::AwaitingPerson);
    let found = role.status().await.url.unwrap();
    assert_eq!((found.source, found.url.expose_str()), (UrlSource::Hook, Some(URL)));

    role.write_credentials("t1");
    assert_eq!(role.captured().await, 1);
    assert!(matches!(soon(terminal.next()).await, Some(Order::Done(_))));
    let body = role.caller.call(Method::GET, "/sign-in/credentials", Bytes::new()).await.unwrap();
    let captured: CapturedCredentials = serde_json::from_slice(&body).unwrap();
    assert_eq!(captured.session, spec.session);
    assert_eq!(captured.files[0].contents.expose(), br#"{"token":"t1"}"#);
    // The wrapper is a script, and may take its time.
    let pages = soon(async {
        loop {
            match fs::read_to_string(role.home.path().join("pages")) {
                Ok(pages) if pages.ends_with('\n') => return pages,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await;
    assert_eq!(pages, format!("{URL}\n"));
}

#[tokio::test]
async fn a_cli_that_gives_up_fails_the_sign_in_with_what_it_said() {
    let Some(role) = Role::start().await else { return };
    role.begin(&role.spec("exit 0")).await.unwrap();
    let mut terminal = role.terminal().await;
    soon(terminal.next()).await;
    let last_lines = vec![format!("refused: {URL}"), "bye".to_owned()];
    role.report(Report::Exited { run: 1, code: 3, last_lines }).await;
    let (cause, last_lines) = role
        .event(|event| match event {
            EventBody::SignInFailed { cause, last_lines, .. } => Some((cause, last_lines)),
            _ => None,
        })
        .await;
    assert_eq!(cause, "the command ended with code 3 before the credentials were complete");
    assert_eq!(last_lines, ["refused: https://id.example/authorize?[...]", "bye"]);
}

#[tokio::test]
async fn credentials_that_the_cli_does_not_believe_in_are_not_captured() {
    let Some(role) = Role::start().await else { return };
    role.begin(&role.spec("exit 9")).await.unwrap();
    role.write_credentials("t1");
    let cause = role
        .event(|event| match event {
            EventBody::SignInFailed { cause, .. } => Some(cause),
            EventBody::CredentialsCaptured { .. } => panic!("captured"),
            _ => None,
        })
        .await;
    assert_eq!(cause, "the files are complete, but `/bin/sh -c exit 9` ended with code 9");
}

#[tokio::test]
async fn a_second_session_is_refused_the_same_one_again_is_not_and_after_the_end_there_is_room() {
    let Some(role) = Role::start().await else { return };
    let spec = role.spec("exit 0");
    role.begin(&spec).await.unwrap();
    role.begin(&spec).await.unwrap();
    let refused = role.begin(&role.spec("exit 0")).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { status: StatusCode::CONFLICT, .. }), "{refused}");
    role.caller.call(Method::DELETE, "/sign-in", Bytes::new()).await.unwrap();
    role.begin(&role.spec("exit 0")).await.unwrap();
}

#[tokio::test]
async fn a_code_of_the_page_is_typed_while_the_command_asks_for_one_and_not_otherwise() {
    let Some(role) = Role::start().await else { return };
    let manual = "[manual]\nprompt = 'code'\ntemplate = '{code}#{state}'";
    role.begin(&Role::defined("exit 0", manual)).await.unwrap();
    let mut terminal = role.terminal().await;
    soon(terminal.next()).await;
    role.hook(URL).await.unwrap();
    let paste = async |code: &str| {
        let body = PastedCode { code: Secret::new(code) };
        role.caller.send(Method::POST, "/sign-in/code", &body).await
    };
    let refused = |result: Result<(), CallError>| match result {
        Err(CallError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(paste("c0de#s1").await), StatusCode::CONFLICT);
    role.report(Report::AsksForCode { run: 1 }).await;
    assert!(role.status().await.asks_for_code);
    assert_eq!(refused(paste("c0de#of-another").await), StatusCode::BAD_REQUEST);
    paste("c0de").await.unwrap();
    let Some(Order::Type(typed)) = soon(terminal.next()).await else { panic!("nothing is typed") };
    assert_eq!(typed.expose_str(), Some("c0de#s1\r"));
    role.report(Report::Exited { run: 1, code: 1, last_lines: Vec::new() }).await;
    assert_eq!(refused(paste("c0de#s1").await), StatusCode::CONFLICT);
}

#[tokio::test]
async fn after_a_crash_the_role_hears_again_what_the_command_has_shown() {
    let Some(role) = Role::start().await else { return };
    let mut terminal = role.caller.follow::<Order>("/terminal/orders?run=3").await.unwrap();
    let spec = Role::defined("exit 0", "[manual]\nprompt = 'code'");
    let resume = Some(Resumed { generation: 0, url: None });
    role.caller.send(Method::POST, "/sign-in", &BeginBody { spec, resume }).await.unwrap();
    assert!(matches!(soon(terminal.next()).await, Some(Order::TellAgain)));
    role.report(Report::AsksForCode { run: 3 }).await;
    assert!(role.status().await.asks_for_code);
}

#[tokio::test]
async fn a_code_for_the_page_is_told_with_its_lifetime() {
    let Some(role) = Role::start().await else { return };
    let device = "[device]\nuser_code = '[A-Z]{4}-[0-9]{4}'\nlifetime_s = 60";
    role.begin(&Role::defined("exit 0", device)).await.unwrap();
    let mut terminal = role.terminal().await;
    let Some(Order::Run(run)) = soon(terminal.next()).await else { panic!("no order") };
    assert_eq!(run.signs.user_code.as_deref(), Some("[A-Z]{4}-[0-9]{4}"));
    role.report(Report::UserCode { run: 1, code: Secret::new("ABCD-1234") }).await;
    let told = role
        .event(|event| match event {
            EventBody::UserCode { code, lifetime_s, .. } => Some((code, lifetime_s)),
            _ => None,
        })
        .await;
    assert_eq!(told, (Secret::new("ABCD-1234"), 60));
}

#[tokio::test]
async fn a_credential_that_the_terminal_has_shown_is_captured() {
    let Some(role) = Role::start().await else { return };
    let mut spec = role.spec("exit 0");
    let shown = &mut spec.provider.credential[0];
    (shown.path, shown.format) = ("token".into(), Format::Terminal);
    (shown.pattern, shown.require) = (Some("sk-[a-z]+".into()), Vec::new());
    role.begin(&spec).await.unwrap();
    let mut terminal = role.terminal().await;
    soon(terminal.next()).await;
    let text = Secret::new("sk-planted");
    role.report(Report::Credential { run: 1, path: "token".into(), text }).await;
    assert_eq!(role.captured().await, 1);
    let body = role.caller.call(Method::GET, "/sign-in/credentials", Bytes::new()).await.unwrap();
    let captured: CapturedCredentials = serde_json::from_slice(&body).unwrap();
    assert_eq!(captured.files[0].contents, Secret::new("sk-planted"));
}

#[tokio::test]
async fn the_program_that_clis_call_hands_an_address_over_and_hears_why_not() {
    let Some(role) = Role::start().await else { return };
    role.begin(&role.spec("exit 0")).await.unwrap();
    let socket = role.caller.socket().to_owned();
    let call = async |address: &'static str| {
        let socket = socket.clone();
        tokio::task::spawn_blocking(move || open_url::hand_over(&socket, address)).await.unwrap()
    };
    call(URL).await.unwrap();
    assert_eq!(role.status().await.url.unwrap().source, UrlSource::Hook);
    let refused = call("file:///etc/shadow").await.unwrap_err();
    assert_eq!(refused.to_string(), "only http and https addresses are opened");
    let gone = open_url::hand_over(&role.home.path().join("nothing"), URL).unwrap_err();
    assert!(gone.to_string().starts_with("the sign-in role is not there: "), "{gone}");
}

#[tokio::test]
async fn only_addresses_of_the_web_are_taken_from_a_hook() {
    let Some(role) = Role::start().await else { return };
    let refused = role.hook("file:///etc/shadow").await.unwrap_err();
    assert_eq!(refused.to_string(), "only http and https addresses are opened");
}
