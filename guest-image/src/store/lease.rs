//! Who is using what: a lock on each file that a VM boots from, shared by all VMs, which ends with the process that took it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{Image, ImageStore};
use crate::error::Error;
use crate::manifest::Manifest;

/// Keeps an image's files from being pruned, until it is dropped.
#[derive(Debug)]
pub struct Lease {
    locked: Vec<File>,
}

impl Image {
    /// To be taken before the files are handed to a VM, and after [`ImageStore::vmlinux`] where the VM boots from that.
    ///
    /// # Errors
    /// When a file is gone.
    pub fn lease(&self) -> Result<Lease, Error> {
        let unpacked = self.kernel.unpacked();
        let elf = self.kernel.elf.as_ref().or_else(|| unpacked.is_file().then_some(&unpacked));
        let kernel = [&self.kernel.image].into_iter().chain(elf);
        let files = [&self.lease_file].into_iter().chain(kernel).chain(&self.layers);
        Ok(Lease { locked: files.map(lock).collect::<Result<_, Error>>()? })
    }
}

impl Lease {
    /// And of what else the VM boots from: the agent's disk, the initramfs.
    ///
    /// # Errors
    /// When a file is gone.
    pub fn with<'a>(mut self, files: impl IntoIterator<Item = &'a PathBuf>) -> Result<Self, Error> {
        for file in files {
            self.locked.push(lock(file)?);
        }
        Ok(self)
    }
}

fn lock(path: &PathBuf) -> Result<File, Error> {
    let file = fs_err::File::open(path)?.into_file();
    file.lock_shared()?;
    Ok(file)
}

impl ImageStore {
    /// A file that stays when a manifest is replaced, for the lease on the image as a whole.
    pub(super) fn lease_path(&self, manifest: &Manifest) -> PathBuf {
        self.image_path(&manifest.recipe, &manifest.profile, manifest.kernel.kind(), "lease")
    }
}

/// Whether somebody holds a lease on the file. One that is gone is not in use.
pub(super) fn is_leased(path: &Path) -> Result<bool, Error> {
    match fs_err::File::open(path) {
        Ok(file) => match file.into_file().try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(e)) => Err(e.into()),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e.into()),
    }
}
