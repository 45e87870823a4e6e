//! The catalogue of provider definitions: those that come with Anteroom, and the operator's own.
//!
//! A file in the operator's directory adds a provider, or replaces the one with the same id. Which of them are offered
//! depends on the image: a CLI that is not in it cannot be started.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use anteroom_protocol::provider::{DefinitionError, MAX_FILE_BYTES, ProviderDefinition};

/// The definitions that come with Anteroom: file name and text.
const EMBEDDED: &[(&str, &str)] = &[
    ("codex.toml", include_str!("../providers/codex.toml")),
    ("claude_code.toml", include_str!("../providers/claude_code.toml")),
    ("gemini_cli.toml", include_str!("../providers/gemini_cli.toml")),
    ("demo.toml", include_str!("../providers/demo.toml")),
    ("demo_auto.toml", include_str!("../providers/demo_auto.toml")),
];

#[derive(Debug, Clone)]
pub struct Providers {
    by_id: BTreeMap<String, ProviderDefinition>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    #[error("the provider definition {path}")]
    Definition {
        path: PathBuf,
        #[source]
        source: DefinitionError,
    },
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{first} and {second} both define the provider {id}")]
    Twice { id: String, first: PathBuf, second: PathBuf },
}

impl Providers {
    /// Reads the embedded definitions and then `*.toml` of this directory, which need not exist.
    ///
    /// # Errors
    /// With the file and what is wrong in it.
    pub fn load(directory: &Path) -> Result<Self, ProvidersError> {
        let mut by_id = BTreeMap::new();
        for (name, text) in EMBEDDED {
            let definition = parse(Path::new(name), text)?;
            by_id.insert(definition.id.clone(), definition);
        }
        let mut own: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in files(directory)? {
            let definition = parse(&path, &read(&path)?)?;
            if let Some(first) = own.insert(definition.id.clone(), path.clone()) {
                return Err(ProvidersError::Twice { id: definition.id, first, second: path });
            }
            by_id.insert(definition.id.clone(), definition);
        }
        Ok(Self { by_id })
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<&ProviderDefinition> {
        self.by_id.get(id)
    }

    /// Only those whose programs are all among these, the programs of an image.
    #[must_use]
    pub fn offered_by(mut self, programs: &BTreeSet<String>) -> Self {
        self.by_id.retain(|_, definition| definition.programs().all(|program| programs.contains(program)));
        self
    }

    /// In the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &ProviderDefinition> {
        self.by_id.values()
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, ProvidersError> {
    let io = |source| ProvidersError::Io { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads one byte more than a definition may have, so that the parser can refuse it.
fn read(path: &Path) -> Result<String, ProvidersError> {
    use io::Read as _;
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_string(&mut text))
        .map_err(|source| ProvidersError::Io { path: path.to_owned(), source })?;
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<ProviderDefinition, ProvidersError> {
    ProviderDefinition::parse(text)
        .map_err(|source| ProvidersError::Definition { path: path.to_owned(), source })
}
