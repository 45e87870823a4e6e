//! Where a program's output goes: written by a task of its own, so that whoever reads slowly stops the program and nothing else.

use bytes::Bytes;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, watch},
    task::JoinHandle,
};

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

async fn write(
    mut queued: mpsc::UnboundedReceiver<(Source, Bytes)>,
    tell: watch::Sender<Written>,
    mut stdout: impl AsyncWrite + Unpin,
    mut stderr: impl AsyncWrite + Unpin,
) {
    while let Some((source, bytes)) = queued.recv().await {
        let written = match source {
            Source::Stdout => both(&mut stdout, &bytes).await,
            Source::Stderr => both(&mut stderr, &bytes).await,
        };
        tell.send_modify(|told| match written {
            Ok(()) => told.bytes += bytes.len() as u64,
            Err(_) => told.closed = true,
        });
        if written.is_err() {
            return;
        }
    }
    let _ = stdout.shutdown().await;
}

async fn both(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
