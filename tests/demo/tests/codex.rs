//! The proof that the profile `openai` is faithful: the real `codex login` signs in to it, and refuses to when PKCE is
//! broken; and so does `codex login --device-auth`, whose code a person types.
//!
//! Codex is taken from `ANTEROOM_TEST_CODEX`, else from the path; without it these tests say that they are skipped.
//! Each runs in a network namespace of its own, because Codex listens on a fixed port and ends any other sign-in there.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod program;
mod seclusion;
mod stage;
mod terminal;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anteroom_demo::idp::tls::Entrance;
use anteroom_demo::idp::{Consent, Event, GrantType, Profile, SecretKind};
use serde_json::Value;
use tokio::time::timeout;

use browser::{text, ticket, with_parameter};
use program::Program;
use stage::{Stage, with_cli};
use terminal::Terminal;

const AUTHORIZE: &str = "https://auth.openai.com/oauth/authorize?";

#[test]
fn codex_signs_in_through_a_proxy() {
    with_codex("codex_signs_in_through_a_proxy", |codex| async move {
        let stage = Stage::behind_a_proxy(Profile::openai(Consent::Given)).await;
        let mut codex = Program::start(stage.login(&codex));
        let url = codex.word(AUTHORIZE).await;
        stage.browser.follow(&url).await;
        assert_eq!(codex.end().await, 0, "{}", codex.all_said());
        stage.expect_signed_in();
    });
}

#[test]
fn codex_signs_in_where_the_name_resolves_to_the_provider() {
    with_codex("codex_signs_in_where_the_name_resolves_to_the_provider", |codex| async move {
        let stage = Stage::set(Entrance::Direct, "127.0.0.1:443", Profile::openai(Consent::Given)).await;
        let hosts = stage.home.path().join("hosts");
        fs::write(&hosts, "127.0.0.1 localhost auth.openai.com\n").unwrap();
        // In this mount namespace only.
        let mounted = Command::new("mount").arg("--bind").arg(&hosts).arg("/etc/hosts").status().unwrap();
        assert!(mounted.success());
        let mut codex = Program::start(stage.login(&codex));
        let url = codex.word(AUTHORIZE).await;
        stage.browser.follow(&url).await;
        assert_eq!(codex.end().await, 0, "{}", codex.all_said());
        stage.expect_signed_in();
    });
}

#[test]
fn codex_signs_in_after_allow_and_says_so() {
    with_codex("codex_signs_in_after_allow_and_says_so", |codex| async move {
        let stage = Stage::behind_a_proxy(Profile::openai(Consent::Asked)).await;
        let mut login = Program::start(stage.login(&codex));
        let page = stage.browser.get(&login.word(AUTHORIZE).await).await;
        assert!(text(&page).contains("Codex CLI wants to sign in"));
        let back = stage.decide(&ticket(&page), "allow").await;
        stage.browser.follow(&back).await;
        assert_eq!(login.end().await, 0, "{}", login.all_said());
        stage.expect_signed_in();
        let mut command = stage.command(&codex);
        command.args(["login", "status"]);
        let mut status = Program::start(command);
        assert_eq!(status.end().await, 0);
        assert!(status.all_said().contains("Logged in using ChatGPT"), "{}", status.all_said());
    });
}

#[test]
fn codex_ends_when_the_person_says_no() {
    with_codex("codex_ends_when_the_person_says_no", |codex| async move {
        let stage = Stage::behind_a_proxy(Profile::openai(Consent::Asked)).await;
        let mut codex = Program::start(stage.login(&codex));
        let page = stage.browser.get(&codex.word(AUTHORIZE).await).await;
        let back = stage.decide(&ticket(&page), "deny").await;
        stage.browser.get(&back).await;
        assert_eq!(codex.end().await, 1, "{}", codex.all_said());
        assert!(!stage.auth_file().exists());
        assert!(stage.idp.log().events().contains(&Event::Denied { sign_in: 1 }));
    });
}

#[test]
fn codex_gets_nothing_when_pkce_is_broken() {
    with_codex("codex_gets_nothing_when_pkce_is_broken", |codex| async move {
        let stage = Stage::behind_a_proxy(Profile::openai(Consent::Given)).await;
        let mut codex = Program::start(stage.login(&codex));
        // A sign-in that somebody else began: its challenge is not the one that codex can meet.
        let foreign = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let url = with_parameter(&codex.word(AUTHORIZE).await, "code_challenge", foreign);
        stage.browser.follow(&url).await;
        assert_eq!(codex.end().await, 1, "{}", codex.all_said());
        assert!(!stage.auth_file().exists());
        let events = stage.idp.log().events();
        assert!(events.contains(&Event::PkceRefused { sign_in: 1 }), "{events:?}");
        assert!(!events.iter().any(|event| matches!(event, Event::TokenIssued { .. })), "{events:?}");
    });
}

#[test]
fn codex_signs_in_with_a_code_that_a_person_types() {
    with_codex("codex_signs_in_with_a_code_that_a_person_types", |codex| async move {
        let stage = Stage::behind_a_proxy(Profile::openai(Consent::Asked)).await;
        let (mut login, code) = stage.device_login(&codex).await;
        assert_eq!(code, stage.given(SecretKind::UserCode));
        stage.type_user_code(&code, "allow").await;
        assert_eq!(login.end().await, 0, "{}", login.text());
        stage.expect_signed_in();
    });
}

#[test]
fn codex_ends_when_the_person_says_no_to_its_code() {
    with_codex("codex_ends_when_the_person_says_no_to_its_code", |codex| async move {
        let stage = Stage::behind_a_proxy(Profile::openai(Consent::Asked)).await;
        let (mut login, code) = stage.device_login(&codex).await;
        stage.type_user_code(&code, "deny").await;
        assert_eq!(login.end().await, 1, "{}", login.text());
        assert!(login.text().contains("Error logging in: device auth failed"), "{}", login.text());
        assert!(!stage.auth_file().exists());
    });
}

#[test]
fn codex_renews_its_tokens() {
    with_codex("codex_renews_its_tokens", |codex| async move {
        let mut profile = Profile::openai(Consent::Given);
        profile.lifetimes.access_token = Duration::from_secs(1);
        let stage = Stage::behind_a_proxy(profile).await;
        let mut login = Program::start(stage.login(&codex));
        stage.browser.follow(&login.word(AUTHORIZE).await).await;
        assert_eq!(login.end().await, 0, "{}", login.all_said());
        // It finds its access token expired. That it then reaches no model is not our concern.
        let mut prompt = stage.command(&codex);
        prompt.current_dir(stage.home.path()).args(["exec", "--skip-git-repo-check", "hello"]);
        let _prompt = Program::start(prompt);
        let renewed = Event::TokenIssued { sign_in: 1, grant: GrantType::RefreshToken };
        let waiting = stage.idp.log().wait_for(|event| *event == renewed);
        assert!(timeout(Duration::from_secs(60), waiting).await.is_ok(), "{:?}", stage.idp.log().events());
    });
}

/// What only Codex has.
impl Stage {
    fn login(&self, codex: &Path) -> Command {
        let mut command = self.command(codex);
        command.arg("login");
        command
    }

    /// Without a browser, and the code that it shows.
    async fn device_login(&self, codex: &Path) -> (Terminal, String) {
        let mut login = Terminal::open(self.login(codex).arg("--device-auth"));
        login.shows("Continue only if you started this login").await;
        let text = login.text();
        let below = text.lines().skip_while(|line| !line.contains("one-time code")).nth(1);
        let code = below.expect("the code").trim().to_owned();
        (login, code)
    }

    fn auth_file(&self) -> PathBuf {
        self.home.path().join(".codex/auth.json")
    }

    /// What codex wrote is what the provider gave it.
    fn expect_signed_in(&self) {
        let mode = fs::metadata(self.auth_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let auth: Value = serde_json::from_slice(&fs::read(self.auth_file()).unwrap()).unwrap();
        assert_eq!(auth["auth_mode"], "chatgpt");
        assert_eq!(auth["tokens"]["access_token"], self.given(SecretKind::AccessToken));
        assert_eq!(auth["tokens"]["refresh_token"], self.given(SecretKind::RefreshToken));
        assert_eq!(auth["tokens"]["id_token"], self.given(SecretKind::IdToken));
        assert_eq!(auth["tokens"]["account_id"], "acct-demo");
        self.expect_event(&Event::PkceVerified { sign_in: 1 });
        self.expect_event(&Event::TokenIssued { sign_in: 1, grant: GrantType::AuthorizationCode });
        let events = self.idp.log().events();
        assert!(!events.iter().any(|event| matches!(event, Event::Refused { .. })), "{events:?}");
    }
}

fn with_codex<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    with_cli(name, "ANTEROOM_TEST_CODEX", "codex", test);
}
