//! Our own terminal, and what comes from it: keys, sizes, signals.

use std::{
    io::{self, IsTerminal as _, Read as _},
    os::fd::AsFd as _,
    thread,
};

use bytes::Bytes;
use nix::sys::signal::Signal;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::{
    attach::Control,
    escape::{Escape, Keys},
};

/// Read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// A terminal that passes every key on; it is as it was before when this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct RawTerminal(Termios);

impl RawTerminal {
    /// Nothing when standard input is no terminal: then there is nothing to put back.
    pub(in crate::cli) fn take() -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdin.as_fd())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw)?;
        Ok(Some(Self(before)))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Flush, &self.0);
    }
}

/// Rows and columns of our terminal; those of a teletype when there is none.
pub(in crate::cli) fn size() -> (u16, u16) {
    let known = tcgetwinsize(io::stdout().as_fd()).or_else(|_| tcgetwinsize(io::stdin().as_fd()));
    known.map(|size| (size.ws_row.max(1), size.ws_col.max(1))).unwrap_or((24, 80))
}

/// Standard input, on a thread that nothing can wake and that ends with the process. It reads ahead by two chunks at most.
pub(in crate::cli) fn read(mut escape: Option<Escape>, tell: mpsc::Sender<Control>) -> mpsc::Receiver<Bytes> {
    let (send, input) = mpsc::channel(1);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = match stdin.read(&mut chunk) {
                Ok(0) => return,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            let (keys, leave) = match escape.as_mut().map(|escape| escape.take(&chunk[..length])) {
                None => (chunk[..length].to_vec(), false),
                Some(Keys::Pass(keys)) => (keys, false),
                Some(Keys::Leave(keys)) => (keys, true),
            };
            if !keys.is_empty() && send.blocking_send(keys.into()).is_err() {
                return;
            }
            if leave {
                let _ = tell.blocking_send(Control::Leave);
                return;
            }
        }
    });
    input
}

/// Passes signals on as long as the program runs. With a raw terminal the keys of interrupt and quit never become signals
/// here.
pub(super) fn tell_signals(tell: mpsc::Sender<Control>, raw: bool) -> io::Result<()> {
    for (kind, number) in [
        (SignalKind::interrupt(), Signal::SIGINT),
        (SignalKind::quit(), Signal::SIGQUIT),
        (SignalKind::terminate(), Signal::SIGTERM),
        (SignalKind::hangup(), Signal::SIGHUP),
    ] {
        let mut signals = signal(kind)?;
        let number = u8::try_from(number as i32).unwrap_or_default();
        let tell = tell.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let _ = tell.send(Control::Signal(number)).await;
            }
        });
    }
    if raw {
        let mut sizes = signal(SignalKind::window_change())?;
        tokio::spawn(async move {
            while sizes.recv().await.is_some() {
                let (rows, columns) = size();
                let _ = tell.send(Control::Resize { rows, columns }).await;
            }
        });
    }
    Ok(())
}
