//! Where a program's output goes: written by a task of its own, so that whoever reads slowly stops the program and nothing else.

mod ours;

use anteroom_protocol::exec::OUTPUT_WINDOW;
use bytes::Bytes;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_blocking},
};

/// A part of the window that is small enough not to make the guest wait.
pub(super) const TELL_EVERY_BYTES: u64 = OUTPUT_WINDOW / 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Source {
    Stdout,
    Stderr,
}

/// What was written, in bytes, and whether there is still somebody to write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(in crate::cli) struct Outlet {
    // What waits here is what the guest may send before it is told that something was taken.
    queue: mpsc::UnboundedSender<(Source, Bytes)>,
    written: watch::Receiver<Written>,
    task: JoinHandle<()>,
}

impl Outlet {
    pub(in crate::cli) fn new(
        stdout: impl AsyncWrite + Unpin + Send + 'static,
        stderr: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (queue, queued) = mpsc::unbounded_channel();
        let (tell, written) = watch::channel(Written::default());
        let task = tokio::spawn(write(queued, tell, stdout, stderr));
        Self { queue, written, task }
    }

    /// Where this process writes.
    pub(in crate::cli) fn ours() -> Self {
        let (queue, queued) = mpsc::unbounded_channel();
        let (tell, written) = watch::channel(Written::default());
        let task = spawn_blocking(move || ours::write(queued, tell));
        Self { queue, written, task }
    }

    pub(super) fn push(&self, source: Source, bytes: Bytes) {
        // Whoever writes has met an error then, which is told below.
        let _ = self.queue.send((source, bytes));
    }

    pub(super) fn written(&self) -> watch::Receiver<Written> {
        self.written.clone()
    }

    /// Until everything is written.
    pub(super) async fn finish(self) {
        drop(self.queue);
        let _ = self.task.await;
    }
}

/// Tells what was written: not every piece of it while there is more to write, because each time wakes somebody.
struct Told {
    by: watch::Sender<Written>,
    untold: u64,
}

impl Told {
    fn by(by: watch::Sender<Written>) -> Self {
        Self { by, untold: 0 }
    }

    fn wrote(&mut self, length: usize) {
        self.untold += length as u64;
        if self.untold >= TELL_EVERY_BYTES {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let untold = std::mem::take(&mut self.untold);
        if untold > 0 {
            self.by.send_modify(|told| told.bytes += untold);
        }
    }

    fn closed(self) {
        self.by.send_modify(|told| told.closed = true);
    }
}

async fn write(
    mut queued: mpsc::UnboundedReceiver<(Source, Bytes)>,
    tell: watch::Sender<Written>,
    mut stdout: impl AsyncWrite + Unpin,
    mut stderr: impl AsyncWrite + Unpin,
) {
    let mut told = Told::by(tell);
    loop {
        let next = match queued.try_recv() {
            Ok(next) => Some(next),
            Err(_) => {
                told.tell();
                queued.recv().await
            }
        };
        let Some((source, bytes)) = next else { break };
        let written = match source {
            Source::Stdout => both(&mut stdout, &bytes).await,
            Source::Stderr => both(&mut stderr, &bytes).await,
        };
        match written {
            Ok(()) => told.wrote(bytes.len()),
            Err(_) => return told.closed(),
        }
    }
    let _ = stdout.shutdown().await;
}

async fn both(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
