//! Addresses that a CLI, a hook or a terminal hands over: what passes for a sign-in address is one of the definition's.

use std::sync::LazyLock;

use anteroom_protocol::{
    ProviderDefinition,
    provider::{UrlRule, UrlSource},
};
use url::Url;

use crate::input::Input;

static DEFINITIONS: LazyLock<Vec<ProviderDefinition>> = LazyLock::new(|| {
    [
        include_str!("../../../host-supervisor/providers/claude_code.toml"),
        include_str!("../../../host-supervisor/providers/codex.toml"),
        include_str!("../../../host-supervisor/providers/gemini_cli.toml"),
        include_str!("../../../host-supervisor/providers/github_cli.toml"),
        include_str!("../../../host-supervisor/providers/demo.toml"),
    ]
    .map(|text| ProviderDefinition::parse(text).expect("a definition of ours"))
    .into()
});

pub(crate) fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let definition = input.choice(&DEFINITIONS);
    let Ok(text) = str::from_utf8(input.rest()) else { return };
    let Some(found) = definition.recognise(text, UrlSource::Terminal) else { return };
    let url = Url::parse(text).expect("what was recognised is an address");
    assert_eq!(found.url.expose_str(), Some(text));
    assert!(definition.url.iter().any(|rule| rule.kind == found.kind && is_of(rule, &url)), "{url}");
    assert!(!found.attempt.is_empty());
    // Written in another way it is still the same attempt.
    let again = definition.recognise(url.as_str(), UrlSource::Terminal).expect("the same address");
    assert_eq!((again.kind, again.attempt), (found.kind, found.attempt));
}

fn is_of(rule: &UrlRule, url: &Url) -> bool {
    let value = |wanted: &String| url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value);
    url.scheme() == rule.scheme
        && url.host_str() == Some(&rule.host)
        && url.path() == rule.path
        && (rule.port.is_none() || url.port() == rule.port)
        && rule.require_query.iter().all(|name| value(name).is_some_and(|value| !value.is_empty()))
        && rule.query.iter().all(|(name, wanted)| value(name).is_some_and(|value| value == *wanted))
}
