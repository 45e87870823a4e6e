//! The writable disk of a VM: a sparse file with an empty ext4, copied from a template that is made once per size.
//!
//! The disk dies with its VM, so nothing on it needs to survive a crash: no journal, no reserved blocks. No root
//! privileges and no loop devices are needed.

#[cfg(test)]
mod tests;

use std::{
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::{blocking, sparse};

/// What every disk is made with. A fixed UUID and hash seed make equal templates of equal sizes.
const MKE2FS_ARGUMENTS: [&str; 14] = [
    "-q",
    "-F",
    "-t",
    "ext4",
    "-b",
    "4096",
    "-m",
    "0",
    "-U",
    "a17e4004-0000-4000-8000-000000000001",
    "-O",
    "^has_journal,^resize_inode",
    "-E",
    "hash_seed=a17e4004-0000-4000-8000-000000000002,root_owner=0:0",
];

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("a disk of {mib} MiB is too small: at least {} MiB", DiskTemplates::MIN_MIB)]
    TooSmall { mib: u32 },
    #[error("mke2fs is missing: install e2fsprogs")]
    NoMke2fs,
    #[error("mke2fs made no file system of {mib} MiB: {stderr}")]
    Mke2fs { mib: u32, stderr: String },
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Where templates are kept. Several daemons may share a directory.
#[derive(Debug, Clone)]
pub struct DiskTemplates {
    directory: PathBuf,
}

impl DiskTemplates {
    pub const MIN_MIB: u32 = 16;

    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Makes a new disk of this size at `target`, which must not exist.
    ///
    /// # Errors
    /// Nothing is left at `target` when it fails.
    pub async fn make_disk(&self, mib: u32, target: &Path) -> Result<(), DiskError> {
        let template = self.template(mib).await?;
        self.copy_disk(&template, target).await
    }

    /// Makes a copy of a disk at `target`, which must not exist.
    ///
    /// # Errors
    /// Nothing is left at `target` when it fails.
    pub async fn copy_disk(&self, source: &Path, target: &Path) -> Result<(), DiskError> {
        let (source, target) = (source.to_owned(), target.to_owned());
        let copy =
            move || sparse::copy(&source, &target).map_err(|source| DiskError::Io { path: target, source });
        blocking::run(copy).await
    }

    async fn template(&self, mib: u32) -> Result<PathBuf, DiskError> {
        if mib < Self::MIN_MIB {
            return Err(DiskError::TooSmall { mib });
        }
        let path = self.directory.join(template_name(mib));
        if tokio::fs::try_exists(&path).await.unwrap_or(false) {
            return Ok(path);
        }
        let io = |path: &Path, source| DiskError::Io { path: path.to_owned(), source };
        tokio::fs::create_dir_all(&self.directory).await.map_err(|source| io(&self.directory, source))?;
        // Two daemons may do this at once; each renames a whole file into place.
        let unfinished = self.directory.join(format!(".{}.{}", template_name(mib), uuid()));
        let made = format(&unfinished, mib).await;
        let placed = match made {
            Ok(()) => tokio::fs::rename(&unfinished, &path).await.map_err(|source| io(&path, source)),
            Err(error) => Err(error),
        };
        if placed.is_err() {
            let _ = tokio::fs::remove_file(&unfinished).await;
        }
        placed.map(|()| path)
    }
}

fn uuid() -> anteroom_protocol::VmId {
    anteroom_protocol::VmId::random()
}

/// Named by what determines the content, so that other options never meet an old template.
fn template_name(mib: u32) -> String {
    let mut hash = Sha256::new();
    for argument in MKE2FS_ARGUMENTS {
        hash.update(argument);
        hash.update([0]);
    }
    let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("ext4-{mib}MiB-{digest}.img")
}

async fn format(path: &Path, mib: u32) -> Result<(), DiskError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(path)
        .and_then(|file| file.set_len(u64::from(mib) << 20))
        .map_err(|source| DiskError::Io { path: path.to_owned(), source })?;
    let output = Command::new(mke2fs().ok_or(DiskError::NoMke2fs)?)
        .args(MKE2FS_ARGUMENTS)
        .arg(path)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| DiskError::Io { path: "mke2fs".into(), source })?;
    if output.status.success() {
        Ok(())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
        Err(DiskError::Mke2fs { mib, stderr })
    }
}

/// mke2fs is in `/sbin` on Debian, which is not in every user's `PATH`.
#[must_use]
pub fn mke2fs() -> Option<PathBuf> {
    crate::vmm::process::find_program("mke2fs", &["/sbin".into(), "/usr/sbin".into()])
}
