//! Takes out of a terminal's lines what could be a secret, before anybody reads them: queries and fragments of
//! addresses, and every long word that looks like a token or a code.

use std::sync::LazyLock;

use regex::Regex;

/// Lines that are kept, and characters of each.
const MAX_LINES: usize = 20;
const MAX_CHARS: usize = 200;

/// `None` never happens: the patterns are constants, and a test compiles them.
static QUERY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(https?://[^\s?#]*)[?#]\S*").ok());
/// Letters and digits mixed, and long: JWTs, `sk-...`, codes, hexadecimal state. Words of a language are not mixed.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9_~+/=.\-]{16,}").ok());
/// Whatever follows a word that announces a secret.
static ANNOUNCED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b((?:code|token|secret|password|key|state)["']?\s*[:=]\s*)\S{6,}"#).ok()
});

const GONE: &str = "[...]";

/// The last lines, without secrets and without control characters.
pub(super) fn redact(lines: &[String]) -> Vec<String> {
    lines.iter().skip(lines.len().saturating_sub(MAX_LINES)).map(|line| redact_line(line)).collect()
}

fn redact_line(line: &str) -> String {
    let line: String = line.chars().filter(|c| !c.is_control()).take(4 * MAX_CHARS).collect();
    let line = replace(&QUERY, &line, |found| format!("{}?{GONE}", &found[1]));
    let line = replace(&ANNOUNCED, &line, |found| format!("{}{GONE}", &found[1]));
    let line = replace(&TOKEN, &line, |found| {
        let word = &found[0];
        let mixed = word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_alphabetic());
        let address = word.contains("//") || word.starts_with('/');
        if mixed && !address { GONE.to_owned() } else { word.to_owned() }
    });
    line.chars().take(MAX_CHARS).collect()
}

fn replace(pattern: &Option<Regex>, text: &str, with: impl Fn(&regex::Captures<'_>) -> String) -> String {
    // Without the pattern nothing may be shown.
    pattern.as_ref().map_or_else(|| GONE.to_owned(), |pattern| pattern.replace_all(text, with).into_owned())
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
            line("Open https://auth.example/oauth/authorize?state=abc&code_challenge=x now"),
            "Open https://auth.example/oauth/authorize?[...] now"
        );
        assert_eq!(line("http://127.0.0.1:1455/success#id_token=ey"), "http://127.0.0.1:1455/success?[...]");
    }

    #[test]
    fn tokens_are_gone_and_sentences_stay() {
        assert_eq!(line("your token sk-ant-oat01-AbCd1234EfGh5678"), "your token [...]");
        assert_eq!(line("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.x"), "[...]");
        assert_eq!(
            line("State mismatch: authentication unsuccessful"),
            "State mismatch: authentication unsuccessful".to_owned()
        );
        assert_eq!(line("code: ABCD-1234"), "code: [...]");
        assert_eq!(
            line("error: cannot open /usr/local/lib/node_modules/x1/y.js"),
            "error: cannot open /usr/local/lib/node_modules/x1/y.js"
        );
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
