//! Provider definitions: how one CLI signs in, as data. One TOML file each, so that a new provider needs no code.
//!
//! A definition says how to start the CLI, how its sign-in address looks, where its callback listens, which files
//! are the credentials and which fields prove that they are complete. The host reads the file and refuses what is
//! wrong with it; the agent gets the same value as JSON and acts on it.

mod credential;
mod recognise;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use credential::{CredentialProblem, CredentialRule, Format, WriteStyle};
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
    /// The files to capture. At least one has `require`.
    pub credential: Vec<CredentialRule>,
    /// A command that says whether the CLI finds itself signed in.
    pub verify: Option<Verify>,
}

/// One way to start the sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
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

#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("the definition has {0} bytes, at most {MAX_FILE_BYTES} are read")]
    TooLarge(usize),
    /// Carries line and column.
    #[error("{0}")]
    Syntax(String),
    #[error("{field}: {problem}")]
    Field { field: String, problem: String },
}

impl ProviderDefinition {
    /// The launch table that is used when nobody asks for another.
    pub const DEFAULT_LAUNCH: &str = "browser";

    /// Reads a definition file and checks everything that can be checked without running the CLI.
    ///
    /// # Errors
    /// With the place in the file for syntax and unknown keys, with the field for everything else.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(DefinitionError::TooLarge(text.len()));
        }
        let definition: Self =
            toml::from_str(text).map_err(|error| DefinitionError::Syntax(error.to_string()))?;
        definition.check()?;
        Ok(definition)
    }

    /// The programs that must be in an image for this provider to be offered.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.launch.values().filter_map(|launch| launch.argv.first()).map(String::as_str)
    }

    /// Checks what the types do not say.
    ///
    /// # Errors
    /// Names the field and what is expected of it.
    pub fn check(&self) -> Result<(), DefinitionError> {
        let id_ok = (1..=32).contains(&self.id.len())
            && self
                .id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        expect(id_ok, "id", "expected 1 to 32 lower-case letters, digits, underscores and hyphens")?;
        expect(!self.name.trim().is_empty() && self.name.len() <= 64, "name", "expected 1 to 64 characters")?;
        expect(
            self.launch.contains_key(Self::DEFAULT_LAUNCH),
            "launch",
            "expected a table [launch.browser], the one that is used by default",
        )?;
        for (name, launch) in &self.launch {
            launch.check(&format!("launch.{name}"))?;
        }
        expect(!self.url.is_empty(), "url", "expected at least one [[url]] rule")?;
        for (index, rule) in self.url.iter().enumerate() {
            rule.check(&format!("url[{index}]"))?;
        }
        if let Some(callback) = &self.callback {
            expect(
                callback.path.starts_with('/'),
                "callback.path",
                "expected a path that begins with a slash",
            )?;
        }
        for (index, rule) in self.credential.iter().enumerate() {
            rule.check(&format!("credential[{index}]"))?;
        }
        let proves = self.credential.iter().any(CredentialRule::is_proof);
        expect(
            proves,
            "credential",
            "expected at least one file with `require`, else nothing proves the sign-in",
        )?;
        match &self.verify {
            Some(verify) => expect(!verify.argv.is_empty(), "verify.argv", "expected a program"),
            None => Ok(()),
        }
    }
}

impl Launch {
    fn check(&self, field: &str) -> Result<(), DefinitionError> {
        let program = self.argv.first().is_some_and(|program| !program.is_empty());
        expect(program, format!("{field}.argv"), "expected a program and its arguments")?;
        for name in self.env.keys().chain(&self.unset) {
            let good = !name.is_empty() && !name.contains(['=', '\0']);
            expect(good, format!("{field}.env"), "expected names without = in them")?;
        }
        for path in self.files.keys() {
            expect(
                is_inside_home(path),
                format!("{field}.files"),
                "expected paths inside the home directory",
            )?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            compile(&step.expect, &format!("{field}.steps[{index}].expect"))?;
        }
        Ok(())
    }
}

fn expect(good: bool, field: impl Into<String>, problem: &str) -> Result<(), DefinitionError> {
    if good {
        Ok(())
    } else {
        Err(DefinitionError::Field { field: field.into(), problem: problem.to_owned() })
    }
}

/// Patterns are bounded in size, and `regex` is linear in the text, so a definition cannot stall the agent.
fn compile(pattern: &str, field: &str) -> Result<regex::Regex, DefinitionError> {
    regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| DefinitionError::Field { field: field.to_owned(), problem: error.to_string() })
}

fn is_inside_home(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 256
        && !path.contains('\0')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
