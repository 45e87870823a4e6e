//! Golden snapshots on disk: a desktop that is painted, in which no sign-in has begun, for clones to begin with.
//!
//! ```text
//!  snapshots/ ─┬─ KEY/  manifest.json · memory · state · disk     nobody goes there but their owner
//!              └─ .KEY.ID/                                        being made, or left by who was killed meanwhile
//! ```
//! The key is a digest of everything that a snapshot depends on: image, agent, kernel, VMM, processor, the machine's shape. What
//! does not fit any more is therefore not found, and never restored. Daemons may share a directory: whole directories are
//! renamed into place. Integrity is our own digest; what VMMs have in their files finds accidents and not attacks.

mod draft;
mod key;
mod manifest;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anteroom_protocol::VmId;
use time::OffsetDateTime;

use crate::{blocking, sparse, vmm::SnapshotFiles};
pub use draft::Draft;
pub use key::Key;
pub use manifest::{Manifest, Part};

const MANIFEST: &str = "manifest.json";
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// Of what a snapshot depends on, and of how it lies on disk.
const FORMAT: u32 = 1;
/// What was not finished within this time never will be.
const ABANDONED: Duration = Duration::from_secs(3600);

#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error(
        "{count} snapshots have a key that begins with {begin:?}; name exactly one of those that `anteroom snapshot ls` lists"
    )]
    Name { begin: String, count: usize },
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is no manifest of a snapshot: {reason}")]
    Manifest { path: PathBuf, reason: String },
    #[error("{path} is not what was written: {reason}")]
    Damaged { path: PathBuf, reason: String },
}

/// A directory of snapshots.
#[derive(Debug)]
pub struct Shelf {
    directory: PathBuf,
    /// Whose content this process has seen to be right.
    verified: Mutex<Vec<Key>>,
    /// The last that could not be restored.
    suspect: Mutex<Option<Key>>,
}

/// One that is whole.
#[derive(Debug, Clone)]
pub struct Snapshot {
    directory: PathBuf,
    pub manifest: Manifest,
}

impl Shelf {
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, verified: Mutex::default(), suspect: Mutex::default() }
    }

    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The one with that key, verified, which takes a while the first time. One that is damaged is removed, so that another can
    /// be made.
    ///
    /// # Errors
    /// When it is damaged, or cannot be read.
    pub async fn find(self: &Arc<Self>, key: &Key) -> Result<Option<Snapshot>, ShelfError> {
        let (shelf, key) = (Arc::clone(self), key.clone());
        blocking::run(move || {
            let found = shelf.look(&key);
            if let Err(ShelfError::Damaged { .. } | ShelfError::Manifest { .. }) = &found {
                shelf.remove(&key)?;
            }
            found
        })
        .await
    }

    fn look(&self, key: &Key) -> Result<Option<Snapshot>, ShelfError> {
        let snapshot = match Snapshot::read(&self.directory.join(key.as_str())) {
            Err(ShelfError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            other => other?,
        };
        if self.verified().contains(key) {
            snapshot.check_sizes()?;
        } else {
            snapshot.verify()?;
            self.verified().push(key.clone());
        }
        Ok(Some(snapshot))
    }

    /// All of them, the newest first, and those that cannot be read.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> Result<Vec<Result<Snapshot, ShelfError>>, ShelfError> {
        let mut snapshots: Vec<_> = self
            .entries()?
            .into_iter()
            .filter(|path| is_key(path))
            .map(|path| Snapshot::read(&path))
            .collect();
        snapshots.sort_by_key(|snapshot| {
            std::cmp::Reverse(snapshot.as_ref().ok().map(|snapshot| snapshot.manifest.made_at))
        });
        Ok(snapshots)
    }

    /// The only one whose key begins like this.
    ///
    /// # Errors
    /// When none does, or several do, or it cannot be read.
    pub fn named(&self, begin: &str) -> Result<Snapshot, ShelfError> {
        let fits = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(begin))
        };
        let found: Vec<_> = self.entries()?.into_iter().filter(|path| is_key(path)).filter(fits).collect();
        match &found[..] {
            [path] if !begin.is_empty() => Snapshot::read(path),
            _ => Err(ShelfError::Name { begin: begin.to_owned(), count: found.len() }),
        }
    }

    /// Removes one; clones that are being made of it have opened its files, or boot instead.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, key: &Key) -> Result<(), ShelfError> {
        self.verified().retain(|other| other != key);
        remove(&self.directory.join(key.as_str()))
    }

    /// It could not be restored. That may have been somebody else's fault once; the second time in a row it is removed. Says
    /// whether it was.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn blame(&self, key: &Key) -> Result<bool, ShelfError> {
        let again = self.suspect().replace(key.clone()).is_some_and(|suspect| suspect == *key);
        if again {
            self.clear(key);
            self.remove(key)?;
        }
        Ok(again)
    }

    /// It could be restored.
    pub fn clear(&self, key: &Key) {
        self.suspect().take_if(|suspect| suspect == key);
    }

    /// A place to make one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin(&self, key: &Key) -> Result<Draft, ShelfError> {
        let directory = self.directory.join(format!(".{key}.{}", VmId::random()));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|source| ShelfError::Io { path: directory.clone(), source })?;
        Ok(Draft { directory, target: self.directory.join(key.as_str()) })
    }

    /// Removes all but the newest, those that are older than `most_age`, and what was never finished. The one with the key
    /// that is in use stays. Says which are gone.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn collect(
        &self,
        in_use: &Manifest,
        keep: usize,
        most_age: Duration,
    ) -> Result<Vec<Key>, ShelfError> {
        let oldest = OffsetDateTime::now_utc() - most_age;
        let mut gone = Vec::new();
        // Those for another kind of VM are somebody else's to collect.
        let others = self.list()?.into_iter().flatten().filter(|Snapshot { manifest, .. }| {
            manifest.key != in_use.key && manifest.conditions.get("kind") == in_use.conditions.get("kind")
        });
        // The one in use is one of those that are kept.
        for (at, Snapshot { manifest, .. }) in others.enumerate() {
            if at + 1 >= keep || manifest.made_at < oldest {
                self.remove(&manifest.key)?;
                gone.push(manifest.key);
            }
        }
        for path in self.entries()?.into_iter().filter(|path| !is_key(path)).filter(|path| is_abandoned(path))
        {
            remove(&path)?;
        }
        Ok(gone)
    }

    fn entries(&self) -> Result<Vec<PathBuf>, ShelfError> {
        let failed = |source| ShelfError::Io { path: self.directory.clone(), source };
        match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries
                .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
                .map_err(failed),
        }
    }

    fn suspect(&self) -> std::sync::MutexGuard<'_, Option<Key>> {
        self.suspect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, Vec<Key>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    fn read(directory: &Path) -> Result<Self, ShelfError> {
        use std::io::Read as _;
        let path = directory.join(MANIFEST);
        let failed = |source| ShelfError::Io { path: path.clone(), source };
        let wrong = |reason: String| ShelfError::Manifest { path: path.clone(), reason };
        let mut text = String::new();
        let file = File::open(&path).map_err(failed)?;
        file.take(MAX_MANIFEST_BYTES).read_to_string(&mut text).map_err(failed)?;
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(wrong(format!("it has the format {}, not {FORMAT}", manifest.format)));
        }
        Ok(Self { directory: directory.to_owned(), manifest })
    }

    /// What a VMM restores.
    #[must_use]
    pub fn files(&self) -> SnapshotFiles {
        files(&self.directory)
    }

    /// What the clone's disk is a copy of.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        disk(&self.directory)
    }

    /// Reads everything again.
    ///
    /// # Errors
    /// [`ShelfError::Damaged`] with the first file that is not what was written.
    pub fn verify(&self) -> Result<(), ShelfError> {
        self.check_sizes()?;
        for (path, part) in self.parts() {
            let found = open(&path).and_then(|file| sparse::digest(&file));
            let found = found.map_err(|source| ShelfError::Io { path: path.clone(), source })?;
            if found != part.digest {
                return Err(ShelfError::Damaged { path, reason: "its content has changed".to_owned() });
            }
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), ShelfError> {
        for (path, part) in self.parts() {
            let length = open(&path)
                .and_then(|file| file.metadata())
                .map_err(|source| ShelfError::Io { path: path.clone(), source })?
                .len();
            if length != part.bytes {
                let reason = format!("it has {length} bytes instead of {}", part.bytes);
                return Err(ShelfError::Damaged { path, reason });
            }
        }
        Ok(())
    }

    fn parts(&self) -> [(PathBuf, &Part); 3] {
        let (SnapshotFiles { memory, state }, manifest) = (self.files(), &self.manifest);
        [(state, &manifest.state), (self.disk(), &manifest.disk), (memory, &manifest.memory)]
    }
}

fn files(directory: &Path) -> SnapshotFiles {
    SnapshotFiles { memory: directory.join("memory"), state: directory.join("state") }
}

fn disk(directory: &Path) -> PathBuf {
    directory.join("disk")
}

fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn is_key(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<Key>().is_ok())
}

fn is_abandoned(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > ABANDONED))
}

fn remove(path: &Path) -> Result<(), ShelfError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| ShelfError::Io { path: path.to_owned(), source }),
    }
}
