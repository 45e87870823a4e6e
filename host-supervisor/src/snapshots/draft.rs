//! A snapshot that is being made: nobody finds it before it is whole.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{MANIFEST, Manifest, Part, ShelfError, Snapshot, disk, files, manifest::Parts};
use crate::vmm::SnapshotFiles;

/// One that is being made. It is removed when it is dropped before its end.
#[derive(Debug)]
pub struct Draft {
    pub(super) directory: PathBuf,
    pub(super) target: PathBuf,
}

impl Draft {
    #[must_use]
    pub fn files(&self) -> SnapshotFiles {
        files(&self.directory)
    }

    #[must_use]
    pub fn disk(&self) -> PathBuf {
        disk(&self.directory)
    }

    /// Measures what was written and puts it into its place. One of the same key, which another daemon has made meanwhile,
    /// stays. Reads everything, so not on the runtime's threads.
    ///
    /// # Errors
    /// When a file is missing or cannot be read.
    pub fn finish(self, describe: impl FnOnce(Parts) -> Manifest) -> Result<Snapshot, ShelfError> {
        let part =
            |path: &Path| Part::of(path).map_err(|source| ShelfError::Io { path: path.to_owned(), source });
        let SnapshotFiles { memory, state } = self.files();
        let parts = Parts { memory: part(&memory)?, state: part(&state)?, disk: part(&self.disk())? };
        let manifest = describe(parts);
        let path = self.directory.join(MANIFEST);
        let failed = |source| ShelfError::Io { path: path.clone(), source };
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        io::Write::write_all(&mut file, &text).and_then(|()| file.sync_all()).map_err(failed)?;
        match fs::rename(&self.directory, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(source) => return Err(ShelfError::Io { path: self.target.clone(), source }),
        }
        Snapshot::read(&self.target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there any more when it was finished.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
