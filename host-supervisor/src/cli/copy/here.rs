//! The side of a copy that is on this machine: packing what is here, and unpacking what a VM has sent.

mod pack;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tar::EntryType;

pub(super) use pack::archive;

/// A hostile archive of nothing but empty directories would be held in memory otherwise.
const MOST_DIRECTORIES: usize = 1_000_000;

#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("{0}")]
    Read(PathBuf, #[source] io::Error),
    #[error("{0}")]
    Write(PathBuf, #[source] io::Error),
    #[error("what the VM sends is no archive")]
    Archive(#[source] io::Error),
    #[error("{0}: the VM sends a name that leads out of the target")]
    Escape(PathBuf),
    #[error("{0}: the VM sends something that is no file, directory or link")]
    Kind(PathBuf),
    #[error("the VM sends more than {MOST_DIRECTORIES} directories")]
    TooMany,
    #[error("the VM sends {0} things where one was asked for")]
    NotOne(usize),
}

/// Unpacks an archive of one thing: into the target when that is a directory, else it becomes the target.
pub(super) fn unpack(target: &Path, from: impl io::Read) -> Result<(), CopyError> {
    if target.is_dir() {
        return unpack_into(target, from);
    }
    let failed = |error| CopyError::Write(target.to_owned(), error);
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = tempfile::Builder::new().prefix(".anteroom-cp-").tempdir_in(parent).map_err(failed)?;
    unpack_into(scratch.path(), from)?;
    let things: Vec<_> =
        fs::read_dir(scratch.path()).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    match &things[..] {
        [one] => fs::rename(one.path(), target).map_err(failed),
        other => Err(CopyError::NotOne(other.len())),
    }
}

/// Nothing is written outside of the directory, and nothing becomes a device or a program that runs as somebody else. As
/// tar(1), directories get their modes last, because one of them may forbid writing.
fn unpack_into(directory: &Path, from: impl io::Read) -> Result<(), CopyError> {
    let mut archive = tar::Archive::new(from);
    archive.set_preserve_permissions(false);
    archive.set_preserve_mtime(true);
    let mut directories = Vec::new();
    for entry in archive.entries().map_err(CopyError::Archive)? {
        let mut entry = entry.map_err(CopyError::Archive)?;
        let path = entry.path().map_err(CopyError::Archive)?.into_owned();
        match entry.header().entry_type() {
            EntryType::Directory if directories.len() == MOST_DIRECTORIES => return Err(CopyError::TooMany),
            EntryType::Directory => directories.push((path, entry)),
            EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Symlink
            | EntryType::Link => place(&mut entry, &path, directory)?,
            _ => return Err(CopyError::Kind(path)),
        }
    }
    directories.sort_by(|(one, _), (other, _)| other.cmp(one));
    for (path, mut entry) in directories {
        place(&mut entry, &path, directory)?;
    }
    Ok(())
}

fn place<R: io::Read>(entry: &mut tar::Entry<'_, R>, path: &Path, directory: &Path) -> Result<(), CopyError> {
    match entry.unpack_in(directory) {
        Ok(true) => Ok(()),
        // A name with `..`, which the crate leaves out without a word.
        Ok(false) => Err(CopyError::Escape(path.to_owned())),
        Err(error) => Err(CopyError::Write(directory.join(path), error)),
    }
}
