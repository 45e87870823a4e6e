//! Copying a file's extents and leaving its holes: an empty file system of gigabytes is a few hundred kilobytes.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::{
    errno::Errno,
    unistd::{Whence, lseek},
};

const BUFFER_BYTES: usize = 256 * 1024;

/// Copies `source` to the new file `target`, which only its owner may read. On a file system that does not know of
/// holes everything is copied. When it fails, no part of a copy is left.
pub(super) fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let from = File::open(source)?;
    let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    let copied = copy_extents(&from, &to);
    if copied.is_err() {
        let _ = std::fs::remove_file(target);
    }
    copied
}

fn copy_extents(source: &File, target: &File) -> io::Result<()> {
    let length = source.metadata()?.len();
    target.set_len(length)?;
    let mut at = 0;
    while let Some(start) = seek(source, at, Whence::SeekData)? {
        let end = seek(source, start, Whence::SeekHole)?.unwrap_or(length);
        copy_range(source, target, start, end)?;
        at = end;
    }
    Ok(())
}

/// The next data or hole from `at` on; `None` behind the last.
fn seek(file: &File, at: u64, whence: Whence) -> io::Result<Option<u64>> {
    let offset = i64::try_from(at).map_err(io::Error::other)?;
    match lseek(file, offset, whence) {
        Ok(found) => u64::try_from(found).map(Some).map_err(io::Error::other),
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn copy_range(source: &File, target: &File, start: u64, end: u64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = start;
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX).min(BUFFER_BYTES);
        source.read_exact_at(&mut buffer[..left], at)?;
        target.write_all_at(&buffer[..left], at)?;
        at += left as u64;
    }
    Ok(())
}
