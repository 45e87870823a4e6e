//! Where an address leads, without what could be secret in it: for notes.

use anteroom_protocol::{Note, Secret, event::Meaning, provider::UrlSource};
use url::Url;

use super::redact;

/// Names of parameters that are told, and characters of each.
const MAX_PARAMETERS: usize = 16;
const MAX_NAME_CHARS: usize = 32;

/// Scheme, host, port and path of an address, and the names in its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) text: String,
    pub(super) parameters: Vec<String>,
}

impl Place {
    /// `None` when it is no address of the web.
    pub(super) fn of(url: &Secret) -> Option<Self> {
        let mut url = Url::parse(url.expose_str()?).ok()?;
        if !url.has_host() || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let parameters = parameters(url.query().unwrap_or_default());
        url.set_query(None);
        url.set_fragment(None);
        // An address with a password in it is not shown without it: who would know that it was there?
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let path = redact::path(url.path());
        let text = format!("{}{path}", url.origin().ascii_serialization());
        Some(Self { text, parameters })
    }

    pub(super) fn into_note(self, source: UrlSource, meaning: Meaning) -> Note {
        Note::Address { place: self.text, parameters: self.parameters, source, meaning }
    }
}

/// Names only, and only where there is a value: a query without `=` is a value itself.
fn parameters(query: &str) -> Vec<String> {
    let plain = |name: &&str| {
        !name.is_empty()
            && name.len() <= MAX_NAME_CHARS
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    let names = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name);
    names.filter(plain).take(MAX_PARAMETERS).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Option<(String, String)> {
        Place::of(&Secret::new(url)).map(|place| (place.text, place.parameters.join(" ")))
    }

    #[test]
    fn names_are_told_and_values_are_not() {
        let told = place("https://id.example:8443/oauth/authorize?state=s3cret&code_challenge=c#frag");
        assert_eq!(
            told,
            Some(("https://id.example:8443/oauth/authorize".to_owned(), "state code_challenge".to_owned()))
        );
        // The whole query is a value, and so are names that no server would give.
        let short = place("https://claude.ai/oauth/authorize?z-E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(short, Some(("https://claude.ai/oauth/authorize".to_owned(), String::new())));
        let odd = place("https://a.example/?E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=1&ok=2");
        assert_eq!(odd, Some(("https://a.example/".to_owned(), "ok".to_owned())));
    }

    #[test]
    fn a_token_in_the_path_is_not_told() {
        let told = place("https://a.example/magic/eyJhbGciOiJub25lIn0aBcDeF/next");
        assert_eq!(told, Some(("https://a.example/magic/[...]/next".to_owned(), String::new())));
    }

    #[test]
    fn what_is_no_address_of_the_web_is_no_place() {
        for other in ["file:///etc/passwd", "https://user:pass@a.example/", "nonsense", ""] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
