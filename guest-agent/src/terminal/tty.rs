//! The terminal that this role itself runs in: xterm's. Raw, so that every key goes to the CLI and nothing is shown twice.

use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    termios::{OptionalActions, Winsize, tcgetattr, tcgetwinsize, tcsetattr},
};
use tokio::io::unix::AsyncFd;

const CHUNK_BYTES: usize = 4096;

pub(super) struct Tty(AsyncFd<OwnedFd>);

impl Tty {
    /// Takes over standard input, which for a program in xterm is the terminal in both directions.
    pub(super) fn take() -> io::Result<Self> {
        let terminal = rustix::io::dup(rustix::stdio::stdin())?;
        let mut attributes = tcgetattr(&terminal)?;
        attributes.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &attributes)?;
        Ok(Self(not_blocking(terminal)?))
    }

    pub(super) fn size(&self) -> Winsize {
        // Only a terminal that is gone has no size.
        tcgetwinsize(self.0.get_ref()).unwrap_or(Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        })
    }

    /// What was typed; an error when the terminal is gone.
    pub(super) async fn read(&self) -> io::Result<Vec<u8>> {
        read(&self.0).await
    }

    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        write(&self.0, bytes).await
    }
}

/// For the event loop.
pub(super) fn not_blocking(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = fcntl_getfl(&fd)?;
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    #[expect(unsafe_code, reason = "AsyncFd's only constructor that is not deprecated")]
    // SAFETY: an `OwnedFd` keeps its descriptor open and the same for as long as it lives, and gives it out to be
    // replaced to nobody.
    let registered = unsafe { AsyncFd::register(fd) };
    Ok(registered?)
}

/// The next bytes; the end of the file is an error, as a terminal has none.
pub(super) async fn read(fd: &AsyncFd<OwnedFd>) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let mut ready = fd.readable().await?;
        match ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut chunk)?)) {
            Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Ok(length)) => {
                chunk.truncate(length);
                return Ok(chunk);
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            Err(_not_ready) => {}
        }
    }
}

pub(super) async fn write(fd: &AsyncFd<OwnedFd>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let mut ready = fd.writable().await?;
        match ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), bytes)?)) {
            Ok(Ok(length)) => bytes = &bytes[length..],
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            Err(_not_ready) => {}
        }
    }
    Ok(())
}
