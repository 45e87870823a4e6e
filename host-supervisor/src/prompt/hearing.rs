//! What a CLI says, understood as its definition has it.

use anteroom_protocol::provider::{MAX_LINE_BYTES, Output, PromptFailure, Understanding};
use serde_json::Value;

use super::{
    lines::{Lines, Tail, Text},
    story::PromptEvent,
};
use crate::{agent::Piece, failure::Failure};

/// What the CLI has said so far.
pub(super) struct Hearing {
    understanding: Understanding,
    lines: Lines,
    text: Text,
    pub(super) complaint: Tail,
    complaint_lines: Lines,
    pub(super) usage: Option<Value>,
    pub(super) failure: Option<PromptFailure>,
}

impl Hearing {
    pub(super) fn new(understanding: Understanding) -> Self {
        Self {
            understanding,
            lines: Lines::new(MAX_LINE_BYTES),
            text: Text::default(),
            complaint: Tail::default(),
            complaint_lines: Lines::new(Failure::MAX_LINE_CHARS * 4),
            usage: None,
            failure: None,
        }
    }

    /// What is to be told of it.
    pub(super) fn hear(&mut self, piece: Piece) -> Vec<PromptEvent> {
        match piece {
            Piece::Complaint(bytes) => {
                self.complaint.push(&bytes);
                let lines = self.complaint_lines.push(&bytes);
                lines.iter().for_each(|line| self.look_for_failure(line));
                Vec::new()
            }
            Piece::Output(bytes) => {
                let lines = self.lines.push(&bytes);
                lines.iter().for_each(|line| self.look_for_failure(line));
                match self.understanding.output() {
                    Output::Text => Self::of_text(self.text.push(&bytes)).into_iter().collect(),
                    Output::JsonLines => lines.iter().filter_map(|line| self.of_line(line)).collect(),
                }
            }
        }
    }

    /// What was cut off by the end.
    pub(super) fn last(&mut self) -> Vec<PromptEvent> {
        for line in [self.lines.last(), self.complaint_lines.last()].into_iter().flatten() {
            self.look_for_failure(&line);
            if self.understanding.output() == Output::JsonLines
                && let Some(chunk) = self.of_line(&line)
            {
                return vec![chunk];
            }
        }
        Self::of_text(self.text.last()).into_iter().collect()
    }

    fn of_text(text: String) -> Option<PromptEvent> {
        (!text.is_empty()).then_some(PromptEvent::Chunk { text: Some(text), event: None })
    }

    fn of_line(&mut self, line: &[u8]) -> Option<PromptEvent> {
        let said = self.understanding.line(line);
        self.usage = said.usage.or(self.usage.take());
        let event = said.event?;
        Some(PromptEvent::Chunk { text: said.text, event: Some(event) })
    }

    fn look_for_failure(&mut self, line: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.understanding.complaint(&String::from_utf8_lossy(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::provider::Prompt;
    use bytes::Bytes;

    use super::*;

    fn hearing(prompt: &str) -> Hearing {
        Hearing::new(toml::from_str::<Prompt>(prompt).unwrap().understanding().unwrap())
    }

    fn output(text: &'static str) -> Piece {
        Piece::Output(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn text_is_told_as_it_comes_and_what_it_complains_about_is_noticed_in_either_stream() {
        let mut hearing =
            hearing("argv = [\"t\"]\n[[failure]]\ncode = \"token_refused\"\npattern = 'revoked'");
        let told = hearing.hear(output("half a"));
        assert_eq!(told, [PromptEvent::Chunk { text: Some("half a".into()), event: None }]);
        assert!(hearing.hear(Piece::Complaint(Bytes::from_static(b"token rev"))).is_empty());
        assert_eq!(hearing.failure, None, "the line is not whole yet");
        assert!(hearing.last().is_empty());
        assert_eq!(hearing.failure, None);
        hearing.hear(Piece::Complaint(Bytes::from_static(b"it was revoked\n")));
        assert_eq!(hearing.failure, Some(PromptFailure::TokenRefused));
        assert_eq!(hearing.complaint.text().unwrap(), "token revit was revoked");
    }

    #[test]
    fn of_lines_of_json_each_is_told_and_the_last_usage_counts() {
        let mut hearing = hearing(
            "argv = [\"t\"]\noutput = \"json-lines\"\n[[text]]\ntake = \"text\"\n[[usage]]\ntake = \"usage\"",
        );
        let told =
            hearing.hear(output("{\"text\":\"a\"}\nWarning: no JSON\n{\"usage\":1}\n{\"usage\":2}\n{\"te"));
        assert_eq!(told.len(), 3);
        assert_eq!(hearing.usage, Some(2.into()));
        let told = hearing.hear(output("xt\":\"b\"}"));
        assert!(told.is_empty());
        let last = hearing.last();
        assert!(
            matches!(&last[..], [PromptEvent::Chunk { text: Some(text), .. }] if text == "b"),
            "{last:?}"
        );
    }
}
