//! Waiting for a file, a socket or a device node to appear, told by inotify(7) and not by looking again and again.

use std::{
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use inotify::{Inotify, WatchMask};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What makes a name in a directory worth another look.
const CHANGES: WatchMask =
    WatchMask::CREATE.union(WatchMask::MOVED_TO).union(WatchMask::ATTRIB).union(WatchMask::CLOSE_WRITE);

#[derive(Debug, thiserror::Error)]
pub(crate) enum AppearError {
    #[error("{path} did not appear within {} s", after.as_secs())]
    TooLate { path: PathBuf, after: Duration },
    #[error("{0} cannot be watched")]
    Watch(PathBuf, #[source] io::Error),
}

/// Waits for a path while nothing else can run yet: before there is a root.
pub(crate) fn wait_blocking(path: &Path, within: Duration) -> Result<(), AppearError> {
    // As a device mostly is. To have watched costs time at the end, too, when the kernel waits until nobody looks at the watch.
    if path.exists() {
        return Ok(());
    }
    let deadline = Instant::now() + within;
    let (_directory, mut inotify) = watch(path)?;
    while !path.exists() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AppearError::TooLate { path: path.to_owned(), after: within });
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let ready = poll(&mut [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)], timeout);
        if ready.is_ok_and(|count| count > 0) {
            // Only that something happened counts; what it was, the loop finds out.
            let _ = inotify.read_events(&mut [0; 4096]);
        }
    }
    Ok(())
}

/// Waits for a path, without end; bound it with `tokio::time::timeout`.
pub(crate) async fn wait(path: &Path) -> Result<(), AppearError> {
    let (directory, inotify) = watch(path)?;
    let mut changes =
        inotify.into_event_stream([0; 4096]).map_err(|error| AppearError::Watch(directory, error))?;
    while !path.exists() {
        if changes.next().await.is_none() {
            break;
        }
    }
    Ok(())
}

/// The directory is watched before the path is looked at, so that nothing falls between the two.
fn watch(path: &Path) -> Result<(PathBuf, Inotify), AppearError> {
    let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
    let watched = Inotify::init().and_then(|inotify| {
        inotify.watches().add(&directory, CHANGES)?;
        Ok(inotify)
    });
    match watched {
        Ok(inotify) => Ok((directory, inotify)),
        Err(error) => Err(AppearError::Watch(directory, error)),
    }
}
