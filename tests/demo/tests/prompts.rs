//! The proof that the definitions' prompts and the models of the profiles are faithful: each real CLI, with restored
//! credentials in a fresh home, answers what comes by standard input, renews its tokens, and says why it cannot.
//!
//! The CLIs are found as in the tests of their sign-ins; without one its tests say that they are skipped.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

mod browser;
mod definition;
mod program;
mod restored;
mod seclusion;
mod stage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anteroom_demo::idp::{Consent, Event, GrantType, Profile, SecretKind};

use anteroom_protocol::provider::PromptFailure;
use serde_json::json;

use definition::Prompt;
use program::Program;
use restored::Restored;
use stage::{Stage, with_cli};

const HELLO: &str = "hello there";
const PROMPTED: Event = Event::Prompted { sign_in: 1 };
const RENEWED: Event = Event::TokenIssued { sign_in: 1, grant: GrantType::RefreshToken };
/// Near enough to its end that every CLI renews it first.
const SHORT: Duration = Duration::from_secs(60);

#[test]
fn codex_answers_and_renews_what_is_about_to_expire_and_what_is_refused() {
    with_codex("codex_answers_and_renews_what_is_about_to_expire_and_what_is_refused", |codex| async move {
        let stage = signed_in(Profile::openai(Consent::Given), Restored::codex).await;
        stage.answers(&codex, "codex").await;
        assert!(!stage.has(&RENEWED));
        stage.idp.revoke_access_tokens();
        stage.answers_with_new_tokens(&codex, "codex", restored::codex_access_token).await;
        let mut profile = Profile::openai(Consent::Given);
        profile.lifetimes.access_token = SHORT;
        let stage = signed_in(profile, Restored::codex).await;
        stage.answers_with_new_tokens(&codex, "codex", restored::codex_access_token).await;
    });
}

#[test]
fn codex_says_that_its_tokens_are_refused() {
    with_codex("codex_says_that_its_tokens_are_refused", |codex| async move {
        let stage = signed_in(Profile::openai(Consent::Given), Restored::codex).await;
        stage.idp.revoke_everything();
        stage.fails(&codex, "codex", 1, Some(PromptFailure::TokenRefused)).await;
    });
}

#[test]
fn claude_answers_and_renews_what_is_about_to_expire_and_what_is_refused() {
    with_claude(
        "claude_answers_and_renews_what_is_about_to_expire_and_what_is_refused",
        |claude| async move {
            let stage = signed_in(Profile::anthropic(Consent::Given), Restored::claude).await;
            stage.answers(&claude, "claude_code").await;
            assert!(!stage.has(&RENEWED));
            stage.idp.revoke_access_tokens();
            stage.answers_with_new_tokens(&claude, "claude_code", restored::claude_access_token).await;
            let stage = signed_in_long_ago(Profile::anthropic(Consent::Given), Restored::claude).await;
            stage.answers_with_new_tokens(&claude, "claude_code", restored::claude_access_token).await;
        },
    );
}

#[test]
fn claude_says_why_it_cannot_and_blanks_the_tokens_that_are_refused() {
    with_claude("claude_says_why_it_cannot_and_blanks_the_tokens_that_are_refused", |claude| async move {
        let stage = Stage::behind_a_proxy(Profile::anthropic(Consent::Given)).await;
        stage.fails(&claude, "claude_code", 1, Some(PromptFailure::NotSignedIn)).await;
        let stage = signed_in(Profile::anthropic(Consent::Given), Restored::claude).await;
        stage.idp.revoke_everything();
        stage.fails(&claude, "claude_code", 1, Some(PromptFailure::TokenRefused)).await;
        // Such a file must not take the place of a good one.
        assert_eq!(restored::claude_access_token(stage.home.path()), "");
    });
}

#[test]
fn claude_answers_by_itself_what_is_for_no_model() {
    with_claude("claude_answers_by_itself_what_is_for_no_model", |claude| async move {
        let stage = signed_in(Profile::anthropic(Consent::Given), Restored::claude).await;
        let (code, said, prompt) = stage.prompt(&claude, "claude_code", "/cost").await;
        assert!(code == 0 && !prompt.text(&said).is_empty(), "{said:#?}");
        assert!(!stage.has(&PROMPTED));
    });
}

#[test]
fn claude_answers_with_the_token_for_a_year() {
    with_claude("claude_answers_with_the_token_for_a_year", |claude| async move {
        let stage = Stage::behind_a_proxy(Profile::anthropic(Consent::Given)).await;
        let tokens = stage.tokens().await;
        let prompt = Prompt::of("claude_setup_token");
        let mut command = stage.command(&claude);
        prompt.complete(command.env("CLAUDE_CODE_OAUTH_TOKEN", tokens["access_token"].as_str().unwrap()));
        let mut program = Program::told(command, HELLO);
        assert_eq!(program.end().await, 0, "{}", program.all_said());
        assert_eq!(prompt.text(&program.said), "You said: hello there");
        stage.idp.revoke_everything();
        let mut command = stage.command(&claude);
        prompt.complete(command.env("CLAUDE_CODE_OAUTH_TOKEN", tokens["access_token"].as_str().unwrap()));
        let mut program = Program::told(command, HELLO);
        assert_eq!(program.end().await, 1, "{}", program.all_said());
        assert_eq!(
            prompt.failure(&program.said),
            Some(PromptFailure::TokenRefused),
            "{}",
            program.all_said()
        );
    });
}

#[test]
fn gemini_answers_and_renews_what_is_about_to_expire() {
    with_gemini("gemini_answers_and_renews_what_is_about_to_expire", |gemini| async move {
        let stage = signed_in(Profile::google(Consent::Given), Restored::gemini).await;
        stage.answers(&gemini, "gemini_cli").await;
        assert!(!stage.has(&RENEWED));
        let stage = signed_in_long_ago(Profile::google(Consent::Given), Restored::gemini).await;
        stage.answers_with_new_tokens(&gemini, "gemini_cli", restored::gemini_access_token).await;
    });
}

#[test]
fn gemini_says_that_its_tokens_are_refused_and_renews_none_before_its_time() {
    with_gemini(
        "gemini_says_that_its_tokens_are_refused_and_renews_none_before_its_time",
        |gemini| async move {
            let stage = signed_in_long_ago(Profile::google(Consent::Given), Restored::gemini).await;
            stage.idp.revoke_everything();
            stage.fails(&gemini, "gemini_cli", 41, Some(PromptFailure::TokenRefused)).await;
            let stage = signed_in(Profile::google(Consent::Given), Restored::gemini).await;
            stage.idp.revoke_access_tokens();
            stage.fails(&gemini, "gemini_cli", 41, Some(PromptFailure::TokenRefused)).await;
            assert!(!stage.has(&RENEWED));
        },
    );
}

/// A fresh home with the credentials of a sign-in.
async fn signed_in(profile: Profile, restore: impl FnOnce(&Restored)) -> Stage {
    let stage = Stage::behind_a_proxy(profile).await;
    let tokens = stage.tokens().await;
    restore(&Restored { home: stage.home.path().to_owned(), tokens });
    stage
}

/// A fresh home with credentials that say of themselves that they are about to expire.
async fn signed_in_long_ago(profile: Profile, restore: impl FnOnce(&Restored)) -> Stage {
    let stage = Stage::behind_a_proxy(profile).await;
    let mut tokens = stage.tokens().await;
    tokens["expires_in"] = json!(SHORT.as_secs());
    restore(&Restored { home: stage.home.path().to_owned(), tokens });
    stage
}

impl Stage {
    fn has(&self, event: &Event) -> bool {
        self.idp.log().events().contains(event)
    }

    async fn prompt(&self, program: &Path, provider: &str, text: &str) -> (i32, Vec<String>, Prompt) {
        let prompt = Prompt::of(provider);
        let mut command = self.command(program);
        prompt.complete(&mut command);
        // Nothing of a test stays behind.
        command.env("NODE_COMPILE_CACHE", self.home.path().join("compile-cache"));
        let mut program = Program::told(command, text);
        (program.end().await, program.said.clone(), prompt)
    }

    async fn answers(&self, program: &Path, provider: &str) {
        let (code, said, prompt) = self.prompt(program, provider, HELLO).await;
        assert_eq!(code, 0, "{said:#?}\n{:?}", self.idp.log().events());
        assert_eq!(prompt.text(&said), "You said: hello there", "{said:#?}");
        let usage = prompt.usage(&said);
        assert!(usage["input_tokens"].as_u64() >= Some(2), "{usage}");
        assert!(usage["output_tokens"].as_u64() >= Some(4), "{usage}");
        self.expect_event(&PROMPTED);
    }

    /// After which the newest tokens are in its file.
    async fn answers_with_new_tokens(&self, program: &Path, provider: &str, in_file: fn(&Path) -> String) {
        let before = in_file(self.home.path());
        self.answers(program, provider).await;
        self.expect_event(&RENEWED);
        let after = in_file(self.home.path());
        assert_ne!(before, after);
        let secrets = self.idp.secrets();
        let newest = secrets.iter().rfind(|entry| entry.kind == SecretKind::AccessToken).unwrap();
        assert_eq!(after, newest.secret.reveal());
    }

    async fn fails(&self, program: &Path, provider: &str, expected: i32, failure: Option<PromptFailure>) {
        let (code, said, prompt) = self.prompt(program, provider, HELLO).await;
        assert_eq!((code, prompt.failure(&said)), (expected, failure), "{said:#?}");
        assert_eq!(prompt.text(&said), "", "{said:#?}");
        assert!(!self.has(&PROMPTED));
    }
}

fn with_codex<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    with_cli(name, "ANTEROOM_TEST_CODEX", "codex", test);
}

fn with_claude<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    with_cli(name, "ANTEROOM_TEST_CLAUDE", "claude", test);
}

fn with_gemini<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    with_cli(name, "ANTEROOM_TEST_GEMINI", "gemini", test);
}
