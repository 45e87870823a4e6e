//! The proof that the profile `anthropic` is faithful where a code is pasted: the real `claude` signs in with what the page
//! shows, makes its token for a year, and refuses to when PKCE is broken.
//!
//! Claude Code is taken from `ANTEROOM_TEST_CLAUDE`, else from the path; without it these tests say that they are skipped.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod seclusion;
mod stage;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use anteroom_demo::idp::{Consent, Event, GrantType, Profile, SecretKind};
use serde_json::Value;

use browser::{text, with_parameter};
use stage::{Stage, with_cli};
use terminal::Terminal;

#[test]
fn claude_takes_the_code_that_the_page_shows() {
    with_claude("claude_takes_the_code_that_the_page_shows", |claude| async move {
        let stage = Stage::behind_a_proxy(Profile::anthropic(Consent::Given)).await;
        let mut login = open(&stage, &claude, &["auth", "login"]);
        login.shows("Paste code here").await;
        let code = code_of_page(&stage, &link(&login)).await;
        let (alone, _) = code.split_once('#').unwrap();
        login.press(&format!("{alone}\r"));
        login.shows("doesn't look like the full code").await;
        login.press(&format!("{code}\r"));
        assert_eq!(login.end().await, 0, "{}", login.text());
        let file = fs::read(stage.home.path().join(".claude/.credentials.json")).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        assert_eq!(file["claudeAiOauth"]["accessToken"], stage.given(SecretKind::AccessToken));
        assert_eq!(file["claudeAiOauth"]["refreshToken"], stage.given(SecretKind::RefreshToken));
        stage.expect_event(&Event::PkceVerified { sign_in: 1 });
    });
}

#[test]
fn claude_gets_nothing_for_the_code_of_another_sign_in() {
    with_claude("claude_gets_nothing_for_the_code_of_another_sign_in", |claude| async move {
        let stage = Stage::behind_a_proxy(Profile::anthropic(Consent::Given)).await;
        let mut login = open(&stage, &claude, &["auth", "login"]);
        login.shows("Paste code here").await;
        let foreign = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let code = code_of_page(&stage, &with_parameter(&link(&login), "code_challenge", foreign)).await;
        login.press(&format!("{code}\r"));
        assert_eq!(login.end().await, 1, "{}", login.text());
        assert!(login.text().contains("That code wasn't accepted"), "{}", login.text());
        assert!(!stage.home.path().join(".claude/.credentials.json").exists());
        stage.expect_event(&Event::PkceRefused { sign_in: 1 });
    });
}

#[test]
fn the_token_for_a_year_is_shown_and_stands_in_no_file() {
    with_claude("the_token_for_a_year_is_shown_and_stands_in_no_file", |claude| async move {
        let stage = Stage::behind_a_proxy(Profile::anthropic(Consent::Given)).await;
        let mut setup = open(&stage, &claude, &["setup-token"]);
        setup.shows("Paste code here").await;
        let address = link(&setup);
        assert!(address.contains("scope=user%3Ainference&"), "{address}");
        setup.paste(&code_of_page(&stage, &address).await);
        assert_eq!(setup.end().await, 0, "{}", setup.text());
        let text = setup.text();
        let (_, shown) = text.split_once("Your OAuth token (valid for 1 year):").expect("it is shown");
        let shown: String = shown.split("Store this token").next().unwrap().split_whitespace().collect();
        assert_eq!(shown, stage.given(SecretKind::AccessToken));
        stage.expect_event(&Event::TokenIssued { sign_in: 1, grant: GrantType::AuthorizationCode });
        let files = files_below(stage.home.path());
        assert!(files.iter().any(|file| file.ends_with(".claude.json")), "{files:?}");
        let holding = files
            .iter()
            .filter(|file| fs::read(file).unwrap().windows(shown.len()).any(|w| w == shown.as_bytes()));
        assert_eq!(holding.count(), 0, "{files:?}");
    });
}

/// With its whole address on the terminal, as Anteroom starts it.
fn open(stage: &Stage, claude: &Path, arguments: &[&str]) -> Terminal {
    let mut command = stage.command(claude);
    Terminal::open(command.args(arguments).env("CLAUDE_CODE_FULL_SIGN_IN_LINK", "1"))
}

/// The address for a browser that cannot reach the listener.
fn link(terminal: &Terminal) -> String {
    let links = terminal.links();
    links.iter().find(|link| link.contains("%2Foauth%2Fcode%2Fcallback")).expect("the address").clone()
}

async fn code_of_page(stage: &Stage, address: &str) -> String {
    let page = text(&stage.browser.follow(address).await);
    let (_, code) = page.split_once("<p class=\"code\">").expect("the page that shows the code");
    code.split('<').next().unwrap().to_owned()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn with_claude<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    with_cli(name, "ANTEROOM_TEST_CLAUDE", "claude", test);
}
