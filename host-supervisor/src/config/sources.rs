//! Where the settings of this process come from, so that they can be read again.

use std::path::PathBuf;

use super::{Config, ConfigError, Environment, Layers, directories::Directories};

/// A file, which can change, and variables and flags, which a process keeps as long as it lives.
#[derive(Debug, Clone)]
pub struct Sources {
    pub environment: Environment,
    /// The file that was named by a flag.
    pub file: Option<PathBuf>,
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// # Errors
    /// As [`Layers::gather`] and [`Config::load`].
    pub fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&Layers::gather(&self.environment, self.file.as_deref(), &self.flags)?)
    }

    /// The files of which the first that exists is read, whether there is one or not.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match Layers::named_file(&self.environment, self.file.as_deref()) {
            Some(file) => vec![file],
            None => Directories::of(&self.environment).files,
        }
    }
}
