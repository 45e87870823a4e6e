//! Small files that only their owner may read: the master key, the API key. Made once, whole or not at all.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// Largest file that is read, in bytes: a key has far less.
const MAX_BYTES: u64 = 4096;

#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "{path} is readable by others (mode {mode:o}): run chmod 600 on it, and think about who has read it"
    )]
    TooOpen { path: PathBuf, mode: u32 },
    #[error("{path} is no text of at most {MAX_BYTES} bytes")]
    Unreadable { path: PathBuf },
}

/// Reads the file without the space around its text; `None` when there is none.
///
/// # Errors
/// When others can read it, or it cannot be read.
pub fn read(path: &Path) -> Result<Option<Zeroizing<String>>, PrivateFileError> {
    let at = |source| PrivateFileError::Io { path: path.to_owned(), source };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(error)),
    };
    let mode = file.metadata().map_err(at)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::TooOpen { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    if matches!(read, Ok(bytes) if bytes as u64 <= MAX_BYTES) {
        Ok(Some(Zeroizing::new(text.trim().to_owned())))
    } else {
        Err(PrivateFileError::Unreadable { path: path.to_owned() })
    }
}

/// Reads the file, or makes it with what `make` returns. Of two processes that make it at once one wins, and both
/// return what the winner wrote.
///
/// # Errors
/// As [`read`], and when it cannot be written.
pub fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Zeroizing<String>,
) -> Result<Zeroizing<String>, PrivateFileError> {
    if let Some(text) = read(path)? {
        return Ok(text);
    }
    let at = |source| PrivateFileError::Io { path: path.to_owned(), source };
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    write_draft(&draft, &make()).map_err(at)?;
    // link(2) refuses to replace, so a file that appeared meanwhile stays.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).and_then(|()| sync_directory_of(path)).map_err(at)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(error)),
        _ => read(path)?.ok_or_else(|| at(io::ErrorKind::NotFound.into())),
    }
}

/// Gives a file the name of another one, which is gone then; at any moment one of the two has that name.
///
/// # Errors
/// When it cannot be renamed, or the new name cannot be brought to the disk.
pub fn replace(path: &Path, by: &Path) -> Result<(), PrivateFileError> {
    let at = |source| PrivateFileError::Io { path: by.to_owned(), source };
    fs::rename(by, path).and_then(|()| sync_directory_of(path)).map_err(at)
}

/// A name is on the disk when its directory is: what is sealed with a key must not get there before the key.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
}

fn write_draft(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let first = read_or_make(&path, || Zeroizing::new("one".into())).unwrap();
        let second = read_or_make(&path, || Zeroizing::new("two".into())).unwrap();
        assert_eq!((first.as_str(), second.as_str()), ("one", "one"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        fs::write(&path, "secret").unwrap();
        for mode in [0o640, 0o604, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, PrivateFileError::TooOpen { .. }), "{mode:o}: {error}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        for contents in [vec![0xff; 10], vec![b'a'; 5000]] {
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(read(&path), Err(PrivateFileError::Unreadable { .. })));
        }
    }
}
