use anteroom_protocol::provider::{CredentialRule, FoundUrl, UrlKind, UrlSource};

use super::*;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn embedded() -> Providers {
    Providers::load(Path::new("/nowhere")).unwrap()
}

fn found(provider: &str, url: &str) -> Option<FoundUrl> {
    embedded().find(provider).unwrap().recognise(url, UrlSource::Hook)
}

fn ids(providers: &Providers) -> Vec<String> {
    providers.offered().iter().map(|definition| definition.id.clone()).collect()
}

/// The file that proves a sign-in.
fn proof(provider: &str) -> CredentialRule {
    let definition = embedded().find(provider).unwrap();
    definition.credential.iter().find(|rule| rule.is_proof()).unwrap().clone()
}

fn programs(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_providers_that_come_with_anteroom_are_all_there() {
    let expected = [
        "claude_code",
        "claude_setup_token",
        "codex",
        "demo",
        "demo-auto",
        "gemini_cli",
        "github_cli",
        "github_copilot",
    ];
    assert_eq!(ids(&embedded()), expected);
}

#[test]
fn only_providers_whose_programs_are_in_the_image_are_offered() {
    let offered = embedded().offered_by(&programs(&["codex", "anteroom-demo", "xterm"]));
    assert_eq!(ids(&offered), ["codex", "demo", "demo-auto"]);
    assert!(offered.find("github_cli").is_none());
    let gh = offered.all().0.into_iter().find(|known| known.definition.id == "github_cli").unwrap();
    assert_eq!(offered.missing(&gh.definition), programs(&["gh"]), "it is known all the same");
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
        ("claude_setup_token", format!("https://claude.ai/oauth/authorize?I{CHALLENGE}"), UrlKind::Manual),
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
        ("github_cli", "https://github.com/login/device".into(), UrlKind::Device),
        (
            "github_copilot",
            format!("https://github.com/login/oauth/authorize?client_id=c&redirect_uri=http%3A%2F%2F127.0.0.1%3A41000%2Fcallback&scope=x&code_challenge={CHALLENGE}&code_challenge_method=S256&state=s"),
            UrlKind::Callback,
        ),
        ("github_copilot", "https://github.com/login/device".into(), UrlKind::Device),
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
        ("github_cli", "github.com:\n    git_protocol: https\n    user: ann\n"),
        ("github_cli", "github.com:\n    oauth_token:\n    user: ann\n"),
        ("github_copilot", "// Managed automatically\n{ \"authTokens\": {} }"),
    ];
    for (provider, contents) in cases {
        assert!(proof(provider).accept(contents.as_bytes()).is_err(), "{provider}: {contents}");
    }
}

#[test]
fn what_the_two_clis_of_github_write_at_the_end_proves_the_sign_in() {
    let gh = "github.com:\n    user: ann\n    oauth_token: gho_x\n    git_protocol: https\n";
    assert_eq!(proof("github_cli").accept(gh.as_bytes()).unwrap(), gh.as_bytes());
    let copilot = "// Managed automatically\n{ \"authTokens\": { \"https://github.com:ann\": { \"token\": \"gho_x\" } } }";
    assert_eq!(proof("github_copilot").accept(copilot.as_bytes()).unwrap(), copilot.as_bytes());
}

/// What the CLIs were seen to show, without control sequences.
#[test]
fn the_code_that_a_terminal_shows_is_found_when_it_is_whole() {
    let cases = [
        ("codex", "2. Enter this one-time code (expires in 15 minutes)\n\n   ABCD-12345\n", "ABCD-12345"),
        ("github_cli", "! First copy your one-time code: WXYZ-6789\nPress Enter to open", "WXYZ-6789"),
        (
            "github_copilot",
            "To authenticate, visit https://github.com/login/device and enter code WXYZ-6789\n",
            "WXYZ-6789",
        ),
    ];
    for (provider, shown, code) in cases {
        let definition = embedded().find(provider).unwrap();
        let pattern = regex::Regex::new(&definition.device.as_ref().unwrap().user_code).unwrap();
        let found = |text: &str| pattern.captures(text).map(|found| found[1].to_owned());
        assert_eq!(found(shown).as_deref(), Some(code), "{provider}");
        let end = shown.find(code).unwrap() + code.len();
        for pieces in 0..=end {
            assert_eq!(found(&shown[..pieces]), None, "{provider}: {:?}", &shown[..pieces]);
        }
    }
}

#[test]
fn the_terminal_that_asks_for_a_code_is_understood() {
    let cases = [
        ("claude_code", "Paste code here if prompted > "),
        ("claude_setup_token", "Paste code here if prompted"),
        // It moves the cursor to the right where others write a space.
        ("claude_setup_token", "Pastecodehereifprompted"),
        ("gemini_cli", "Enter the authorization code: "),
    ];
    for (provider, shown) in cases {
        let definition = embedded().find(provider).unwrap();
        let pattern = regex::Regex::new(&definition.manual.as_ref().unwrap().prompt).unwrap();
        assert!(pattern.is_match(shown), "{provider}: {shown}");
        let browser = definition.launch[ProviderDefinition::DEFAULT_LAUNCH].argv.join(" ");
        assert!(!pattern.is_match(&browser), "{provider}: {browser}");
    }
}

#[test]
fn the_long_lived_token_of_claude_is_whole_or_none() {
    let token = format!("sk-ant-oat01-{}-xxxxxxAA", "aZ_9".repeat(22));
    assert_eq!(proof("claude_setup_token").accept(token.as_bytes()).unwrap(), token.as_bytes());
    // The first of the two rows in which it stands.
    for part in ["", "sk-ant-oat01-", &token[..62], &format!("{token} and more")] {
        assert!(proof("claude_setup_token").accept(part.as_bytes()).is_err(), "{part}");
    }
}

#[test]
fn a_person_can_tell_the_ways_to_sign_in_apart() {
    for definition in embedded().offered() {
        let titles: BTreeSet<_> = definition.launch.values().map(|launch| launch.title.clone()).collect();
        let ways = definition.launch.len();
        assert!(ways == 1 || (titles.len() == ways && !titles.contains(&None)), "{}", definition.id);
    }
}

const PAGE: &str = include_str!("../../../docs/providers.md");

/// The TOML blocks of the page that explains the format.
fn examples() -> Vec<&'static str> {
    PAGE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_example_of_the_documentation_is_right() {
    let examples = examples();
    assert!(examples.len() >= 3, "{} examples", examples.len());
    for example in examples {
        ProviderDefinition::parse(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
}

/// Every key below this value. Names that a definition chooses itself, those of variables and files, are none.
fn keys(value: &serde_json::Value, into: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                into.insert(key.clone());
                if !["env", "files", "query", "when"].contains(&key.as_str()) {
                    keys(value, into);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

#[test]
fn every_key_of_the_format_is_documented() {
    let mut all = BTreeSet::new();
    for example in examples() {
        keys(&serde_json::to_value(ProviderDefinition::parse(example).unwrap()).unwrap(), &mut all);
    }
    // What `launch` holds are names; one of them is a table's as well.
    all.retain(|key| key != "browser");
    assert!(all.len() >= 30, "{all:?}");
    for key in all {
        let row = PAGE.lines().any(|line| {
            [
                format!("| `{key}` |"),
                format!("| `[{key}]` |"),
                format!("| `[[{key}]]` |"),
                format!("| `[{key}.NAME]` |"),
            ]
            .iter()
            .any(|start| line.starts_with(start))
        });
        assert!(row, "{key} has no row in docs/providers.md");
    }
}
