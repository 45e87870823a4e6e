//! A picture that is drawn anew and anew, on a screen of its own (xterm's alternate one), until the person has seen enough.

use std::io::{self, Write as _};

use bytes::Bytes;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::cli::exec::keyboard::{self, RawTerminal};

/// Alternate screen, no cursor.
const OPEN: &str = "\x1b[?1049h\x1b[?25l";
const CLOSE: &str = "\x1b[?25h\x1b[?1049l";
/// `q`, and Ctrl+C, which is no signal while the terminal is raw.
const LEAVE: [u8; 3] = [b'q', b'Q', 3];

/// The terminal is as it was when this is dropped.
pub(super) struct Screen {
    keys: Option<mpsc::Receiver<Bytes>>,
    interrupted: Signal,
    terminated: Signal,
    _raw: Option<RawTerminal>,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let raw = RawTerminal::take()?;
        let keys = raw.as_ref().map(|_| keyboard::read(None, mpsc::channel(1).0));
        let screen = Self {
            keys,
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
            _raw: raw,
        };
        write(OPEN);
        Ok(screen)
    }

    /// Waits until the person wants to leave.
    pub(super) async fn left(&mut self) {
        loop {
            let key = async {
                match &mut self.keys {
                    Some(keys) => keys.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                key = key => match key {
                    Some(key) if key.iter().any(|byte| LEAVE.contains(byte)) => return,
                    Some(_) => {}
                    None => self.keys = None,
                },
                _ = self.interrupted.recv() => return,
                _ = self.terminated.recv() => return,
            }
        }
    }

    /// As much as there is room for; what was there before is gone.
    pub(super) fn draw(&self, text: &str) {
        let rows = usize::from(keyboard::size().0);
        let lines: Vec<&str> = text.lines().take(rows).collect();
        // Each line clears what was behind it, and the last one what was below; so nothing flickers.
        write(&format!("\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n")));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write(CLOSE);
    }
}

/// A terminal that is gone is noticed where its keys come from.
fn write(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
