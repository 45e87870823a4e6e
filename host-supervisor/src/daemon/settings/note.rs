//! What a daemon notes of its settings in its state directory, so that `anteroom doctor` can tell whether they are still those of
//! the file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Reloader;
use crate::{config::FileRead, vmm::ProcessId};

/// Says something only as long as its daemon lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub daemon: ProcessId,
    pub file: Option<PathBuf>,
    /// Of the file as it was read.
    pub digest: Option<String>,
    /// Settings that wait for a restart.
    pub waiting: Vec<String>,
}

impl Note {
    pub const FILE_NAME: &str = "settings.json";

    pub(super) fn of(reloader: &Reloader) -> io::Result<Self> {
        let read = reloader.current().file();
        Ok(Self {
            daemon: ProcessId::of(std::process::id().cast_signed())?,
            file: read.map(|read| read.path.clone()),
            digest: read.map(|read| read.digest.clone()),
            waiting: reloader.waiting().iter().map(|key| (*key).to_owned()).collect(),
        })
    }

    pub(super) fn write(&self, state_directory: &Path) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(state_directory)?;
        serde_json::to_writer(&mut file, self)?;
        file.persist(state_directory.join(Self::FILE_NAME))?;
        Ok(())
    }

    /// The note of the daemon that runs there; `None` where none does, or none that this user may know of.
    #[must_use]
    pub fn read(state_directory: &Path) -> Option<Self> {
        let text = fs::read(state_directory.join(Self::FILE_NAME)).ok()?;
        let note: Self = serde_json::from_slice(&text).ok()?;
        note.daemon.is_alive().then_some(note)
    }

    /// Whether the file is another one by now.
    #[must_use]
    pub fn file_has_changed(&self) -> bool {
        let Some(path) = &self.file else { return false };
        let now = fs::read_to_string(path).ok().map(|text| FileRead::of(path, &text).digest);
        now != self.digest
    }
}
