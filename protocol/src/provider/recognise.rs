//! Recognising a provider's sign-in address among everything that a CLI, a hook or a terminal hands over.
//!
//! The same attempt is often seen twice, with different addresses: the hook gets the one for the browser, the
//! terminal shows another. The rule's `dedupe` names what both have in common, so that one attempt stays one.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{ProviderDefinition, compile, mistake::Mistakes};
use crate::Secret;

/// Longest address that is looked at, in bytes.
pub(super) const MAX_URL_BYTES: usize = 8 * 1024;

/// One shape of a sign-in address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UrlRule {
    #[serde(default = "https")]
    pub scheme: String,
    pub host: String,
    /// Any when unset.
    #[serde(default)]
    pub port: Option<u16>,
    pub path: String,
    pub kind: UrlKind,
    #[serde(default)]
    pub require_query: Vec<String>,
    /// Values that a query parameter must have.
    #[serde(default)]
    pub query: std::collections::BTreeMap<String, String>,
    /// The query parameter that names the attempt; the whole address when unset.
    #[serde(default)]
    pub dedupe: Option<String>,
    /// For an address whose query is no list of parameters: a pattern over the query whose first group names the attempt.
    #[serde(default)]
    pub dedupe_pattern: Option<String>,
}

/// How the person comes back from the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlKind {
    /// The page redirects to the CLI's loopback port.
    Callback,
    /// The page shows a code to paste.
    Manual,
    /// The person types a code into the page.
    Device,
    /// The CLI asks its server until the person is done.
    Ticket,
}

/// Where an address was seen. The order is that of trust: the hook got what the CLI meant for a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlSource {
    Terminal,
    Hook,
}

/// A recognised sign-in address. It holds `state` and so is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundUrl {
    pub url: Secret,
    pub kind: UrlKind,
    pub source: UrlSource,
    /// Equal for addresses of one attempt.
    pub attempt: Secret,
}

impl ProviderDefinition {
    /// What this address is to this provider; `None` when it is no sign-in address of its.
    #[must_use]
    pub fn recognise(&self, text: &str, source: UrlSource) -> Option<FoundUrl> {
        if text.len() > MAX_URL_BYTES {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let rule = self.url.iter().find(|rule| rule.fits(&url))?;
        let attempt = rule.attempt(&url);
        Some(FoundUrl { url: Secret::new(text), kind: rule.kind, source, attempt: Secret::new(attempt) })
    }
}

impl UrlRule {
    fn fits(&self, url: &Url) -> bool {
        let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        url.scheme() == self.scheme
            && url.host_str() == Some(self.host.as_str())
            && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
            && url.path() == self.path
            && self.require_query.iter().all(|name| parameter(name).is_some_and(|value| !value.is_empty()))
            && self
                .query
                .iter()
                .all(|(name, wanted)| parameter(name).is_some_and(|value| value == wanted.as_str()))
            && self.dedupe_pattern.is_none() | self.attempt_by_pattern(url).is_some()
    }

    fn attempt(&self, url: &Url) -> String {
        let by_parameter = || {
            let name = self.dedupe.as_deref()?;
            url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        self.attempt_by_pattern(url).or_else(by_parameter).unwrap_or_else(|| url.as_str().to_owned())
    }

    fn attempt_by_pattern(&self, url: &Url) -> Option<String> {
        let pattern = regex::Regex::new(self.dedupe_pattern.as_deref()?).ok()?;
        Some(pattern.captures(url.query()?)?.get(1)?.as_str().to_owned())
    }

    pub(super) fn check(&self, field: &str, mistakes: &mut Mistakes) {
        mistakes.expect(
            matches!(self.scheme.as_str(), "http" | "https"),
            format!("{field}.scheme"),
            "expected http or https",
        );
        let host_ok = Url::parse(&format!("https://{}/", self.host))
            .is_ok_and(|url| url.host_str() == Some(self.host.as_str()));
        mistakes.expect(
            host_ok,
            format!("{field}.host"),
            "expected a host name in lower case, without scheme, port and path",
        );
        mistakes.expect(
            self.path.starts_with('/'),
            format!("{field}.path"),
            "expected a path that begins with a slash",
        );
        let Some(pattern) = &self.dedupe_pattern else { return };
        let field = format!("{field}.dedupe_pattern");
        match compile(pattern) {
            Ok(pattern) => mistakes.expect(
                pattern.captures_len() == 2,
                field,
                "expected exactly one group, which names the attempt",
            ),
            Err(problem) => mistakes.add(field, problem),
        }
    }
}

impl fmt::Display for UrlKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Callback => "callback",
            Self::Manual => "manual",
            Self::Device => "device",
            Self::Ticket => "ticket",
        })
    }
}

impl fmt::Display for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminal => "terminal",
            Self::Hook => "hook",
        })
    }
}

fn https() -> String {
    "https".to_owned()
}
