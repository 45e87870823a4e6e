//! What a provider definition says of prompts, so that it is tried with the real CLI as a daemon would.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::path::Path;
use std::process::Command;

use anteroom_protocol::ProviderDefinition;
use anteroom_protocol::provider::{self, Output, PromptFailure, Understanding};
use serde_json::Value;

pub(crate) struct Prompt {
    prompt: provider::Prompt,
    understanding: Understanding,
}

impl Prompt {
    pub(crate) fn of(provider: &str) -> Self {
        let path = format!("../../host-supervisor/providers/{provider}.toml");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let prompt = ProviderDefinition::parse(&text).unwrap().prompt.unwrap();
        let understanding = prompt.understanding().unwrap();
        assert_eq!(understanding.output(), Output::JsonLines);
        Self { prompt, understanding }
    }

    /// Adds to the command of the CLI what the definition has behind its first word.
    pub(crate) fn complete(&self, command: &mut Command) {
        command.args(&self.prompt.command(None)[1..]).envs(&self.prompt.env);
        for name in &self.prompt.unset {
            command.env_remove(name);
        }
    }

    pub(crate) fn text(&self, lines: &[String]) -> String {
        lines.iter().filter_map(|line| self.understanding.line(line.as_bytes()).text).collect()
    }

    /// The last one.
    pub(crate) fn usage(&self, lines: &[String]) -> Value {
        let usage = lines.iter().rev().find_map(|line| self.understanding.line(line.as_bytes()).usage);
        usage.expect("usage")
    }

    /// The first line's that fits a rule.
    pub(crate) fn failure(&self, lines: &[String]) -> Option<PromptFailure> {
        lines.iter().find_map(|line| self.understanding.complaint(line))
    }
}
