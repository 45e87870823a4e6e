//! What a child finds in its directory although it lies elsewhere: files of the host's, and room in memory. They are mounted in a
//! mount namespace of its own (mount_namespaces(7)), which ends with it, however it ends.

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

#[derive(Debug, Default)]
pub struct Mounts {
    /// What is shown where, read-only.
    files: Vec<(CString, CString)>,
    /// Where a tmpfs is, with its options.
    memory: Vec<(CString, CString)>,
}

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
        self.files.push((text(file)?, text(place)?));
        Ok(())
    }

    /// A directory in memory, empty and only for this user.
    ///
    /// # Errors
    /// When no directory can be made there.
    pub fn memory(&mut self, place: &Path, most_mib: u64, owner: u32) -> io::Result<()> {
        match std::fs::create_dir(place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // tmpfs(5).
        let options = format!("size={most_mib}m,nr_inodes=16,mode=0700,uid={owner},gid={owner}");
        self.memory.push((text(place)?, CString::new(options)?));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.memory.is_empty()
    }

    /// For a child between fork and exec: system calls only, no allocation.
    pub(super) fn enter(&self) -> io::Result<()> {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none: Option<&str> = None;
        // Nothing of it is seen outside.
        mount(none, "/", none, MsFlags::MS_REC.union(MsFlags::MS_PRIVATE), none)?;
        let plain = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);
        for (place, options) in &self.memory {
            mount(Some(c"tmpfs"), place.as_c_str(), Some(c"tmpfs"), plain, Some(options.as_c_str()))?;
        }
        for (file, place) in &self.files {
            mount(Some(file.as_c_str()), place.as_c_str(), none, MsFlags::MS_BIND, none)?;
            let read_only = MsFlags::MS_BIND.union(MsFlags::MS_REMOUNT).union(MsFlags::MS_RDONLY);
            mount(none, place.as_c_str(), none, read_only, none)?;
        }
        Ok(())
    }
}

fn text(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from)
}
