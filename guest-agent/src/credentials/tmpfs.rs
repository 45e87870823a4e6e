//! A directory of the home that is in the guest's memory: what is written there never reaches the VM's disk, and hibernates sealed.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::OFlag,
    mount::{MsFlags, mount},
};

use crate::account::Account;

/// A CLI keeps its history there as well. Only what is written takes memory.
const MOST: &str = "256m";

#[derive(Debug, thiserror::Error)]
#[error("~/{} cannot be kept in memory", directory.display())]
pub(super) struct NotCovered {
    directory: PathBuf,
    source: io::Error,
}

/// The directories that hold these files, without those that lie in another one of them. What stands in the home directory
/// itself has none.
pub(super) fn directories<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<PathBuf> {
    let parent = |path: &str| Path::new(path).parent().map(Path::to_owned);
    let all: BTreeSet<PathBuf> =
        paths.filter_map(parent).filter(|path| !path.as_os_str().is_empty()).collect();
    let lies_in_another = |path: &Path| path.ancestors().skip(1).any(|above| all.contains(above));
    all.iter().filter(|path| !lies_in_another(path)).cloned().collect()
}

/// Mounts a tmpfs there, once. Whoever owns the home may have put anything in the way: only real directories are walked.
pub(super) fn cover(account: &Account, directory: &Path) -> Result<(), NotCovered> {
    let failed = |source| NotCovered { directory: directory.to_owned(), source };
    let mut place = account.home.clone();
    let mut above = fs::metadata(&place).map_err(failed)?.dev();
    for part in directory {
        place.push(part);
        above = fs::symlink_metadata(place.parent().unwrap_or(&place)).map_err(failed)?.dev();
        match fs::create_dir(&place) {
            Ok(()) => own(&place, account).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                real_directory(&place).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    let opened = real_directory(&place).map_err(failed)?;
    if opened.metadata().map_err(failed)?.dev() != above {
        return Ok(());
    }
    let options = format!("mode=0700,uid={},gid={},size={MOST}", account.uid, account.gid);
    // By descriptor, so that the directory that was looked at is the one that is covered.
    let target = format!("/proc/self/fd/{}", opened.as_raw_fd());
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), target.as_str(), Some("tmpfs"), flags, Some(options.as_str()))
        .map_err(|error| failed(error.into()))
}

fn real_directory(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY).bits();
    File::options().read(true).custom_flags(flags).open(path)
}

fn own(path: &Path, account: &Account) -> io::Result<()> {
    fchown(real_directory(path)?, Some(account.uid.as_raw()), Some(account.gid.as_raw()))
}
