//! The proof that the profile `github` is faithful: the real `gh auth login --web` signs in to it, and tells when it may not.
//!
//! The GitHub CLI is taken from `ANTEROOM_TEST_GH`, else from the path; without it these tests say that they are skipped.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod seclusion;
mod stage;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use anteroom_demo::idp::{Consent, Event, GrantType, Mishap, Profile, SecretKind};

use stage::{Stage, with_cli};
use terminal::Terminal;

#[test]
fn gh_signs_in_when_its_code_was_typed() {
    with_gh("gh_signs_in_when_its_code_was_typed", |gh| async move {
        let stage = Stage::behind_a_proxy(Profile::github(Consent::Asked)).await;
        let (mut login, code) = login(&stage, &gh).await;
        assert_eq!(code, stage.given(SecretKind::UserCode));
        stage.type_user_code(&code, "allow").await;
        assert_eq!(login.end().await, 0, "{}", login.text());
        assert!(login.text().contains("Logged in as demo"), "{}", login.text());
        let file = fs::read_to_string(stage.home.path().join(".config/gh/hosts.yml")).unwrap();
        assert!(file.contains(&format!("oauth_token: {}", stage.given(SecretKind::AccessToken))), "{file}");
        stage.expect_event(&Event::TokenIssued { sign_in: 1, grant: GrantType::DeviceCode });
    });
}

#[test]
fn gh_ends_when_the_person_says_no() {
    with_gh("gh_ends_when_the_person_says_no", |gh| async move {
        let stage = Stage::behind_a_proxy(Profile::github(Consent::Asked)).await;
        let (mut login, code) = login(&stage, &gh).await;
        stage.type_user_code(&code, "deny").await;
        assert_eq!(login.end().await, 1, "{}", login.text());
        assert!(login.text().contains("access_denied"), "{}", login.text());
        assert!(!stage.home.path().join(".config/gh/hosts.yml").exists());
    });
}

#[test]
fn gh_ends_when_its_code_has_expired() {
    with_gh("gh_ends_when_its_code_has_expired", |gh| async move {
        let profile = Profile { mishap: Some(Mishap::CodeExpired), ..Profile::github(Consent::Asked) };
        let stage = Stage::behind_a_proxy(profile).await;
        let (mut login, _) = login(&stage, &gh).await;
        assert_eq!(login.end().await, 1, "{}", login.text());
        assert!(login.text().contains("expired_token"), "{}", login.text());
    });
}

/// `gh` with its two questions answered, as Anteroom does, and the code that it shows.
async fn login(stage: &Stage, gh: &Path) -> (Terminal, String) {
    let mut command = stage.command(gh);
    command.args(["auth", "login", "--web", "--hostname", "github.com", "--git-protocol", "https"]);
    let mut login = Terminal::open(&command);
    login.shows("Authenticate Git with your GitHub credentials").await;
    login.press("\r");
    login.shows("Press Enter to open").await;
    login.press("\r");
    let text = login.text();
    let (_, code) = text.split_once("one-time code: ").expect("the code");
    let code = code.split_whitespace().next().unwrap().to_owned();
    (login, code)
}

fn with_gh<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    with_cli(name, "ANTEROOM_TEST_GH", "gh", test);
}
