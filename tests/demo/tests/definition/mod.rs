//! What a provider definition says of prompts, read from the definition itself, so that it is tried with the real CLI.
//!
//! Only what the real definitions use: no `*` in a path.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Definition {
    prompt: Prompt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompt {
    argv: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    unset: Vec<String>,
    output: String,
    text: Vec<Rule>,
    usage: Vec<Rule>,
    failure: Vec<Failure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    when: BTreeMap<String, String>,
    take: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    code: String,
    pattern: String,
}

impl Prompt {
    pub(crate) fn of(provider: &str) -> Self {
        let path = format!("../../host-supervisor/providers/{provider}.toml");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let Definition { prompt } = toml::from_str(&text).unwrap();
        assert_eq!(prompt.output, "json-lines");
        prompt
    }

    /// Adds to the command of the CLI what the definition has behind its first word.
    pub(crate) fn complete(&self, command: &mut Command) {
        command.args(&self.argv[1..]).envs(&self.env);
        for name in &self.unset {
            command.env_remove(name);
        }
    }

    pub(crate) fn text(&self, lines: &[String]) -> String {
        taken(&self.text, lines).iter().map(|text| text.as_str().unwrap()).collect()
    }

    /// The last one.
    pub(crate) fn usage(&self, lines: &[String]) -> Value {
        taken(&self.usage, lines).pop().expect("usage")
    }

    /// The code of the first line that fits one.
    pub(crate) fn failure(&self, lines: &[String]) -> Option<&str> {
        let fits = |rule: &&Failure, line: &str| Regex::new(&rule.pattern).unwrap().is_match(line);
        let code = |line: &String| self.failure.iter().find(|rule| fits(rule, line));
        lines.iter().find_map(code).map(|rule| rule.code.as_str())
    }
}

fn taken(rules: &[Rule], lines: &[String]) -> Vec<Value> {
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter_map(|line| Some(field(&line, &rules.iter().find(|rule| rule.fits(&line))?.take)?.clone()))
        .collect()
}

impl Rule {
    fn fits(&self, line: &Value) -> bool {
        self.when.iter().all(|(path, value)| field(line, path).is_some_and(|found| found == value))
    }
}

fn field<'a>(line: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(line, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })
}
