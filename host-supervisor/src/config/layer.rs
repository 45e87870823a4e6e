//! The layers that settings come from, and which one wins.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Environment, KEYS, Key, directories::Directories, keys::Kind};
use crate::vault::MasterKey;

/// Variables that are no settings: the command line's own, and the master keys.
const OTHER_VARIABLES: &[&str] = &[
    "ANTEROOM_CONFIG",
    "ANTEROOM_URL",
    "ANTEROOM_CA",
    "ANTEROOM_API_KEY",
    MasterKey::VARIABLE,
    MasterKey::NEXT_VARIABLE,
];

/// Where a value came from; later ones win.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Environment { variable: String },
    Flag { flag: String },
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{key} is {text:?} ({source_of_value}): expected {expected}")]
    Value { key: &'static str, text: String, source_of_value: Source, expected: String },
    #[error("{place}: unknown setting {name:?}{}", did_you_mean(suggestion.as_deref()))]
    Unknown { place: String, name: String, suggestion: Option<String> },
    #[error("{place}: {name} cannot hold {what}")]
    Kind { place: String, name: String, what: &'static str },
    #[error(
        "{key} is a secret, and every process can read the arguments of another: put it into the file, into {variable}, \
         or into a file of its own"
    )]
    SecretFlag { key: &'static str, variable: String },
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Carries line and column.
    #[error("{path}: {problem}")]
    Syntax { path: PathBuf, problem: String },
}

/// The winning text of every setting.
#[derive(Clone)]
pub struct Layers {
    pub(super) values: BTreeMap<&'static str, (String, Source)>,
    /// What was read.
    pub(super) file: Option<FileRead>,
    warnings: Vec<String>,
}

/// A file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    pub path: PathBuf,
    /// SHA-256 of what was in it, in hexadecimal digits.
    pub digest: String,
}

impl FileRead {
    #[must_use]
    pub fn of(path: &Path, text: &str) -> Self {
        let digest = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: path.to_owned(), digest }
    }
}

impl Layers {
    /// Reads defaults, file, environment and flags (`--set key=value`, and those with names of their own).
    ///
    /// # Errors
    /// When the file cannot be read, or a file or flag names an unknown setting.
    pub fn gather(
        environment: &Environment,
        file: Option<&Path>,
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let directories = Directories::of(environment);
        let mut layers = Self::defaults(&directories);
        let named = Self::named_file(environment, file);
        let found = || directories.files.iter().find(|path| path.exists()).cloned();
        if let Some(path) = named.or_else(found) {
            let text =
                fs::read_to_string(&path).map_err(|source| ConfigError::Io { path: path.clone(), source })?;
            layers.add_file(&path, &text)?;
            layers.file = Some(FileRead::of(&path, &text));
        }
        layers.add_environment(environment);
        for (name, text) in flags {
            let key = find(name).ok_or_else(|| unknown("command line".into(), name))?;
            if key.kind == Kind::Secret && !text.is_empty() {
                return Err(ConfigError::SecretFlag { key: key.name, variable: key.variable() });
            }
            layers.set(key, text.clone(), Source::Flag { flag: name.clone() });
        }
        Ok(layers)
    }

    /// The file that somebody has named; without one, some places are looked at.
    pub(super) fn named_file(environment: &Environment, flag: Option<&Path>) -> Option<PathBuf> {
        flag.map(Path::to_owned).or_else(|| environment.get("ANTEROOM_CONFIG").map(PathBuf::from))
    }

    /// Reads one file over the defaults and nothing else: for `anteroom config check`.
    ///
    /// # Errors
    /// As [`Layers::gather`].
    pub fn of_file(environment: &Environment, path: &Path) -> Result<Self, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        let mut layers = Self::defaults(&Directories::of(environment));
        layers.add_file(path, &text)?;
        Ok(layers)
    }

    fn defaults(directories: &Directories) -> Self {
        let value = |key: &Key| (key.name, (key.default_text(directories), Source::Default));
        Self { values: KEYS.iter().map(value).collect(), file: None, warnings: Vec::new() }
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn winner(&self, key: &'static str) -> (&str, &Source) {
        const ABSENT: &(String, Source) = &(String::new(), Source::Default);
        let (text, source) = self.values.get(key).unwrap_or(ABSENT);
        (text, source)
    }

    fn set(&mut self, key: &Key, text: String, source: Source) {
        self.values.insert(key.name, (text, source));
    }

    fn add_environment(&mut self, environment: &Environment) {
        for key in KEYS {
            let legacy = key.legacy.and_then(|(name, convert)| Some((name, convert(environment.get(name)?))));
            if let Some((name, text)) = legacy {
                self.set(key, text, Source::Environment { variable: name.to_owned() });
            }
            let variable = key.variable();
            if let Some(text) = environment.get(&variable) {
                self.set(key, text.clone(), Source::Environment { variable });
            }
        }
        let variables: Vec<String> = KEYS.iter().map(Key::variable).collect();
        for name in environment.keys().filter(|name| name.starts_with("ANTEROOM_")) {
            let known = variables.contains(name) || OTHER_VARIABLES.contains(&name.as_str());
            if !known {
                let suggestion = nearest(name, variables.iter().map(String::as_str));
                self.warnings.push(format!(
                    "the variable {name} is no setting{}",
                    did_you_mean(suggestion.as_deref())
                ));
            }
        }
    }

    fn add_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            problem: problem_of(&error, text),
        })?;
        self.add_table(path, text, "", table.get_ref())
    }

    fn add_table(
        &mut self,
        path: &Path,
        text: &str,
        prefix: &str,
        table: &DeTable<'_>,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            let full = format!("{prefix}{}", name.get_ref());
            let line = line_of(text, name);
            let place = format!("{}:{line}", path.display());
            match (find(&full), value.get_ref()) {
                (Some(key), value) => {
                    let text = flat(value).ok_or_else(|| ConfigError::Kind {
                        place: place.clone(),
                        name: full.clone(),
                        what: "a value of this kind",
                    })?;
                    if key.kind == Kind::Secret && is_readable_by_others(path) {
                        self.warnings.push(format!(
                            "{place} holds {full} and is readable by others: run chmod 600 on it"
                        ));
                    }
                    self.set(key, text, Source::File { path: path.to_owned(), line });
                }
                (None, DeValue::Table(inner)) if is_prefix(&full) => {
                    self.add_table(path, text, &format!("{full}."), inner)?;
                }
                (None, _) if is_prefix(&full) => {
                    return Err(ConfigError::Kind { place, name: full, what: "a value: it is a table" });
                }
                (None, _) => return Err(unknown(place, &full)),
            }
        }
        Ok(())
    }
}

/// The text form of a value: lists and tables of names become `a,b` and `name=value,...`.
fn flat(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| scalar(item.get_ref())).collect();
            Some(items?.join(","))
        }
        DeValue::Table(entries) => {
            let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                Some(format!("{}={}", name.get_ref(), scalar(value.get_ref())?))
            };
            let entries: Option<Vec<String>> = entries.iter().map(entry).collect();
            Some(entries?.join(","))
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => None,
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::Array(_) | DeValue::Table(_) => None,
        _ => flat(value).filter(|text| !text.contains(',')),
    }
}

/// The parser's own words quote the line, which may be that of a secret.
fn problem_of(error: &toml::de::Error, text: &str) -> String {
    if !text.contains("secret") {
        return error.to_string().trim_end().to_owned();
    }
    let start = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
    format!("line {line}: {}", error.message())
}

fn is_readable_by_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

fn is_prefix(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn unknown(place: String, name: &str) -> ConfigError {
    let name: String = name.chars().take(80).collect();
    let suggestion = nearest(&name, KEYS.iter().map(|key| key.name));
    ConfigError::Unknown { place, name, suggestion }
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known.to_owned())
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || "; `anteroom config show` lists them all".to_owned(),
        |known| format!(", did you mean {known}?"),
    )
}

fn line_of<T>(text: &str, spanned: &Spanned<T>) -> usize {
    let start = spanned.span().start;
    1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count()
}

impl fmt::Debug for Layers {
    /// Without the texts: some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = self.values.iter().map(|(key, (_, source))| (key, source));
        f.write_str("Layers ")?;
        f.debug_map().entries(sources).finish()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}
