//! Files that a child finds in its directory although they lie elsewhere: bind mounts in a mount namespace of its own
//! (mount_namespaces(7)), which end with it, however it ends.

use std::{
    ffi::CString,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

/// What is shown where, read-only.
#[derive(Debug, Default)]
pub struct Mounts(Vec<(CString, CString)>);

impl Mounts {
    /// Shows the file at `place`, where an empty one is made for it.
    ///
    /// # Errors
    /// When that cannot be made.
    pub fn show(&mut self, file: &Path, place: PathBuf) -> io::Result<()> {
        std::fs::File::create(&place)?;
        self.cover(file, &place)
    }

    /// Shows the file in the place of another that is there.
    ///
    /// # Errors
    /// When a path has a zero in it.
    pub fn cover(&mut self, file: &Path, place: &Path) -> io::Result<()> {
        let path = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from);
        self.0.push((path(file)?, path(place)?));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For a child between fork and exec: system calls only, no allocation.
    pub(super) fn enter(&self) -> io::Result<()> {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none: Option<&str> = None;
        // Nothing of it is seen outside.
        mount(none, "/", none, MsFlags::MS_REC.union(MsFlags::MS_PRIVATE), none)?;
        for (file, place) in &self.0 {
            mount(Some(file.as_c_str()), place.as_c_str(), none, MsFlags::MS_BIND, none)?;
            let read_only = MsFlags::MS_BIND.union(MsFlags::MS_REMOUNT).union(MsFlags::MS_RDONLY);
            mount(none, place.as_c_str(), none, read_only, none)?;
        }
        Ok(())
    }
}
