//! The catalogue of provider definitions: those that come with Anteroom, and the operator's own.
//!
//! A file in the operator's directory adds a provider, or replaces the one with the same id; it counts from the next
//! question on, as `directory` explains. Which of them are offered depends on the image: a CLI that is not in it cannot be
//! started. Whoever has got a definition keeps it: a running session is not changed by a change of the file.

mod directory;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anteroom_protocol::provider::{DefinitionError, ProviderDefinition};

use directory::Directory;

/// The definitions that come with Anteroom: file name and text.
pub(crate) const EMBEDDED: &[(&str, &str)] = &[
    ("codex.toml", include_str!("../providers/codex.toml")),
    ("claude_code.toml", include_str!("../providers/claude_code.toml")),
    ("gemini_cli.toml", include_str!("../providers/gemini_cli.toml")),
    ("demo.toml", include_str!("../providers/demo.toml")),
    ("demo_auto.toml", include_str!("../providers/demo_auto.toml")),
    ("github_cli.toml", include_str!("../providers/github_cli.toml")),
    ("github_copilot.toml", include_str!("../providers/github_copilot.toml")),
    ("claude_setup_token.toml", include_str!("../providers/claude_setup_token.toml")),
];

/// Knows every definition, and which of them can be offered.
#[derive(Debug)]
pub struct Providers {
    embedded: BTreeMap<String, Arc<ProviderDefinition>>,
    own: Mutex<Directory>,
    /// What the image has; everything is offered when nobody knows.
    programs: Option<BTreeSet<String>>,
}

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
#[error("the provider definition {name}, which comes with Anteroom")]
pub struct ProvidersError {
    name: &'static str,
    #[source]
    source: DefinitionError,
}

/// A definition, and where it comes from.
#[derive(Debug, Clone)]
pub struct Known {
    pub definition: Arc<ProviderDefinition>,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program.
    BuiltIn,
    File(PathBuf),
}

/// A file of the operator's that is not right as it is now.
#[derive(Debug, Clone)]
pub struct Broken {
    pub path: PathBuf,
    pub problem: Arc<FileProblem>,
}

/// Why a file is no definition.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it defines the provider {id}, which {first} does as well")]
    Twice { id: String, first: PathBuf },
}

/// Reads and checks one definition file, wherever it is.
///
/// # Errors
/// When it cannot be read, or is no definition.
pub fn read(path: &Path) -> Result<ProviderDefinition, FileProblem> {
    directory::read(path)
}

impl Providers {
    /// The embedded definitions, and `*.toml` of this directory, which need not exist.
    ///
    /// # Errors
    /// Only for an embedded one. A file that is broken is logged and left out, now and later.
    pub fn load(directory: &Path) -> Result<Self, ProvidersError> {
        let mut embedded = BTreeMap::new();
        for &(name, text) in EMBEDDED {
            let definition =
                ProviderDefinition::parse(text).map_err(|source| ProvidersError { name, source })?;
            embedded.insert(definition.id.clone(), Arc::new(definition));
        }
        let mut own = Directory::new(directory);
        own.look();
        Ok(Self { embedded, own: Mutex::new(own), programs: None })
    }

    /// Only those whose programs are all among these, the programs of an image, are offered.
    #[must_use]
    pub fn offered_by(self, programs: &BTreeSet<String>) -> Self {
        Self { programs: Some(programs.clone()), ..self }
    }

    /// The definition as it is now, if it is offered.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<ProviderDefinition>> {
        self.offered().into_iter().find(|definition| definition.id == id)
    }

    /// Those that can be signed in to, in the order of their ids.
    #[must_use]
    pub fn offered(&self) -> Vec<Arc<ProviderDefinition>> {
        let (known, _) = self.all();
        let offered = known.into_iter().filter(|known| self.missing(&known.definition).is_empty());
        offered.map(|known| known.definition).collect()
    }

    /// Every definition in the order of the ids, offered or not, and the files that are broken.
    #[must_use]
    pub fn all(&self) -> (Vec<Known>, Vec<Broken>) {
        let builtin =
            |definition: &Arc<_>| Known { definition: Arc::clone(definition), origin: Origin::BuiltIn };
        let mut by_id: BTreeMap<String, Known> =
            self.embedded.iter().map(|(id, definition)| (id.clone(), builtin(definition))).collect();
        let (mut taken, mut broken) = (BTreeSet::new(), Vec::new());
        // Whoever panicked while holding it has left a catalogue that is right as far as it goes.
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.look();
        for (path, file) in own.files() {
            // Of two files with one id the first by name counts, as the other was told.
            if let Some(good) = &file.good
                && taken.insert(good.id.clone())
            {
                let origin = Origin::File(path.clone());
                by_id.insert(good.id.clone(), Known { definition: Arc::clone(good), origin });
            }
            if let Some(problem) = &file.problem {
                broken.push(Broken { path: path.clone(), problem: Arc::clone(problem) });
            }
        }
        (by_id.into_values().collect(), broken)
    }

    /// The image's; unknown when nobody has said them.
    #[must_use]
    pub fn programs(&self) -> Option<&BTreeSet<String>> {
        self.programs.as_ref()
    }

    /// The programs of this definition that the image has not.
    #[must_use]
    pub fn missing(&self, definition: &ProviderDefinition) -> BTreeSet<String> {
        let Some(programs) = &self.programs else { return BTreeSet::new() };
        definition.programs().filter(|&program| !programs.contains(program)).map(str::to_owned).collect()
    }
}
