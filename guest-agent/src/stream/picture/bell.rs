//! Wakes the camera's thread, which waits on descriptors.

use std::{
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::time::TimeSpec,
};

/// The side that is rung.
#[derive(Debug)]
pub(super) struct Bell(UnixStream);

/// The side that is heard.
#[derive(Debug)]
pub(super) struct Ear(UnixStream);

pub(super) fn bell() -> io::Result<(Bell, Ear)> {
    let (bell, ear) = UnixStream::pair()?;
    bell.set_nonblocking(true)?;
    ear.set_nonblocking(true)?;
    Ok((Bell(bell), Ear(ear)))
}

impl Bell {
    pub(super) fn ring(&self) {
        // A full buffer has been heard well enough; nobody is there to hear when the other side is gone.
        let _ = (&self.0).write(&[1]);
    }
}

impl Ear {
    /// Waits until the bell has been rung, `other` is readable, or it is `until` (never, when there is none).
    pub(super) fn wait(&self, other: BorrowedFd<'_>, until: Option<Instant>) -> io::Result<()> {
        let mut descriptors =
            [PollFd::new(self.0.as_fd(), PollFlags::POLLIN), PollFd::new(other, PollFlags::POLLIN)];
        let time = until.map(|until| until.saturating_duration_since(Instant::now()));
        match ppoll(&mut descriptors, time.map(|time: Duration| TimeSpec::from(time)), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut rung = [0; 64];
        while matches!((&self.0).read(&mut rung), Ok(length) if length == rung.len()) {}
        Ok(())
    }
}
