//! A directory of Unix sockets whose path may be long: an address of a socket has room for 108 bytes (unix(7)), a state
//! directory need not fit.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

/// Opened as a mere location: also keeps pointing at it when it is moved.
#[derive(Debug)]
pub(crate) struct SocketDirectory(File);

impl SocketDirectory {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map(Self)
    }

    /// The path of a socket in it through this process's own descriptor; valid while this value lives.
    pub(crate) fn short_path(&self, socket: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{socket}", self.0.as_raw_fd()))
    }
}
