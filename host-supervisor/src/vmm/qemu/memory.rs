//! A guest's memory as a file without a name (memfd_create(2)), which the daemon can read and fill. What the guest has never touched, and
//! nobody has written, takes no room in it.
//!
//! QEMU's vsock comes from another process that works on the guest's memory, so that memory has to be shared: a clone cannot
//! have a private mapping of the snapshot's file, but gets a copy of what is not zero in it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd, RawFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::sys::memfd::{MFdFlags, memfd_create};
use tokio_util::task::AbortOnDropHandle;

use crate::{blocking, sparse};

/// By which it is found again.
const NAME: &str = "guest-memory";

#[derive(Debug, Clone)]
pub(super) struct GuestMemory(Arc<File>);

impl GuestMemory {
    /// Zeros.
    pub(super) fn new(mib: u32) -> io::Result<Self> {
        let file = File::from(memfd_create(NAME, MFdFlags::MFD_CLOEXEC)?);
        file.set_len(u64::from(mib) * 1024 * 1024)?;
        Ok(Self(Arc::new(file)))
    }

    /// That of a QEMU which another daemon has started.
    ///
    /// # Errors
    /// When this process may not look at that one, or it has none.
    pub(super) fn of_process(pid: i32) -> io::Result<Self> {
        for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
            let path = entry?.path();
            // proc_pid_fd(5): what it is, in the place of a path.
            let is_memory = |link: PathBuf| link.to_string_lossy().starts_with(&format!("/memfd:{NAME}"));
            if fs::read_link(&path).is_ok_and(is_memory) {
                return OpenOptions::new().read(true).write(true).open(path).map(|file| Self(Arc::new(file)));
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn as_file(&self) -> &File {
        &self.0
    }

    /// Begins to fill it, which goes on while QEMU starts.
    pub(super) fn fill(&self, path: &Path) -> AbortOnDropHandle<io::Result<()>> {
        let (memory, path) = (self.clone(), path.to_owned());
        AbortOnDropHandle::new(tokio::spawn(async move { memory.fill_from(&path).await }))
    }

    /// For QEMU to inherit.
    pub(super) fn file(&self) -> io::Result<OwnedFd> {
        self.0.try_clone().map(Into::into)
    }

    /// What it is to be a copy of, of the same size.
    async fn fill_from(&self, path: &Path) -> io::Result<()> {
        let (memory, source) = (Arc::clone(&self.0), File::open(path)?);
        if memory.metadata()?.len() != source.metadata()?.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is of another size than the memory"));
        }
        blocking::run(move || sparse::copy_extents(&source, &memory)).await
    }

    /// To a new file, which only its owner may read.
    pub(super) async fn save_to(&self, path: &Path) -> io::Result<()> {
        let memory = Arc::clone(&self.0);
        let target = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        blocking::run(move || sparse::copy_what_is_not_zero(&memory, &target).map(drop)).await
    }
}

/// How a program that has inherited a file can name it.
pub(super) fn path_of(file: RawFd) -> String {
    format!("/proc/self/fd/{file}")
}

pub(super) fn number_of(file: &OwnedFd) -> RawFd {
    file.as_raw_fd()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};

    use super::*;

    #[tokio::test]
    async fn a_clones_memory_is_that_of_the_snapshot() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("memory");
        let memory = GuestMemory::new(64).unwrap();
        memory.0.write_all_at(b"desktop", 40 << 20).unwrap();
        memory.0.write_all_at(&[0; 1 << 20], 1 << 20).unwrap();
        memory.save_to(&path).await.unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(path.metadata().unwrap().blocks() * 512 < 1 << 20, "zeros are holes");
        let clone = GuestMemory::new(64).unwrap();
        clone.fill_from(&path).await.unwrap();
        let mut read = [0; 7];
        clone.0.read_exact_at(&mut read, 40 << 20).unwrap();
        assert_eq!(&read, b"desktop");
        let again = GuestMemory::of_process(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert_eq!(again.0.metadata().unwrap().len(), 64 << 20);
        let other = GuestMemory::new(65).unwrap().fill_from(&path).await.unwrap_err();
        assert!(other.to_string().contains("another size"), "{other}");
    }
}
