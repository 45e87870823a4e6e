//! Notices that files are others than before: inotify on their directories, because editors and tools put a new file in the place
//! of the old one, or turn a link.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::StreamExt as _;
use inotify::{EventStream, Inotify, WatchMask};

/// Files that belong together are written one after the other.
const QUIET: Duration = Duration::from_millis(300);
/// Some directories are never quiet.
const LONGEST_UNREST: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct FileWatch {
    files: Vec<(PathBuf, State)>,
    /// `None` where nothing can be watched.
    events: Option<EventStream<[u8; 4096]>>,
}

/// A file that was replaced or written differs in it; `None`: there is none.
type State = Option<(u64, u64, i64, i64, u64)>;

impl FileWatch {
    pub(super) fn begin(files: Vec<PathBuf>) -> Self {
        let events = watch(&files);
        let events = events.inspect_err(|error| {
            tracing::warn!("changed files of settings are not noticed (inotify): {error}");
        });
        let files = files.into_iter().map(|file| (file.clone(), state(&file))).collect();
        Self { files, events: events.ok().flatten() }
    }

    /// Resolves when one of them has changed. Nothing is lost when it is dropped before.
    pub(super) async fn changed(&mut self) {
        let Some(events) = &mut self.events else { return std::future::pending().await };
        loop {
            if events.next().await.is_none() {
                return std::future::pending().await;
            }
            let settle = async { while tokio::time::timeout(QUIET, events.next()).await.is_ok() {} };
            let _ = tokio::time::timeout(LONGEST_UNREST, settle).await;
            let now: Vec<_> = self.files.iter().map(|(file, _)| (file.clone(), state(file))).collect();
            if now != self.files {
                self.files = now;
                return;
            }
        }
    }
}

fn watch(files: &[PathBuf]) -> io::Result<Option<EventStream<[u8; 4096]>>> {
    let directories: BTreeSet<&Path> =
        files.iter().filter_map(|file| file.parent()).filter(|directory| directory.is_dir()).collect();
    if directories.is_empty() {
        return Ok(None);
    }
    let inotify = Inotify::init()?;
    let mask = WatchMask::CLOSE_WRITE
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::MOVED_FROM
        | WatchMask::MOVED_TO;
    for directory in directories {
        inotify.watches().add(directory, mask)?;
    }
    inotify.into_event_stream([0; 4096]).map(Some)
}

fn state(file: &Path) -> State {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn notices(watch: &mut FileWatch) {
        tokio::time::timeout(PATIENCE, watch.changed()).await.expect("the change is noticed");
    }

    #[tokio::test]
    async fn a_file_that_is_written_replaced_removed_or_linked_anew_is_noticed_and_its_neighbours_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("settings"), "a").unwrap();
        let mut watch = FileWatch::begin(vec![at("settings")]);
        fs::write(at("settings"), "another").unwrap();
        notices(&mut watch).await;
        fs::write(at("new"), "a third").unwrap();
        fs::rename(at("new"), at("settings")).unwrap();
        notices(&mut watch).await;
        fs::remove_file(at("settings")).unwrap();
        notices(&mut watch).await;
        fs::write(at("first"), "1").unwrap();
        std::os::unix::fs::symlink(at("first"), at("settings")).unwrap();
        notices(&mut watch).await;
        fs::write(at("neighbour"), "a").unwrap();
        let quiet = tokio::time::timeout(2 * QUIET, watch.changed()).await;
        assert!(quiet.is_err(), "a neighbour is none of its files");
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_never_noticed() {
        let mut watch = FileWatch::begin(vec!["/nonexistent/settings".into()]);
        assert!(tokio::time::timeout(Duration::from_millis(1), watch.changed()).await.is_err());
    }
}
