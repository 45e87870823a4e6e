//! What the program says on standard output: a line of JSON for everything that happens, or only the text.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    JsonLines,
    Text,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Told {
    Start,
    Text { text: String },
    Usage { usage: Value },
    End,
}

impl Output {
    /// Is seen at once, also in a pipe.
    pub(crate) fn tell(self, told: Told) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.written(&told)?.as_bytes())?;
        out.flush()
    }

    fn written(self, told: &Told) -> io::Result<String> {
        Ok(match (self, told) {
            (Self::JsonLines, told) => serde_json::to_string(told)? + "\n",
            (Self::Text, Told::Text { text }) => text.clone(),
            (Self::Text, Told::End) => "\n".to_owned(),
            (Self::Text, Told::Start | Told::Usage { .. }) => String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_happening_is_a_line_or_only_the_text_is_told() {
        let usage = json!({ "input_tokens": 1, "output_tokens": 2 });
        let told = [Told::Start, Told::Text { text: "a\n".to_owned() }, Told::Usage { usage }, Told::End];
        let all = |output: Output| told.iter().map(|told| output.written(told).unwrap()).collect::<String>();
        assert_eq!(
            all(Output::JsonLines),
            "{\"type\":\"start\"}\n{\"type\":\"text\",\"text\":\"a\\n\"}\n\
             {\"type\":\"usage\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}\n{\"type\":\"end\"}\n"
        );
        assert_eq!(all(Output::Text), "a\n\n");
    }
}
