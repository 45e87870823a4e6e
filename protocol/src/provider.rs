//! Provider definitions: how one CLI signs in, as data. One TOML file each, so that a new provider needs no code.
//!
//! A definition says how to start the CLI, how its sign-in address looks, where its callback listens, which files
//! are the credentials and which fields prove that they are complete, and how a prompt is put to it afterwards. The host reads
//! the file and refuses what is wrong with it; the agent gets the same value as JSON and acts on it.

mod code;
mod contents;
mod credential;
mod field_path;
mod locate;
mod mistake;
mod prompt;
mod read;
mod recognise;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::agent::CapturedCredentials;

pub use code::{Device, Manual, ManualPage, PastedCodeError};
pub use contents::Format;
pub use credential::{CredentialProblem, CredentialRule, WriteStyle};
use mistake::Mistakes;
pub use mistake::{DefinitionError, Mistake, Place};
pub use prompt::{Extract, FailureRule, MAX_LINE_BYTES, Output, Prompt, PromptFailure, Said, Understanding};
pub use recognise::{FoundUrl, UrlKind, UrlRule, UrlSource};

/// Bound on the size of a definition file, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderDefinition {
    /// Lower-case letters, digits, underscores and hyphens; what the API calls `provider`.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Versions of the CLI that this definition was tried with.
    #[serde(default)]
    pub versions_tested: Vec<String>,
    /// Ways to start the sign-in; `browser` is the one that is used when nobody asks for another.
    pub launch: BTreeMap<String, Launch>,
    /// How the sign-in address is recognised; the first rule that fits counts.
    pub url: Vec<UrlRule>,
    /// Where the CLI waits for the browser to come back.
    pub callback: Option<Callback>,
    /// The terminal shows a code to be typed into the page.
    pub device: Option<Device>,
    /// The page shows a code to be typed into the terminal.
    pub manual: Option<Manual>,
    /// The files to capture. At least one has `require`, or is read off the terminal.
    pub credential: Vec<CredentialRule>,
    /// A command that says whether the CLI finds itself signed in.
    pub verify: Option<Verify>,
    /// How it answers prompts with what was captured; without it nobody can ask it any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Prompt>,
}

/// One way to start the sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// What a person chooses between when there are several ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Program and arguments; the program is looked up in the guest's `PATH`.
    pub argv: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Environment variables to remove.
    #[serde(default)]
    pub unset: BTreeSet<String>,
    /// Files to write into the home directory before the start, path to contents.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What to type when the terminal shows something, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A regular expression over the terminal's output, without control sequences.
    pub expect: String,
    /// What to type then; `\r` is Enter.
    pub send: String,
}

/// The CLI's own loopback listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    pub path: String,
    /// Ports it may use; empty means that only the redirect URI tells.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Whether the CLI needs its own redirects to be followed before it ends.
    #[serde(default)]
    pub follow_local_redirects: bool,
    /// A regular expression: where the CLI sends the browser after a callback that it has taken. Without it any answer
    /// that is no error counts.
    pub success_location: Option<String>,
    /// Whether a stray HTTP request leaves the sign-in unharmed.
    #[serde(default)]
    pub http_probe_safe: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    pub argv: Vec<String>,
    #[serde(default)]
    pub ok_rc: i32,
}

impl ProviderDefinition {
    /// The launch table that is used when nobody asks for another.
    pub const DEFAULT_LAUNCH: &str = "browser";

    /// Reads a definition file and checks everything that can be checked without running the CLI.
    ///
    /// # Errors
    /// With everything that is wrong, each at its place in the text.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(DefinitionError::TooLarge);
        }
        read::read(text)
    }

    /// The programs that must be in an image for this provider to be offered.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.launch.values().filter_map(|launch| launch.argv.first()).map(String::as_str)
    }

    /// Checks what the types do not say.
    ///
    /// # Errors
    /// Names the fields and what is expected of each.
    pub fn check(&self) -> Result<(), DefinitionError> {
        self.mistakes().end()
    }

    fn mistakes(&self) -> Mistakes {
        let mut mistakes = Mistakes::default();
        self.check_name(&mut mistakes);
        mistakes.expect(
            self.launch.contains_key(Self::DEFAULT_LAUNCH),
            "launch",
            "expected a table [launch.browser], the one that is used by default",
        );
        for (name, launch) in &self.launch {
            launch.check(&format!("launch.{name}"), &mut mistakes);
        }
        mistakes.expect(!self.url.is_empty(), "url", "expected at least one [[url]] rule");
        for (index, rule) in self.url.iter().enumerate() {
            rule.check(&format!("url[{index}]"), &mut mistakes);
        }
        if let Some(callback) = &self.callback {
            let problem = "expected a path that begins with a slash";
            mistakes.expect(callback.path.starts_with('/'), "callback.path", problem);
            if let Some(Err(problem)) = callback.success_location.as_deref().map(compile) {
                mistakes.add("callback.success_location", problem);
            }
        }
        if let Some(device) = &self.device {
            device.check(&mut mistakes);
        }
        if let Some(manual) = &self.manual {
            manual.check(&mut mistakes);
        }
        self.check_credentials(&mut mistakes);
        if let Some(verify) = &self.verify {
            mistakes.expect(has_program(&verify.argv), "verify.argv", "expected a program and its arguments");
        }
        if let Some(prompt) = &self.prompt {
            prompt.check(&mut mistakes);
        }
        mistakes
    }

    fn check_name(&self, mistakes: &mut Mistakes) {
        let of_id = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        mistakes.expect(
            (1..=32).contains(&self.id.len()) && self.id.bytes().all(of_id),
            "id",
            "expected 1 to 32 lower-case letters, digits, underscores and hyphens",
        );
        mistakes.expect(is_title(&self.name), "name", "expected 1 to 64 characters in one line");
    }

    fn check_credentials(&self, mistakes: &mut Mistakes) {
        for (index, rule) in self.credential.iter().enumerate() {
            rule.check(&format!("credential[{index}]"), mistakes);
        }
        let problem = "expected at most 16 files, more are not captured";
        mistakes.expect(
            self.credential.len() <= CapturedCredentials::MAX_FILES,
            format!("credential[{}]", CapturedCredentials::MAX_FILES),
            problem,
        );
        mistakes.expect(
            self.credential.iter().any(CredentialRule::is_proof),
            "credential",
            "expected at least one file with `require` or `pattern`, else nothing proves the sign-in",
        );
    }
}

impl Launch {
    fn check(&self, field: &str, mistakes: &mut Mistakes) {
        mistakes.expect(
            has_program(&self.argv),
            format!("{field}.argv"),
            "expected a program and its arguments",
        );
        let problem = "expected 1 to 64 characters in one line";
        mistakes.expect(self.title.as_deref().is_none_or(is_title), format!("{field}.title"), problem);
        let good = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
        let problem = "expected names of variables, without = in them";
        mistakes.expect(self.env.keys().all(good), format!("{field}.env"), problem);
        mistakes.expect(self.unset.iter().all(good), format!("{field}.unset"), problem);
        mistakes.expect(
            self.files.keys().all(|path| is_inside_home(path)),
            format!("{field}.files"),
            "expected paths inside the home directory, without ~ and without ..",
        );
        for (index, step) in self.steps.iter().enumerate() {
            if let Err(problem) = compile(&step.expect) {
                mistakes.add(format!("{field}.steps[{index}].expect"), problem);
            }
        }
    }
}

/// Something that a person reads in a list.
fn is_title(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 64 && !text.chars().any(char::is_control)
}

fn has_program(argv: &[String]) -> bool {
    argv.first().is_some_and(|program| !program.is_empty())
}

/// Patterns are bounded in size, and `regex` is linear in the text, so a definition cannot stall the agent. The error is
/// the last line of what `regex` says; the lines before it draw the pattern.
fn compile(pattern: &str) -> Result<regex::Regex, String> {
    let built = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
    built.map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("expected a regular expression: {reason}")
    })
}

fn is_inside_home(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 256
        && !path.contains('\0')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
