//! Noticing that credential files were written, by inotify(7): renamed into place or written in place, in directories
//! that may not exist yet.
//!
//! ```text
//!  ~/.codex/auth.json   no ~/.codex yet: watch ~ for ".codex"      then: watch ~/.codex for "auth.json"
//! ```
//! A directory is watched before what is in it is looked at, so nothing falls between.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anteroom_protocol::provider::CredentialRule;
use futures_util::StreamExt;
use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask, Watches};
use tokio::time::{Instant, sleep_until};

/// A file is worth a look when it was moved to its place or closed after writing; a directory when it was made.
const CHANGES: WatchMask = WatchMask::CREATE
    .union(WatchMask::MOVED_TO)
    .union(WatchMask::CLOSE_WRITE)
    .union(WatchMask::ONLYDIR)
    .union(WatchMask::EXCL_UNLINK);

/// Calls `settled` whenever one of the files has changed and been left alone for its `settle_ms`; never ends but by an
/// error. The files that are there already are its first call.
pub(crate) async fn watch(home: PathBuf, rules: Vec<CredentialRule>, settled: impl Fn()) -> io::Result<()> {
    let inotify = Inotify::init()?;
    let mut places = Places { watches: inotify.watches(), home, rules, names: HashMap::new() };
    let mut events = inotify.into_event_stream([0; 4096])?;
    places.arm()?;
    settled();
    let mut due: Option<Instant> = None;
    loop {
        let wait = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.next() => {
                let Some(event) = event else { return Err(io::ErrorKind::UnexpectedEof.into()) };
                let event = event?;
                if let Some(settle) = places.settle_of(&event.wd, event.name.as_ref(), event.mask) {
                    let later = Instant::now() + settle;
                    due = Some(due.map_or(later, |due| due.max(later)));
                    // A directory on the way may be new.
                    places.arm()?;
                }
            }
            () = wait => {
                due = None;
                settled();
            }
        }
    }
}

struct Places {
    watches: Watches,
    home: PathBuf,
    rules: Vec<CredentialRule>,
    /// What to look for in which directory, and how long to leave it alone.
    names: HashMap<WatchDescriptor, HashMap<OsString, Duration>>,
}

impl Places {
    /// Watches every directory on the way to every file, as far as they exist.
    fn arm(&mut self) -> io::Result<()> {
        self.names.clear();
        let rules = std::mem::take(&mut self.rules);
        let armed = rules.iter().try_for_each(|rule| self.arm_for(rule));
        self.rules = rules;
        armed
    }

    fn arm_for(&mut self, rule: &CredentialRule) -> io::Result<()> {
        let settle = Duration::from_millis(rule.settle_ms);
        let mut directory = self.home.clone();
        for part in Path::new(&rule.path) {
            // Watching a directory a second time gives the same descriptor.
            let descriptor = match self.watches.add(&directory, CHANGES) {
                Ok(descriptor) => descriptor,
                Err(error) if directory == self.home => return Err(error),
                // Not there, or no directory: the one above tells when that changes.
                Err(_) => return Ok(()),
            };
            self.names.entry(descriptor).or_default().insert(part.to_owned(), settle);
            directory.push(part);
        }
        Ok(())
    }

    /// How long to wait after this event; `None` when it is none of ours.
    fn settle_of(
        &self,
        place: &WatchDescriptor,
        name: Option<&OsString>,
        mask: EventMask,
    ) -> Option<Duration> {
        if mask.contains(EventMask::Q_OVERFLOW) {
            // Something was missed, whatever it was.
            return Some(Duration::ZERO);
        }
        self.names.get(place)?.get(name?).copied()
    }
}
