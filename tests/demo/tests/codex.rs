//! The proof that the profile `openai` is faithful: the real `codex login` signs in to it, and refuses to when PKCE is
//! broken.
//!
//! Codex is taken from `ANTEROOM_TEST_CODEX`, else from the path; without it these tests say that they are skipped.
//! Each runs in a network namespace of its own, because Codex listens on a fixed port and ends any other sign-in there.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod program;
mod seclusion;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anteroom_demo::idp::tls::{Entrance, ThrowAwayCa};
use anteroom_demo::idp::{Consent, Event, GrantType, Idp, Profile, SecretKind};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;

use browser::{Browser, Https, text, ticket, with_parameter};
use program::Program;
use seclusion::{secluded, skipped};

const AUTHORIZE: &str = "https://auth.openai.com/oauth/authorize?";

#[test]
fn codex_signs_in_through_a_proxy() {
    with_codex("codex_signs_in_through_a_proxy", |codex| async move {
        let stage = Stage::set(Entrance::Proxy, "127.0.0.1:0", Profile::openai(Consent::Given)).await;
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
        let stage = Stage::set(Entrance::Proxy, "127.0.0.1:0", Profile::openai(Consent::Asked)).await;
        let mut login = Program::start(stage.login(&codex));
        let page = stage.browser.get(&login.word(AUTHORIZE).await).await;
        assert!(text(&page).contains("Codex CLI wants to sign in"));
        let back = stage.decide(&ticket(&page), "allow").await;
        stage.browser.follow(&back).await;
        assert_eq!(login.end().await, 0, "{}", login.all_said());
        stage.expect_signed_in();
        let mut command = stage.codex(&codex);
        command.args(["login", "status"]);
        let mut status = Program::start(command);
        assert_eq!(status.end().await, 0);
        assert!(status.all_said().contains("Logged in using ChatGPT"), "{}", status.all_said());
    });
}

#[test]
fn codex_ends_when_the_person_says_no() {
    with_codex("codex_ends_when_the_person_says_no", |codex| async move {
        let stage = Stage::set(Entrance::Proxy, "127.0.0.1:0", Profile::openai(Consent::Asked)).await;
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
        let stage = Stage::set(Entrance::Proxy, "127.0.0.1:0", Profile::openai(Consent::Given)).await;
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
fn codex_renews_its_tokens() {
    with_codex("codex_renews_its_tokens", |codex| async move {
        let mut profile = Profile::openai(Consent::Given);
        profile.lifetimes.access_token = Duration::from_secs(1);
        let stage = Stage::set(Entrance::Proxy, "127.0.0.1:0", profile).await;
        let mut login = Program::start(stage.login(&codex));
        stage.browser.follow(&login.word(AUTHORIZE).await).await;
        assert_eq!(login.end().await, 0, "{}", login.all_said());
        // It finds its access token expired. That it then reaches no model is not our concern.
        let mut prompt = stage.codex(&codex);
        prompt.current_dir(stage.home.path()).args(["exec", "--skip-git-repo-check", "hello"]);
        let _prompt = Program::start(prompt);
        let renewed = Event::TokenIssued { sign_in: 1, grant: GrantType::RefreshToken };
        let waiting = stage.idp.log().wait_for(|event| *event == renewed);
        assert!(timeout(Duration::from_secs(60), waiting).await.is_ok(), "{:?}", stage.idp.log().events());
    });
}

/// The provider, its CA, a browser that trusts it, and a home for codex.
struct Stage {
    idp: Idp,
    browser: Browser,
    home: TempDir,
    entrance: Entrance,
    address: SocketAddr,
}

impl Stage {
    async fn set(entrance: Entrance, address: &str, profile: Profile) -> Self {
        let ca = ThrowAwayCa::new().unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let https = match entrance {
            Entrance::Direct => Https::At(address),
            Entrance::Proxy => Https::Proxy(address),
        };
        let browser = Browser::trusting(&ca.certificate_pem(), https);
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("ca.pem"), ca.certificate_pem()).unwrap();
        let idp = Idp::new(profile);
        let serving = idp.clone();
        tokio::spawn(async move { serving.run_tls(listener, &ca, entrance, std::future::pending()).await });
        Self { idp, browser, home, entrance, address }
    }

    fn codex(&self, codex: &Path) -> Command {
        let mut command = Command::new(codex);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.home.path());
        command.env("CODEX_CA_CERTIFICATE", self.home.path().join("ca.pem")).env("BROWSER", "true");
        if self.entrance == Entrance::Proxy {
            command
                .env("HTTPS_PROXY", format!("http://{}", self.address))
                .env("NO_PROXY", "127.0.0.1,localhost");
        }
        command
    }

    fn login(&self, codex: &Path) -> Command {
        let mut command = self.codex(codex);
        command.arg("login");
        command
    }

    fn auth_file(&self) -> PathBuf {
        self.home.path().join(".codex/auth.json")
    }

    /// Answers the consent page; where the browser is sent.
    async fn decide(&self, ticket: &str, decision: &str) -> String {
        let url = "https://auth.openai.com/oauth/authorize/decision";
        let answer = self.browser.post(url, &[("request", ticket), ("decision", decision)]).await;
        assert_eq!(answer.status(), 303);
        browser::location(&answer).unwrap()
    }

    /// What codex wrote is what the provider gave it.
    fn expect_signed_in(&self) {
        let mode = fs::metadata(self.auth_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let auth: Value = serde_json::from_slice(&fs::read(self.auth_file()).unwrap()).unwrap();
        let given = |kind| {
            let secrets = self.idp.secrets();
            let entry = secrets.into_iter().find(|entry| entry.kind == kind).expect("a secret of that kind");
            Value::from(entry.secret.reveal())
        };
        assert_eq!(auth["auth_mode"], "chatgpt");
        assert_eq!(auth["tokens"]["access_token"], given(SecretKind::AccessToken));
        assert_eq!(auth["tokens"]["refresh_token"], given(SecretKind::RefreshToken));
        assert_eq!(auth["tokens"]["id_token"], given(SecretKind::IdToken));
        assert_eq!(auth["tokens"]["account_id"], "acct-demo");
        let events = self.idp.log().events();
        for event in [
            Event::PkceVerified { sign_in: 1 },
            Event::TokenIssued { sign_in: 1, grant: GrantType::AuthorizationCode },
        ] {
            assert!(events.contains(&event), "{event:?} is missing: {events:?}");
        }
        assert!(!events.iter().any(|event| matches!(event, Event::Refused { .. })), "{events:?}");
    }
}

/// Runs `test` in seclusion with the path of codex, or says why not.
fn with_codex<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    let Some(codex) = codex() else {
        return skipped(name, "there is no codex on the path, and ANTEROOM_TEST_CODEX names none");
    };
    secluded(name, || {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test(codex));
    });
}

fn codex() -> Option<PathBuf> {
    if let Some(codex) = std::env::var_os("ANTEROOM_TEST_CODEX") {
        let codex = PathBuf::from(codex);
        assert!(codex.exists(), "ANTEROOM_TEST_CODEX names a file that does not exist");
        return Some(codex);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join("codex")).find(|file| file.is_file())
}
