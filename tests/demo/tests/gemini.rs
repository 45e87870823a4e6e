//! The proof that the profile `google` is faithful where a code is pasted: the real `gemini` signs in with what the page
//! shows.
//!
//! Gemini CLI is taken from `ANTEROOM_TEST_GEMINI`, with the `node` beside it, else from the path; without it this test says
//! that it is skipped.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod seclusion;
mod stage;
mod terminal;

use std::fs;

use anteroom_demo::idp::{Consent, Event, Profile, SecretKind};
use serde_json::Value;

use browser::text;
use stage::{Stage, with_cli};
use terminal::Terminal;

#[test]
fn gemini_takes_the_code_that_the_page_shows() {
    let name = "gemini_takes_the_code_that_the_page_shows";
    with_cli(name, "ANTEROOM_TEST_GEMINI", "gemini", |gemini| async move {
        let stage = Stage::behind_a_proxy(Profile::google(Consent::Given)).await;
        let directory = stage.home.path().join(".gemini");
        fs::create_dir(&directory).unwrap();
        let settings = r#"{"security":{"auth":{"selectedType":"oauth-personal"}}}"#;
        fs::write(directory.join("settings.json"), settings).unwrap();
        let mut command = stage.command(&gemini);
        let mut gemini = Terminal::open(command.arg("--skip-trust").env("NO_BROWSER", "true"));
        gemini.shows("Enter the authorization code:").await;
        let text_so_far = gemini.text();
        let address =
            text_so_far.split_whitespace().find(|word| word.starts_with("https://accounts.google.com/"));
        let page = text(&stage.browser.follow(address.expect("the address")).await);
        let (_, code) = page.split_once("<p class=\"code\">").expect("the page that shows the code");
        gemini.press(&format!("{}\r", code.split('<').next().unwrap()));
        // Its input field comes after the sign-in, and the file before that.
        gemini.shows("Type your message").await;
        let file: Value =
            serde_json::from_slice(&fs::read(directory.join("oauth_creds.json")).unwrap()).unwrap();
        assert_eq!(file["access_token"], stage.given(SecretKind::AccessToken));
        assert_eq!(file["refresh_token"], stage.given(SecretKind::RefreshToken));
        stage.expect_event(&Event::PkceVerified { sign_in: 1 });
    });
}
