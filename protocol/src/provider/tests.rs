use proptest::prelude::*;

use super::*;
use crate::agent::CapturedCredentials;

const CODEX: &str = r#"
id = "codex"
name = "Codex"
[launch.browser]
argv = ["codex", "login"]
unset = ["OPENAI_API_KEY"]
[[url]]
host = "auth.openai.com"
path = "/oauth/authorize"
kind = "callback"
require_query = ["redirect_uri", "state", "code_challenge"]
dedupe = "code_challenge"
[[url]]
host = "claude.ai"
path = "/oauth/authorize"
kind = "manual"
dedupe_pattern = '^[A-Za-z0-9_-]*([A-Za-z0-9_-]{43})$'
[callback]
path = "/auth/callback"
ports = [1455, 1457]
follow_local_redirects = true
[[credential]]
path = ".codex/auth.json"
require = ["tokens.access_token", "tokens.refresh_token"]
settle_ms = 100
"#;

fn codex() -> ProviderDefinition {
    ProviderDefinition::parse(CODEX).unwrap()
}

#[test]
fn an_id_may_have_hyphens() {
    let text = CODEX.replacen("\"codex\"", "\"demo-auto\"", 1);
    assert_eq!(ProviderDefinition::parse(&text).unwrap().id, "demo-auto");
}

fn refusal(from: &str, to: &str) -> String {
    let text = CODEX.replacen(from, to, 1);
    assert_ne!(text, CODEX, "{from} is not in the example");
    ProviderDefinition::parse(&text).unwrap_err().to_string()
}

#[test]
fn a_definition_survives_the_trip_to_the_agent() {
    let json = serde_json::to_string(&codex()).unwrap();
    assert_eq!(serde_json::from_str::<ProviderDefinition>(&json).unwrap(), codex());
}

#[test]
fn a_mistake_is_refused_with_its_place() {
    let cases = [
        ("unset =", "unsett =", "line 6, column 1: launch.browser.unsett: unknown field"),
        ("id = \"codex\"", "id = \"Codex!\"", "line 2, column 6: id: expected"),
        ("id = \"codex\"", "", "id: missing field `id`"),
        (
            "[launch.browser]",
            "[launch.device]",
            "line 4, column 2: launch: expected a table [launch.browser]",
        ),
        (".codex/auth.json", "../auth.json", "line 23, column 8: credential[0].path: expected"),
        (
            "require = [\"tokens.access_token\", \"tokens.refresh_token\"]",
            "",
            "credential: expected at least",
        ),
        ("\"tokens.refresh_token\"", "\"tokens.\"", "line 24, column 35: credential[0].require[1]: expected"),
        ("settle_ms = 100", "settle_ms = 10001", "line 25, column 13: credential[0].settle_ms: expected"),
        (
            "settle_ms = 100",
            "keys = [\"a\"]",
            "line 24, column 12: credential[0].require[0]: expected a field below",
        ),
        ("settle_ms = 100", "keys = [\"a\"]\nformat = \"yaml\"", "line 25, column 8: credential[0].keys"),
        (
            "'^[A-Za-z0-9_-]*([A-Za-z0-9_-]{43})$'",
            "'('",
            "line 17, column 18: url[1].dedupe_pattern: expected a",
        ),
        ("auth.openai.com", "auth.openai.com:443", "line 8, column 8: url[0].host: expected"),
        ("host = \"auth.openai.com\"\n", "", "line 7, column 1: url[0]: missing field `host`"),
        ("\"callback\"", "\"calback\"", "line 10, column 8: url[0].kind: unknown variant"),
        ("[[url]]", "[url]", "duplicate key"),
        ("[1455, 1457]", "[1455, 70000]", "line 20, column 16: callback.ports[1]: "),
        ("name = \"Codex\"", "name = ", "line 3, column 8: "),
    ];
    let unlike = |(from, to, expected): (&str, &str, &str)| {
        let said = refusal(from, to);
        (!said.contains(expected)).then(|| format!("{to}\n  said     {said}\n  expected {expected}"))
    };
    let unlike: Vec<String> = cases.into_iter().filter_map(unlike).collect();
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

fn fields(text: &str) -> Vec<String> {
    let error = ProviderDefinition::parse(text).unwrap_err();
    error.mistakes().into_iter().map(|mistake| mistake.field).collect()
}

#[test]
fn everything_that_is_wrong_is_told_in_the_order_of_the_file() {
    let wrong_values = CODEX
        .replace("\"Codex\"", "\"\"")
        .replace("\"/auth/callback\"", "\"auth\"")
        .replace("auth.openai.com", "AUTH");
    assert_eq!(fields(&wrong_values), ["name", "url[0].host", "callback.path"]);
    let wrong_shapes = CODEX
        .replace("unset =", "unsett =")
        .replace("\"manual\"", "\"manually\"")
        .replace("[callback]", "[cal]")
        .replace("id = ", "# ");
    assert_eq!(fields(&wrong_shapes), ["id", "launch.browser.unsett", "url[1].kind", "cal"]);
    let wrong_syntax = CODEX.replace("\"Codex\"", "Codex").replace("[1455, 1457]", "[1455 1457]");
    let mistakes = ProviderDefinition::parse(&wrong_syntax).unwrap_err().mistakes();
    let lines: Vec<usize> = mistakes.iter().filter_map(|mistake| Some(mistake.place?.line)).collect();
    assert_eq!(lines, [3, 20]);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let large = format!("{CODEX}#{}", "x".repeat(MAX_FILE_BYTES));
    assert_eq!(ProviderDefinition::parse(&large), Err(DefinitionError::TooLarge));
}

#[test]
fn only_the_whole_shape_of_an_address_counts() {
    let definition = codex();
    let found = |url: &str| definition.recognise(url, UrlSource::Hook);
    let good = "https://auth.openai.com/oauth/authorize?redirect_uri=http://127.0.0.1:1455/auth/callback&state=s&code_challenge=c";
    assert_eq!(found(good).unwrap().kind, UrlKind::Callback);
    for bad in [
        good.replace("https:", "http:"),
        good.replace("auth.openai.com/", "auth.openai.com.evil.example/"),
        good.replace("auth.openai.com/", "evil.example/auth.openai.com/"),
        good.replace("&state=s", "&state="),
        good.replace("/oauth/authorize", "/oauth/authorize/more"),
        format!("{good}&x={}", "y".repeat(9000)),
    ] {
        assert!(found(&bad).is_none(), "{}", &bad[..80]);
    }
}

#[test]
fn two_addresses_of_one_attempt_share_their_attempt() {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let long =
        format!("https://auth.openai.com/oauth/authorize?redirect_uri=r&state=s&code_challenge={challenge}");
    let short = format!("https://claude.ai/oauth/authorize?z-{challenge}");
    let definition = codex();
    let hook = definition.recognise(&long, UrlSource::Hook).unwrap();
    let terminal = definition.recognise(&short, UrlSource::Terminal).unwrap();
    assert_eq!(hook.attempt, terminal.attempt);
    assert!(hook.source > terminal.source);
    assert!(!format!("{hook:?}").contains(challenge));
}

#[test]
fn a_file_proves_a_sign_in_only_with_every_field_filled() {
    let definition = codex();
    let rule = &definition.credential[0];
    let full = br#"{"tokens":{"access_token":"a","refresh_token":"r"},"other":1}"#;
    assert_eq!(rule.accept(full).unwrap(), full);
    for weak in [r"{}", r#"{"tokens":null}"#, r#"{"tokens":{"access_token":"a","refresh_token":""}}"#, r"[]"]
    {
        assert!(matches!(rule.accept(weak.as_bytes()), Err(CredentialProblem::Missing { .. })), "{weak}");
    }
    assert!(matches!(rule.accept(b"{\"tokens\":"), Err(CredentialProblem::Unreadable { .. })));
    let large = vec![b' '; CapturedCredentials::MAX_FILE_BYTES + 1];
    assert!(matches!(rule.accept(&large), Err(CredentialProblem::TooLarge { .. })));
}

#[test]
fn only_the_named_keys_of_a_file_are_kept() {
    let mut rule = codex().credential.remove(0);
    rule.require.clear();
    rule.keys = vec!["oauthAccount".into()];
    let kept = rule.accept(br#"{"oauthAccount":{"id":1},"history":["private"]}"#).unwrap();
    assert_eq!(kept, br#"{"oauthAccount":{"id":1}}"#);
    assert!(matches!(rule.accept(br#"["private"]"#), Err(CredentialProblem::NoKeys { .. })));
    // A proof is what is kept: the host sees nothing else.
    rule.require = vec!["*.token".into()];
    assert!(matches!(rule.accept(br#"{"other":{"token":"t"}}"#), Err(CredentialProblem::Missing { .. })));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,400}") {
        let _ = ProviderDefinition::parse(&text);
    }

    /// Damages one place of a good definition: it is read or refused, never a panic.
    #[test]
    fn no_damage_makes_the_parser_panic(at in 0..CODEX.len(), with in "\\PC{0,6}") {
        let (before, after) = CODEX.split_at(at);
        let damaged = format!("{before}{with}{}", after.chars().skip(1).collect::<String>());
        if let Ok(definition) = ProviderDefinition::parse(&damaged) {
            let _ = definition.recognise("https://auth.openai.com/oauth/authorize?state=1", UrlSource::Terminal);
        }
    }

    #[test]
    fn no_contents_make_the_credential_check_panic(contents in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = codex().credential[0].accept(&contents);
    }
}
