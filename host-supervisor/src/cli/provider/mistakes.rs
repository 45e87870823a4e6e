//! A mistake as it is shown: where it is, the line that it stands in, what to write instead.
//!
//! ```text
//!  codex.toml:6:1: launch.browser.unsett: unknown field `unsett`, expected one of `argv`, ...
//!    6 | unsett = ["OPENAI_API_KEY"]
//!      | ^^^^^^
//!    write: unset = ["EXAMPLE_API_KEY"]
//! ```

use std::path::Path;

use anteroom_protocol::provider::{Mistake, Place};

use super::advice::advice;

/// Longest part of a line that is shown, in characters.
const MAX_SHOWN_CHARS: usize = 100;

pub(super) fn lines(file: &Path, text: &str, mistake: &Mistake) -> Vec<String> {
    let said = Mistake { place: None, ..mistake.clone() };
    let mut lines = vec![match mistake.place {
        Some(Place { line, column, .. }) => format!("{}:{line}:{column}: {said}", file.display()),
        None => format!("{}: {said}", file.display()),
    }];
    if let Some(place) = mistake.place {
        lines.extend(excerpt(text, place));
    }
    lines.extend(advice(mistake).map(|advice| format!("  write: {advice}")));
    lines
}

/// The line, and a mark below what is meant.
fn excerpt(text: &str, place: Place) -> [String; 2] {
    let line = text.lines().nth(place.line - 1).unwrap_or_default();
    // One character for one, so that the mark stands below what it marks.
    let printable = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    // Of a long line the part around the mistake.
    let skipped = place.column.saturating_sub(MAX_SHOWN_CHARS / 2);
    let skipped = if line.chars().count() > MAX_SHOWN_CHARS { skipped } else { 0 };
    let shown: String = line.chars().skip(skipped).take(MAX_SHOWN_CHARS).map(printable).collect();
    let before = place.column - 1 - skipped.min(place.column - 1);
    let marked = place.width.min(MAX_SHOWN_CHARS.saturating_sub(before)).max(1);
    let number = place.line.to_string();
    [
        format!("  {number} | {shown}"),
        format!("  {} | {}{}", " ".repeat(number.len()), " ".repeat(before), "^".repeat(marked)),
    ]
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::provider::ProviderDefinition;

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let error = ProviderDefinition::parse(text).unwrap_err();
        error.mistakes().iter().flat_map(|mistake| lines(Path::new("x.toml"), text, mistake)).collect()
    }

    #[test]
    fn a_mistake_is_shown_with_its_line_and_what_to_write() {
        let text = "id = \"x\"\nname = \"ä\", \u{1b}\n[launch.browser]\nargw = [\"x\"]\n";
        let expected = [
            "x.toml:2:11: unexpected key or value, expected newline, `#`",
            "  2 | name = \"ä\", \u{fffd}",
            "    |           ^",
        ];
        assert_eq!(shown(text)[..3], expected);
        let text = include_str!("../../../providers/codex.toml").replacen("unset", "unsett", 1);
        let shown = shown(&text);
        assert!(
            shown[0].starts_with("x.toml:11:1: launch.browser.unsett: unknown field `unsett`"),
            "{shown:?}"
        );
        assert_eq!(shown[1], "  11 | unsett = [\"OPENAI_API_KEY\"]");
        assert_eq!(shown[2], "     | ^^^^^^");
        assert_eq!(shown[3], "  write: unset = [\"EXAMPLE_API_KEY\"]");
    }

    #[test]
    fn of_a_long_line_the_part_with_the_mistake_is_shown() {
        let line = format!("{}!{}", "a".repeat(300), "b".repeat(300));
        let [shown, mark] = excerpt(&line, Place { line: 1, column: 301, width: 1 });
        assert_eq!(shown.find('!'), mark.find('^'));
        assert_eq!(shown.chars().count(), MAX_SHOWN_CHARS + "  1 | ".len());
    }
}
