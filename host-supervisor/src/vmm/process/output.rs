//! What a process writes: through named pipes (fifo(7)) in its directory.
//!
//! The process holds both ends of its pipes. So it can go on writing while no daemon is there: what it writes waits, as much
//! as a pipe holds (64 KiB), and what does not fit is lost instead of stopping or ending it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use nix::{libc::O_NONBLOCK, sys::stat::Mode, unistd::mkfifo};
use tokio::net::unix::pipe::{self, Receiver};

#[derive(Debug, Clone, Copy)]
pub(super) enum Output {
    /// Standard output.
    Words,
    /// Standard error.
    Errors,
}

impl Output {
    /// Makes the pipe: our end, and the process's.
    pub(super) fn make(self, directory: &Path, program: &str) -> io::Result<(Receiver, Stdio)> {
        let path = self.path(directory, program);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?,
        }
        let theirs: File = OpenOptions::new().read(true).write(true).custom_flags(O_NONBLOCK).open(&path)?;
        Ok((self.open(directory, program)?, theirs.into()))
    }

    /// Our end of a pipe that a process holds; at its end when none does.
    pub(super) fn open(self, directory: &Path, program: &str) -> io::Result<Receiver> {
        pipe::OpenOptions::new().open_receiver(self.path(directory, program))
    }

    fn path(self, directory: &Path, program: &str) -> PathBuf {
        let kind = match self {
            Self::Words => "out",
            Self::Errors => "err",
        };
        directory.join(format!("{program}.{kind}"))
    }
}
