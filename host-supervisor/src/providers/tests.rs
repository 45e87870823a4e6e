use anteroom_protocol::provider::{FoundUrl, UrlKind, UrlSource};

use super::*;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn embedded() -> Providers {
    Providers::load(Path::new("/nowhere")).unwrap()
}

fn found(provider: &str, url: &str) -> Option<FoundUrl> {
    embedded().find(provider).unwrap().recognise(url, UrlSource::Hook)
}

fn programs(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_providers_that_come_with_anteroom_are_all_there() {
    let ids: Vec<String> = embedded().iter().map(|definition| definition.id.clone()).collect();
    assert_eq!(ids, ["claude_code", "codex", "demo", "demo-auto", "gemini_cli"]);
}

#[test]
fn only_providers_whose_programs_are_in_the_image_are_offered() {
    let offered = embedded().offered_by(&programs(&["codex", "anteroom-demo", "xterm"]));
    let ids: Vec<&str> = offered.iter().map(|definition| definition.id.as_str()).collect();
    assert_eq!(ids, ["codex", "demo", "demo-auto"]);
}

#[test]
fn the_address_that_each_cli_opens_is_recognised() {
    let cases = [
        (
            "codex",
            format!(
                "https://auth.openai.com/oauth/authorize?response_type=code&client_id=app_x&redirect_uri=http%3A%2F%2F127.0.0.1%3A1455%2Fauth%2Fcallback&code_challenge={CHALLENGE}&code_challenge_method=S256&state=s&originator=codex_cli_rs"
            ),
            UrlKind::Callback,
        ),
        ("codex", "https://auth.openai.com/codex/device".into(), UrlKind::Device),
        (
            "claude_code",
            format!(
                "https://claude.com/cai/oauth/authorize?code=true&client_id=c&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A43211%2Fcallback&code_challenge={CHALLENGE}&code_challenge_method=S256&state=s"
            ),
            UrlKind::Callback,
        ),
        (
            "claude_code",
            format!(
                "https://claude.com/cai/oauth/authorize?code=true&client_id=c&response_type=code&redirect_uri=https%3A%2F%2Fplatform.claude.com%2Foauth%2Fcode%2Fcallback&code_challenge={CHALLENGE}&code_challenge_method=S256&state=s"
            ),
            UrlKind::Manual,
        ),
        ("claude_code", format!("https://claude.ai/oauth/authorize?z-{CHALLENGE}"), UrlKind::Manual),
        (
            "gemini_cli",
            "https://accounts.google.com/o/oauth2/v2/auth?redirect_uri=http%3A%2F%2F127.0.0.1%3A38000%2Foauth2callback&access_type=offline&scope=x&state=0123&response_type=code&client_id=g".into(),
            UrlKind::Callback,
        ),
        (
            "gemini_cli",
            format!("https://accounts.google.com/o/oauth2/v2/auth?redirect_uri=https%3A%2F%2Fcodeassist.google.com%2Fauthcode&state=0123&client_id=g&code_challenge={CHALLENGE}"),
            UrlKind::Manual,
        ),
        (
            "demo",
            format!("http://127.0.0.1:9400/oauth/authorize?response_type=code&client_id=demo&redirect_uri=http%3A%2F%2F127.0.0.1%3A40001%2Fcallback&code_challenge={CHALLENGE}&code_challenge_method=S256&state=s&scope=openid"),
            UrlKind::Callback,
        ),
    ];
    for (provider, url, kind) in cases {
        assert_eq!(found(provider, &url).map(|found| found.kind), Some(kind), "{provider}: {url}");
    }
}

#[test]
fn the_two_addresses_of_one_claude_sign_in_are_one_attempt() {
    let browser = found(
        "claude_code",
        &format!(
            "https://claude.com/cai/oauth/authorize?client_id=c&redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fcallback&code_challenge={CHALLENGE}&state=s"
        ),
    );
    let terminal = found("claude_code", &format!("https://claude.ai/oauth/authorize?z-{CHALLENGE}"));
    assert_eq!(browser.unwrap().attempt, terminal.unwrap().attempt);
}

#[test]
fn the_two_demo_providers_do_not_take_each_others_address() {
    let url =
        "http://127.0.0.1:9400/oauth/authorize?client_id=demo-auto&redirect_uri=r&state=s&code_challenge=c";
    assert!(found("demo", url).is_none());
    assert!(found("demo-auto", url).is_some());
}

#[test]
fn what_the_clis_write_before_a_sign_in_proves_nothing() {
    let cases = [
        ("codex", r#"{"auth_mode":"chatgpt","tokens":null}"#),
        ("codex", r#"{"tokens":{"access_token":"a","refresh_token":"r","id_token":""}}"#),
        ("claude_code", r#"{"claudeAiOauth":{"accessToken":"a","refreshToken":"r","scopes":[]}}"#),
        ("gemini_cli", r#"{"access_token":"a"}"#),
        ("demo", "{}"),
    ];
    for (provider, contents) in cases {
        let definition = embedded();
        let rule = definition.find(provider).unwrap().credential.iter().find(|rule| rule.is_proof()).unwrap();
        assert!(rule.accept(contents.as_bytes()).is_err(), "{provider}: {contents}");
    }
}

#[test]
fn a_file_of_the_operator_adds_a_provider_or_replaces_one() {
    let directory = tempfile::tempdir().unwrap();
    let other = EMBEDDED[3].1.replace("id = \"demo\"", "id = \"other\"");
    fs::write(directory.path().join("other.toml"), other).unwrap();
    fs::write(directory.path().join("mine.toml"), EMBEDDED[0].1.replace("\"Codex\"", "\"My Codex\""))
        .unwrap();
    fs::write(directory.path().join("notes.txt"), "no definition").unwrap();
    let providers = Providers::load(directory.path()).unwrap();
    assert_eq!(providers.iter().count(), 6);
    assert_eq!(providers.find("codex").unwrap().name, "My Codex");
}

#[test]
fn a_damaged_file_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("broken.toml"), "id = \"x\"\nname = ").unwrap();
    let error = Providers::load(directory.path()).unwrap_err();
    assert!(error.to_string().contains("broken.toml"), "{error}");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("line 2"));
}

#[test]
fn two_files_with_one_id_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.toml", "b.toml"] {
        fs::write(directory.path().join(name), EMBEDDED[3].1).unwrap();
    }
    let error = Providers::load(directory.path()).unwrap_err().to_string();
    assert!(
        error.contains("a.toml") && error.contains("b.toml") && error.ends_with("provider demo"),
        "{error}"
    );
}
