//! What is typed for the person: when the terminal shows a text, in the order of the definition.

use std::collections::VecDeque;

use anteroom_protocol::provider::Step;
use regex::Regex;

/// How much of the text is looked at: a question and what stands around it.
const WINDOW_BYTES: usize = 8 * 1024;

#[derive(Debug)]
pub(super) struct Steps {
    left: VecDeque<(Regex, Vec<u8>)>,
    /// Counts those that were answered.
    answered: usize,
    /// What was shown since the last answer.
    window: String,
}

impl Steps {
    /// Patterns were checked when the definition was; one that is none ends the list, as what follows depends on it.
    pub(super) fn new(steps: &[Step]) -> Self {
        let compiled = steps.iter().map_while(|step| {
            let pattern = regex::RegexBuilder::new(&step.expect).size_limit(1 << 20).build().ok()?;
            Some((pattern, step.send.clone().into_bytes()))
        });
        Self { left: compiled.collect(), answered: 0, window: String::new() }
    }

    /// What to type, now that this text (without control sequences) was shown as well; each with its number, from 1.
    pub(super) fn answers(&mut self, text: &str) -> Vec<(usize, Vec<u8>)> {
        let mut answers = Vec::new();
        if self.left.is_empty() {
            return answers;
        }
        self.window.push_str(text);
        while let Some((pattern, _)) = self.left.front() {
            let Some(end) = pattern.find(&self.window).map(|found| found.end()) else { break };
            // A text is answered once, so what comes next is looked for behind it.
            self.window.drain(..end);
            if let Some((_, answer)) = self.left.pop_front() {
                self.answered += 1;
                answers.push((self.answered, answer));
            }
        }
        self.forget();
        answers
    }

    fn forget(&mut self) {
        let surplus = self.window.len().saturating_sub(WINDOW_BYTES);
        let cut = (surplus..=self.window.len()).find(|at| self.window.is_char_boundary(*at));
        self.window.drain(..cut.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(list: &[(&str, &str)]) -> Steps {
        let step = |(expect, send): &(&str, &str)| Step { expect: (*expect).into(), send: (*send).into() };
        Steps::new(&list.iter().map(step).collect::<Vec<_>>())
    }

    #[test]
    fn a_question_that_comes_in_pieces_is_answered_once() {
        let mut steps = steps(&[(r"\[Y/n\]", "y\r")]);
        assert!(steps.answers("Do you want to continue? [Y").is_empty());
        assert_eq!(steps.answers("/n]: "), [(1, b"y\r".to_vec())]);
        assert!(steps.answers("[Y/n]").is_empty());
    }

    #[test]
    fn steps_keep_their_order() {
        let mut steps = steps(&[("first", "1"), ("second", "2")]);
        assert!(steps.answers("second ").is_empty());
        assert_eq!(steps.answers("first second"), [(1, b"1".to_vec()), (2, b"2".to_vec())]);
    }

    #[test]
    fn the_window_does_not_grow() {
        let mut steps = steps(&[("never", "x")]);
        for _ in 0..100 {
            steps.answers(&"\u{e4}".repeat(1000));
        }
        assert!(steps.window.len() <= WINDOW_BYTES);
    }
}
