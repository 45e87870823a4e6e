//! Our own standard output and error, written by one thread: tokio's would hand each piece over to a thread and back.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd},
};

use bytes::Bytes;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::io::Errno;
use tokio::sync::{mpsc, watch};

use super::{Source, Told, Written};

/// Until nothing comes any more, or nobody reads.
pub(super) fn write(mut queued: mpsc::UnboundedReceiver<(Source, Bytes)>, tell: watch::Sender<Written>) {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let mut told = Told::by(tell);
    loop {
        let next = queued.try_recv().ok().or_else(|| {
            told.tell();
            queued.blocking_recv()
        });
        let Some((source, bytes)) = next else { return };
        let to = match source {
            Source::Stdout => stdout.as_fd(),
            Source::Stderr => stderr.as_fd(),
        };
        match write_all(to, &bytes) {
            Ok(()) => told.wrote(bytes.len()),
            Err(_) => return told.closed(),
        }
    }
}

/// Whoever has given us a standard stream may have made it one that does not wait.
fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(to, PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_pipe_that_does_not_wait_gets_everything_and_one_that_nobody_reads_is_an_error() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let bytes = vec![7; 1 << 20];
        let reading = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let mut came = vec![0; 1 << 20];
            reader.read_exact(&mut came).map(|()| came)
        });
        write_all(writer.as_fd(), &bytes).unwrap();
        assert!(reading.join().unwrap().unwrap() == bytes);
        assert!(write_all(writer.as_fd(), b"x").is_err(), "the reader is gone");
    }
}
