//! How a CLI answers a prompt: what is run, and how what it says is understood.
//!
//! The prompt comes by standard input, so that it stands in no list of processes. A CLI that speaks JSON line by line is
//! understood by rules: where in a line the answer's text is, and where it says how much was used. Why a CLI fails, it says in
//! words only, so those are recognised by patterns.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use regex::RegexSet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{compile, field_path::FieldPath, has_program, is_inside_home, mistake::Mistakes};

/// Of one line of a CLI that speaks JSON, in bytes. Some put a whole tool's output into one.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// The table `[prompt]`: how a prompt is run with the credentials that were captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Program and arguments; the program is looked up in the guest's `PATH`.
    pub argv: Vec<String>,
    /// Added for one that asks for a model by its name (`{model}` is replaced by it).
    #[serde(default)]
    pub model_argv: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Environment variables to remove.
    #[serde(default)]
    pub unset: BTreeSet<String>,
    /// Files to write into the home directory where they are not there yet, path to contents.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    #[serde(default)]
    pub output: Output,
    /// Where the answer's text is in a line; the first rule that fits counts.
    #[serde(default)]
    pub text: Vec<Extract>,
    /// Where a line says how much was used; the last one counts.
    #[serde(default)]
    pub usage: Vec<Extract>,
    /// Lines of output or errors that say why it fails; the first rule that fits counts.
    #[serde(default)]
    pub failure: Vec<FailureRule>,
}

/// What a CLI writes to standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// The answer, as it comes.
    #[default]
    Text,
    /// One JSON value in each line.
    JsonLines,
}

/// Something that a line may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extract {
    /// Field path to the string that it must hold; all must, and without any every line fits.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// The field path of what is taken, in the words of [`CredentialRule::require`](super::CredentialRule::require). A number is
    /// also an item of a list; with `*`, everything that it leads to is taken.
    pub take: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRule {
    pub code: PromptFailure,
    /// A regular expression over one line.
    pub pattern: String,
}

/// What a CLI can complain about that somebody else has to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptFailure {
    /// It finds no credentials, or nothing that it takes for some.
    NotSignedIn,
    /// The provider does not take them any more: somebody has to sign in again.
    TokenRefused,
    /// The subscription is used up for now.
    UsageLimit,
}

/// What one line says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// A part of the answer.
    pub text: Option<String>,
    /// The line itself, where it is JSON.
    pub event: Option<Value>,
    pub usage: Option<Value>,
}

/// A definition's rules, made ready for many lines.
#[derive(Debug)]
pub struct Understanding {
    output: Output,
    text: Vec<Extract>,
    usage: Vec<Extract>,
    complaints: RegexSet,
    codes: Vec<PromptFailure>,
}

impl Prompt {
    /// The command line, for a model of that name or the CLI's own choice.
    #[must_use]
    pub fn command(&self, model: Option<&str>) -> Vec<String> {
        let of_model = model.into_iter().flat_map(|model| {
            self.model_argv.iter().map(move |argument| argument.replace(Self::MODEL, model))
        });
        let (program, rest) = self.argv.split_at(self.argv.len().min(1));
        // Before a last argument that may be a dash for standard input.
        let (middle, last) = rest.split_at(rest.len().saturating_sub(1));
        program.iter().chain(middle).cloned().chain(of_model).chain(last.iter().cloned()).collect()
    }

    /// Stands for the model's name in [`Prompt::model_argv`].
    const MODEL: &str = "{model}";

    /// # Errors
    /// Never for a definition that was checked.
    pub fn understanding(&self) -> Result<Understanding, regex::Error> {
        Ok(Understanding {
            output: self.output,
            text: self.text.clone(),
            usage: self.usage.clone(),
            complaints: RegexSet::new(self.failure.iter().map(|rule| &rule.pattern))?,
            codes: self.failure.iter().map(|rule| rule.code).collect(),
        })
    }

    pub(super) fn check(&self, mistakes: &mut Mistakes) {
        mistakes.expect(has_program(&self.argv), "prompt.argv", "expected a program and its arguments");
        let names_model = self.model_argv.iter().any(|argument| argument.contains(Self::MODEL));
        mistakes.expect(
            self.model_argv.is_empty() || names_model,
            "prompt.model_argv",
            "expected an argument with {model} in it",
        );
        let good = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
        let problem = "expected names of variables, without = in them";
        mistakes.expect(self.env.keys().all(good), "prompt.env", problem);
        mistakes.expect(self.unset.iter().all(good), "prompt.unset", problem);
        mistakes.expect(
            self.files.keys().all(|path| is_inside_home(path)),
            "prompt.files",
            "expected paths inside the home directory, without ~ and without ..",
        );
        mistakes.expect(
            self.output == Output::Text || !self.text.is_empty(),
            "prompt.text",
            "expected a rule that says where in a line the text is",
        );
        mistakes.expect(
            self.output == Output::JsonLines || (self.text.is_empty() && self.usage.is_empty()),
            "prompt.output",
            "expected json-lines: there are rules about the fields of a line",
        );
        for (kind, rules) in [("text", &self.text), ("usage", &self.usage)] {
            for (index, rule) in rules.iter().enumerate() {
                rule.check(&format!("prompt.{kind}[{index}]"), mistakes);
            }
        }
        for (index, rule) in self.failure.iter().enumerate() {
            if let Err(problem) = compile(&rule.pattern) {
                mistakes.add(format!("prompt.failure[{index}].pattern"), problem);
            }
        }
    }
}

impl Extract {
    fn check(&self, field: &str, mistakes: &mut Mistakes) {
        let problem = "expected dotted paths such as message.text";
        let good = |path: &String| FieldPath::parse(path).is_some();
        mistakes.expect(self.when.keys().all(good), format!("{field}.when"), problem);
        mistakes.expect(good(&self.take), format!("{field}.take"), problem);
    }

    fn found_in<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let at = |path: &str| FieldPath::parse(path).map(|path| path.values(value)).unwrap_or_default();
        let holds = |(path, wanted): (&String, &String)| {
            at(path).first().and_then(|found| found.as_str()) == Some(wanted)
        };
        if self.when.iter().all(holds) { at(&self.take) } else { Vec::new() }
    }
}

impl Understanding {
    #[must_use]
    pub fn output(&self) -> Output {
        self.output
    }

    /// What a whole line of standard output says, of a CLI that speaks JSON. One that is no JSON says nothing: CLIs warn there.
    #[must_use]
    pub fn line(&self, line: &[u8]) -> Said {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return Said::default() };
        let first = |rules: &[Extract]| {
            rules.iter().map(|rule| rule.found_in(&event)).find(|found| !found.is_empty())
        };
        let text = first(&self.text).map(|found| found.into_iter().filter_map(Value::as_str).collect());
        let usage = first(&self.usage).and_then(|found| found.last().map(|value| (*value).clone()));
        Said { text: text.filter(|text: &String| !text.is_empty()), usage, event: Some(event) }
    }

    /// What a line of output or errors complains about.
    #[must_use]
    pub fn complaint(&self, line: &str) -> Option<PromptFailure> {
        self.complaints.matches(line).iter().next().and_then(|index| self.codes.get(index).copied())
    }
}
