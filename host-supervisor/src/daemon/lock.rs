//! One daemon for one state directory: a lock on a file, which the kernel gives back whatever happens to the daemon.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{directory} is in use by {holder}; stop that one, or use another state_dir")]
    Held { directory: PathBuf, holder: String },
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A daemon that is killed while it starts a program leaves the lock to a child, until that executes the program. On a busy machine
/// this takes a while.
const CHILDREN: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    const FILE_NAME: &str = "daemon.lock";

    /// Takes the lock and leaves word of who has it and what for, for example `listens on 127.0.0.1:4000`.
    pub(super) fn take(directory: &Path, what_for: &str) -> Result<Self, LockError> {
        let path = directory.join(Self::FILE_NAME);
        let at = |source| LockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(at)?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(at(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            let word = std::fs::read_to_string(&path).unwrap_or_default();
            if !holder_is_gone(&word) || begin.elapsed() > CHILDREN {
                return Err(LockError::Held { directory: directory.to_owned(), holder: holder(&word) });
            }
            thread::sleep(LOOK_AGAIN);
        }
        let word = format!("process {}, which {what_for}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(word.as_bytes())).map_err(at)?;
        Ok(Self { _file: file })
    }
}

fn holder(word: &str) -> String {
    match word.trim() {
        "" => "a process that has just started".to_owned(),
        word => word.chars().take(200).collect(),
    }
}

fn holder_is_gone(word: &str) -> bool {
    let pid = word.strip_prefix("process ").and_then(|rest| rest.split(',').next()?.parse::<u32>().ok());
    // Of a zombie, too, there is no program any more.
    let program = |pid: u32| std::fs::read_link(format!("/proc/{pid}/exe"));
    pid.is_some_and(|pid| program(pid).is_err_and(|error| error.kind() == io::ErrorKind::NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_refused_and_told_who_was_first() {
        let directory = tempfile::tempdir().unwrap();
        let listens = "listens on 127.0.0.1:4000";
        let first = Lock::take(directory.path(), listens).unwrap();
        let error = Lock::take(directory.path(), "rotates").unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(error.contains("which listens on 127.0.0.1:4000"), "{error}");
        drop(first);
        Lock::take(directory.path(), listens).unwrap();
    }

    #[test]
    fn a_lock_that_a_killed_daemon_has_left_to_a_child_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path(), "listens on 127.0.0.1:4000").unwrap();
        // No process has such a number (proc_sys_kernel(5): pid_max).
        let word = "process 4194305, which listens on 127.0.0.1:4000\n";
        std::fs::write(directory.path().join(Lock::FILE_NAME), word).unwrap();
        let child = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            drop(first);
        });
        Lock::take(directory.path(), "listens on 127.0.0.1:4001").unwrap();
        child.join().unwrap();
    }
}
