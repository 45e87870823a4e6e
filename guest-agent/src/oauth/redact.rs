//! Takes out of a terminal's lines what could be a secret, before anybody reads them: queries and fragments of
//! addresses, what follows a word like "code", and every long word that mixes letters and digits as tokens do.

use std::sync::LazyLock;

use regex::Regex;

/// Lines that are kept, and characters of each.
const MAX_LINES: usize = 20;
const MAX_CHARS: usize = 200;
/// Shorter words are no tokens; longer ones with digits among letters may be.
const MIN_TOKEN_CHARS: usize = 16;

/// What follows a word that announces a secret. `None` never happens: the pattern is a constant, and a test uses it.
static ANNOUNCED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)((?:\b|_)(?:code|token|secret|password|key|state)["']?\s*[:=]\s*)\S{6,}"#).ok()
});

const GONE: &str = "[...]";

/// The last lines, without secrets and without control characters.
pub(super) fn redact(lines: &[String]) -> Vec<String> {
    lines.iter().skip(lines.len().saturating_sub(MAX_LINES)).map(|line| redact_line(line)).collect()
}

/// A path of an address, without the parts that look like tokens.
pub(super) fn path(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').map(|part| if is_token(part) { GONE } else { part }).collect();
    parts.join("/").chars().take(MAX_CHARS).collect()
}

fn redact_line(line: &str) -> String {
    let line: String = line.chars().filter(|c| !c.is_control()).take(4 * MAX_CHARS).collect();
    // Without the pattern nothing may be shown.
    let Some(announced) = ANNOUNCED.as_ref() else { return GONE.to_owned() };
    let line = announced.replace_all(&line, |found: &regex::Captures<'_>| format!("{}{GONE}", &found[1]));
    let words: Vec<String> = line.split(' ').map(redact_word).collect();
    words.join(" ").chars().take(MAX_CHARS).collect()
}

fn redact_word(word: &str) -> String {
    if let Some(start) = word.find("http://").or_else(|| word.find("https://")) {
        let end = word[start..].find(['?', '#']).map_or(word.len(), |at| start + at);
        let query = if end < word.len() { format!("?{GONE}") } else { String::new() };
        return word[..end].to_owned() + &query;
    }
    let path = word.starts_with('/') || word.starts_with("~/") || word.starts_with("./");
    if is_token(word) && !path { GONE.to_owned() } else { word.to_owned() }
}

/// Whether it is long and mixes letters and digits.
fn is_token(word: &str) -> bool {
    let letters = word.bytes().any(|b| b.is_ascii_alphabetic());
    let digits = word.bytes().any(|b| b.is_ascii_digit());
    word.chars().count() >= MIN_TOKEN_CHARS && letters && digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        redact(&[text.to_owned()]).remove(0)
    }

    #[test]
    fn an_address_keeps_its_place_and_loses_its_query() {
        assert_eq!(
            line("Open https://auth.example/oauth2/authorize?state=abc&code_challenge=x now"),
            "Open https://auth.example/oauth2/authorize?[...] now"
        );
        assert_eq!(line("http://127.0.0.1:1455/success#id_token=ey"), "http://127.0.0.1:1455/success?[...]");
        assert_eq!(
            line("(http://127.0.0.1:9400/oauth/authorize)"),
            "(http://127.0.0.1:9400/oauth/authorize)"
        );
    }

    #[test]
    fn tokens_are_gone() {
        assert_eq!(line("your token sk-ant-oat01-AbCd1234EfGh5678"), "your token [...]");
        assert_eq!(line("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.x"), "[...]");
        assert_eq!(line("code: ABCD-1234"), "code: [...]");
        assert_eq!(line("{\"access_token\": \"abcdefgh\"}"), "{\"access_token\": [...]");
    }

    #[test]
    fn sentences_stay() {
        for text in [
            "State mismatch: authentication unsuccessful",
            "exit code: 41",
            "error: cannot open /usr/local/lib/node_modules/x1/y.js",
            "Signed in as demo@example.org.",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn there_are_never_more_than_a_few_short_lines() {
        let many: Vec<String> =
            (0..100).map(|number| format!("line {number} {}", "x y ".repeat(1000))).collect();
        let kept = redact(&many);
        assert_eq!(kept.len(), MAX_LINES);
        assert!(kept[0].starts_with("line 80 "));
        assert!(kept.iter().all(|line| line.chars().count() <= MAX_CHARS));
    }
}
