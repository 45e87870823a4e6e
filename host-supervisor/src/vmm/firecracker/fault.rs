//! What Firecracker says when it refuses. Its API answers `{"fault_message": ...}`, the server below it `{"error": ...}` with a raw
//! line break inside the string, which is no JSON: read leniently, and bounded, as everything from outside.

/// Longest part of an answer that is repeated, in characters.
const MAX_CHARS: usize = 300;

/// The words of an answer that is no success.
pub(super) fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let known = ["fault_message", "error"].into_iter().find_map(|key| value_of(&text, key));
    let words = known.unwrap_or_else(|| text.trim().to_owned());
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect();
    if words.trim().is_empty() { "no reason given".to_owned() } else { words.trim().to_owned() }
}

fn value_of(text: &str, key: &str) -> Option<String> {
    let rest = text.split_once(&format!("\"{key}\""))?.1.trim_start().strip_prefix(':')?.trim_start();
    let mut characters = rest.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            '\\' => match characters.next()? {
                'n' | 'r' | 't' => value.push(' '),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_kinds_of_refusal_are_understood() {
        assert_eq!(words(br#"{"fault_message":"Invalid Elf magic number."}"#), "Invalid Elf magic number.");
        let raw =
            b"{ \"error\": \"Invalid HTTP Method.\nAll previous unanswered requests will be dropped.\" }";
        assert_eq!(words(raw), "Invalid HTTP Method. All previous unanswered requests will be dropped.");
        assert_eq!(words(br#"{"fault_message":"a \"b\" c"}"#), r#"a "b" c"#);
        assert_eq!(words(b"oops"), "oops");
        assert_eq!(words(b" "), "no reason given");
    }

    proptest! {
        #[test]
        fn nothing_that_is_answered_breaks_a_line_or_is_long(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let words = words(&body);
            prop_assert!(words.chars().count() <= MAX_CHARS && !words.chars().any(char::is_control));
        }
    }
}
