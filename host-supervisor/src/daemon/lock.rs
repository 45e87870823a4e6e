//! One daemon for one state directory: a lock on a file, which the kernel gives back whatever happens to the daemon.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
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
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { directory: directory.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(at(error)),
        }
        let word = format!("process {}, which {what_for}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(word.as_bytes())).map_err(at)?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    if read.is_ok() && !text.trim().is_empty() {
        text.trim().to_owned()
    } else {
        "a process that has just started".to_owned()
    }
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
}
