//! A directory in which the files of a layer are laid out with the modes they will have. Owners are not set: all of it
//! belongs to root in the image.

use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::recipe::{GuestPath, LinkTarget};

#[derive(Debug)]
pub(crate) struct Staging {
    root: PathBuf,
}

/// Whether a file is a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Data,
    Program,
}

impl Staging {
    /// In a directory that does not exist yet.
    pub(crate) fn create(root: PathBuf) -> io::Result<Self> {
        let staging = Self { root };
        staging.directory(&staging.root)?;
        Ok(staging)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn write(&self, path: &str, contents: &[u8], mode: Mode) -> io::Result<()> {
        let path = self.place(path)?;
        fs_err::write(&path, contents)?;
        set_mode(&path, mode)
    }

    pub(crate) fn copy(&self, from: &Path, to: &GuestPath, mode: Mode) -> io::Result<()> {
        let to = self.place(to.as_str())?;
        fs_err::copy(from, &to)?;
        set_mode(&to, mode)
    }

    pub(crate) fn link(&self, path: &GuestPath, target: &LinkTarget) -> io::Result<()> {
        symlink(target.as_str(), self.place(path.as_str())?)
    }

    /// Moves a file or a directory here. What its owner could execute is a program, the rest is data.
    pub(crate) fn take(&self, from: &Path, to: &GuestPath) -> io::Result<()> {
        let to = self.place(to.as_str())?;
        fs_err::rename(from, &to)?;
        settle_modes(&to)
    }

    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let path = self.root.join(path.trim_start_matches('/'));
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        Ok(path)
    }

    /// With its parents, whatever the caller's umask.
    fn directory(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent().filter(|parent| parent.starts_with(&self.root)) {
            self.directory(parent)?;
        }
        fs_err::create_dir(path)?;
        set_mode(path, Mode::Program)
    }
}

fn settle_modes(path: &Path) -> io::Result<()> {
    let metadata = fs_err::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in fs_err::read_dir(path)? {
            settle_modes(&entry?.path())?;
        }
        set_mode(path, Mode::Program)
    } else if metadata.is_file() {
        set_mode(path, if metadata.permissions().mode() & 0o100 == 0 { Mode::Data } else { Mode::Program })
    } else {
        Ok(())
    }
}

fn set_mode(path: &Path, mode: Mode) -> io::Result<()> {
    let bits = match mode {
        Mode::Data => 0o644,
        Mode::Program => 0o755,
    };
    fs_err::set_permissions(path, PermissionsExt::from_mode(bits))
}
