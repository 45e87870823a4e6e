//! Terminals in the event loop: pairs of pseudo-terminals (pty(7)), and reading and writing either end.

use std::{io, os::fd::OwnedFd};

use nix::unistd::Pid;
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcgetpgrp, tcgetwinsize, tcsetwinsize},
};
use tokio::io::unix::AsyncFd;

const CHUNK_BYTES: usize = 4096;

/// A new pair: the end that shows and types, and the end that is a program's terminal.
///
/// # Errors
/// When there are no more pseudo-terminals.
pub(crate) fn open(size: Winsize) -> io::Result<(TerminalEnd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, flags)?;
    tcsetwinsize(&master, size)?;
    Ok((TerminalEnd::new(master)?, slave))
}

/// A size in characters; the size in pixels is nobody's to know.
pub(crate) fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// One end of a terminal.
#[derive(Debug)]
pub(crate) struct TerminalEnd(AsyncFd<OwnedFd>);

impl TerminalEnd {
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        let flags = fcntl_getfl(&fd)?;
        fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        #[expect(unsafe_code, reason = "AsyncFd's only constructor that is not deprecated")]
        // SAFETY: an `OwnedFd` keeps its descriptor open and the same for as long as it lives, and gives it out to be
        // replaced to nobody.
        let registered = unsafe { AsyncFd::register(fd) };
        Ok(Self(registered?))
    }

    /// The next bytes. The end of the file is an error, as a terminal has none; so is EIO: no process has the other end open.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(crate) async fn read(&self) -> io::Result<Vec<u8>> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|fd| read_from(fd.get_ref())) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return result,
                Err(_not_ready) => {}
            }
        }
    }

    /// As [`TerminalEnd::read`], of what is there already; `None` when nothing is.
    pub(crate) fn try_read(&self) -> io::Result<Option<Vec<u8>>> {
        match read_from(self.0.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        }
    }

    /// Waits for whoever reads the other end.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), bytes)?)) {
                Ok(Ok(length)) => bytes = &bytes[length..],
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_not_ready) => {}
            }
        }
        Ok(())
    }

    pub(crate) fn size(&self) -> Winsize {
        // Only a terminal that is gone has no size.
        tcgetwinsize(self.0.get_ref()).unwrap_or_else(|_| size(24, 80))
    }

    /// The process group that has the terminal in the foreground (tcgetpgrp(3)).
    pub(crate) fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(self.0.get_ref()).ok().map(|group| Pid::from_raw(group.as_raw_pid()))
    }

    /// The program gets SIGWINCH from the kernel.
    pub(crate) fn resize(&self, size: Winsize) {
        let _ = tcsetwinsize(self.0.get_ref(), size);
    }
}

fn read_from(fd: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    match rustix::io::read(fd, &mut chunk)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            chunk.truncate(length);
            Ok(chunk)
        }
    }
}
