//! The operator's own definitions: `*.toml` of one directory, read again when they have changed.
//!
//! ```text
//!             right                      wrong
//!  (new) ─────────────▶ good ◀──────────────────────▶ good, and broken: the last good definition stays
//!    └── wrong ──▶ broken ──right──▶ good             a file that is removed takes its definition along
//! ```
//! Nothing here watches. Whoever asks for a definition has the directory looked at first: one `readdir` and one `stat` for
//! each of a handful of files, which takes microseconds, and only what has changed is read. A watcher would be a task and
//! a kernel resource that can run out, would have to be armed anew when the directory is made, moved or mounted over, and
//! would still be late for the request that follows on a copy. Here an answer is never older than its question.
//!
//! The clock of a file system is coarse, so two changes can look like one. A file that has changed only just now is
//! therefore read again at the next look. Each change is logged once, when it is first seen.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anteroom_protocol::provider::{DefinitionError, MAX_FILE_BYTES, ProviderDefinition};

use super::FileProblem;

/// More than one tick of any file system's clock that a directory of ours is likely to be on.
const CLOCK_TICK: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    files: BTreeMap<PathBuf, File>,
    /// Why the directory could not be listed the last time.
    problem: Option<io::ErrorKind>,
}

#[derive(Debug)]
pub(super) struct File {
    stamp: Stamp,
    /// It was read so soon after its change that another one might not show.
    fresh: bool,
    /// As it was when it was last right.
    pub(super) good: Option<Arc<ProviderDefinition>>,
    /// Why it is not right now.
    pub(super) problem: Option<Arc<FileProblem>>,
}

/// What changes when a file does. The change time is the kernel's own: nobody can set it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: (u64, u64),
}

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), files: BTreeMap::new(), problem: None }
    }

    /// In the order of their names.
    pub(super) fn files(&self) -> impl Iterator<Item = (&PathBuf, &File)> {
        self.files.iter()
    }

    /// Reads what has changed. A directory that cannot be listed changes nothing; one that is not there is empty.
    pub(super) fn look(&mut self) {
        match list(&self.path) {
            Ok(found) => {
                self.problem = None;
                self.take(found);
            }
            Err(error) if self.problem != Some(error.kind()) => {
                self.problem = Some(error.kind());
                tracing::warn!(path = %self.path.display(), "provider definitions cannot be looked for: {error}");
            }
            Err(_) => {}
        }
    }

    fn take(&mut self, found: BTreeMap<PathBuf, Stamp>) {
        self.files.retain(|path, file| {
            let stays = found.contains_key(path);
            if let (false, Some(good)) = (stays, &file.good) {
                tracing::info!(path = %path.display(), provider = good.id, "provider definition removed");
            }
            stays
        });
        for (path, stamp) in found {
            let known = self.files.remove(&path);
            let file = match known {
                Some(file) if file.stamp == stamp && !file.fresh => file,
                known => File::read(&path, stamp, known),
            };
            self.files.insert(path, file);
        }
        self.settle_ids();
    }

    /// Two files with one id: the first by name has it, the other is told so.
    fn settle_ids(&mut self) {
        let mut owners: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (path, file) in &mut self.files {
            let Some(good) = &file.good else { continue };
            let was_second = matches!(file.problem.as_deref(), Some(FileProblem::Twice { .. }));
            match owners.get(&good.id) {
                Some(first) if file.problem.is_none() => {
                    let problem = FileProblem::Twice { id: good.id.clone(), first: first.clone() };
                    tracing::warn!(path = %path.display(), "{problem}; this one is not used");
                    file.problem = Some(Arc::new(problem));
                }
                Some(_) => {}
                None => {
                    owners.insert(good.id.clone(), path.clone());
                    if was_second {
                        file.problem = None;
                    }
                }
            }
        }
    }
}

impl File {
    fn read(path: &Path, stamp: Stamp, known: Option<Self>) -> Self {
        let fresh = stamp.is_fresh();
        let (good, problem) = known.map_or((None, None), |known| (known.good, known.problem));
        match read(path) {
            // Whoever asks twice gets the very same, and a file with a taken id stays told.
            Ok(definition) if good.as_deref() == Some(&definition) => {
                let problem = problem.filter(|problem| matches!(**problem, FileProblem::Twice { .. }));
                Self { stamp, fresh, good, problem }
            }
            Ok(definition) => {
                tracing::info!(path = %path.display(), provider = definition.id, "provider definition read");
                Self { stamp, fresh, good: Some(Arc::new(definition)), problem: None }
            }
            Err(now) => {
                if problem.is_none_or(|before| before.to_string() != now.to_string()) {
                    let kept = if good.is_some() { "; its last good definition stays" } else { "" };
                    tracing::warn!(path = %path.display(), "provider definition refused: {now}{kept}");
                }
                Self { stamp, fresh, good, problem: Some(Arc::new(now)) }
            }
        }
    }
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            size_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }

    /// Whether the change is so recent, or so far in the future, that the clock may not tell it from the next.
    fn is_fresh(&self) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
            + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0));
        let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since);
        age.map_or(true, |age| age < CLOCK_TICK)
    }
}

/// Regular files, or links to such, that end in `.toml`; hidden ones are an editor's.
fn list(directory: &Path) -> io::Result<BTreeMap<PathBuf, Stamp>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden || path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                found.insert(path, Stamp::of(&metadata));
            }
            Ok(_) => {}
            // Removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Reads and checks one definition file. Of a longer file only as much is read as shows that it is too long.
///
/// # Errors
/// When it cannot be read, or is no definition.
pub(super) fn read(path: &Path) -> Result<ProviderDefinition, FileProblem> {
    use io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_BYTES {
        // Before the text is looked at: the bound may have cut a character in two.
        return Err(DefinitionError::TooLarge.into());
    }
    let text = String::from_utf8(bytes).map_err(|_| FileProblem::NotText)?;
    Ok(ProviderDefinition::parse(&text)?)
}
