//! The serial console of a guest: captured while it lives, readable after its end, bounded whatever the guest writes.
//!
//! ```text
//!  VMM's stdout ─▶ capture ─┬─▶ console.log: the first 256 KiB as they come, the last lines added at the end
//!                           └─▶ the last lines in memory ─▶ watchers (`wait_for`), `diagnose`
//! ```
//! A boot says its few lines at the beginning and what went wrong at the end; what a guest babbles in between is
//! left out, and the file says how much.

mod diagnose;
mod record;
#[cfg(test)]
mod tests;

use std::{
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
};

pub use diagnose::{Cause, diagnose};
use record::Record;

/// How much of the beginning is written to the file as it comes, in bytes.
const HEAD_BYTES: usize = 256 * 1024;

/// One guest's console. Shared between the task that captures it and everybody who wants to know.
#[derive(Debug)]
pub struct Console {
    record: Mutex<Record>,
    /// Number of complete lines so far.
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    lines: u64,
    ended: bool,
}

impl Console {
    /// The log's name in the VM's directory.
    pub const FILE_NAME: &str = "console.log";

    /// Captures the stream into `directory` until it ends.
    ///
    /// # Errors
    /// When the log file cannot be made.
    pub async fn capture<S>(stream: S, directory: &Path) -> io::Result<Arc<Self>>
    where
        S: AsyncRead + Unpin + Send + 'static,
    {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = tokio::fs::OpenOptions::from(options).open(directory.join(Self::FILE_NAME)).await?;
        let console = Arc::new(Self::new());
        tokio::spawn(Arc::clone(&console).run(stream, file, HEAD_BYTES));
        Ok(console)
    }

    /// Goes on with a stream of which another daemon has captured the beginning into `directory`.
    ///
    /// # Errors
    /// When its log cannot be read or written.
    pub async fn resume<S>(stream: S, directory: &Path) -> io::Result<Arc<Self>>
    where
        S: AsyncRead + Unpin + Send + 'static,
    {
        let path = directory.join(Self::FILE_NAME);
        let mut options = std::fs::OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = tokio::fs::OpenOptions::from(options).open(path).await?;
        let mut head = Vec::new();
        (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head).await?;
        let console = Arc::new(Self::new());
        let lines = console.record().push(&head);
        console.progress.send_replace(Progress { lines, ended: false });
        tokio::spawn(Arc::clone(&console).run(stream, file, HEAD_BYTES - head.len()));
        Ok(console)
    }

    fn new() -> Self {
        Self { record: Mutex::default(), progress: watch::Sender::default() }
    }

    /// The last lines, oldest first, at most [`Console::TAIL_LINES`].
    #[must_use]
    pub fn tail(&self) -> Vec<String> {
        self.record().tail()
    }

    pub const TAIL_LINES: usize = record::LINES;

    /// Resolves with the first line, from the beginning that is still in memory, that `wanted` accepts; with `None`
    /// when the console ends without it.
    pub async fn wait_for(&self, wanted: impl Fn(&str) -> bool + Send) -> Option<String> {
        let mut progress = self.progress.subscribe();
        let mut seen = 0;
        loop {
            let now = *progress.borrow_and_update();
            let (upto, found) = self.record().find_after(seen, &wanted);
            if found.is_some() || now.ended {
                return found;
            }
            seen = upto;
            progress.changed().await.ok()?;
        }
    }

    /// Resolves when no line has been completed for so long, or the console has ended.
    pub async fn quiet_for(&self, time: Duration) {
        let mut progress = self.progress.subscribe();
        while !progress.borrow_and_update().ended {
            // An error of the inner kind would mean that the sender is gone, which lives in `self`.
            if tokio::time::timeout(time, progress.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Resolves when the VMM has closed the console and everything is in the file.
    pub async fn ended(&self) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.progress.subscribe().wait_for(|progress| progress.ended).await;
    }

    /// The file has room for so many more bytes of the beginning.
    async fn run(self: Arc<Self>, mut stream: impl AsyncRead + Unpin, mut file: File, mut room: usize) {
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let lines = self.record().push(&buffer[..count]);
            let head = count.min(room);
            room -= head;
            // A full disk must not stop the capture: the last lines stay in memory.
            if head > 0 && file.write_all(&buffer[..head]).await.is_ok() {
                let _ = file.flush().await;
            }
            self.progress.send_if_modified(|progress| std::mem::replace(&mut progress.lines, lines) != lines);
        }
        let (lines, rest) = {
            let mut record = self.record();
            record.finish();
            (record.lines_seen(), record.after_head(HEAD_BYTES as u64))
        };
        if let Some(rest) = rest {
            let _ = file.write_all(rest.as_bytes()).await;
            let _ = file.flush().await;
        }
        self.progress.send_replace(Progress { lines, ended: true });
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The console of a VM in this directory, living or ended, at most `limit` bytes of its beginning and of its end each.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub async fn read_log(directory: &Path, limit: u64) -> io::Result<String> {
    use tokio::io::AsyncSeekExt as _;
    let path: PathBuf = directory.join(Console::FILE_NAME);
    let mut file = File::open(path).await?;
    let length = file.metadata().await?.len();
    let mut bytes = Vec::new();
    (&mut file).take(limit).read_to_end(&mut bytes).await?;
    if length > 2 * limit {
        bytes.extend_from_slice(record::gap(length - 2 * limit).as_bytes());
    }
    let start = length.saturating_sub(limit).max(limit);
    file.seek(io::SeekFrom::Start(start)).await?;
    (&mut file).take(limit).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
