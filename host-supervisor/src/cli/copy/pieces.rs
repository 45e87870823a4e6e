//! An archive on its way inside this process: in pieces, from whoever writes it to whoever reads it, who may each be a thread or a
//! task.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::{io::AsyncWrite, sync::mpsc};
use tokio_util::sync::PollSender;

use super::progress::Counted;

/// Pieces that wait for whoever reads.
const AHEAD: usize = 4;

/// The two ends; what is written is counted.
pub(super) fn channel(counted: &Arc<Counted>) -> (Pieces, mpsc::Receiver<Bytes>) {
    let (send, receive) = mpsc::channel(AHEAD);
    (Pieces { to: PollSender::new(send), counted: Arc::clone(counted) }, receive)
}

/// Each is what was written at once. It is written to by a task, or on a thread that may wait.
pub(super) struct Pieces {
    to: PollSender<Bytes>,
    counted: Arc<Counted>,
}

impl AsyncWrite for Pieces {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = match ready!(self.to.poll_reserve(context)) {
            Ok(()) => self.to.send_item(Bytes::copy_from_slice(bytes)),
            Err(error) => Err(error),
        };
        Poll::Ready(sent.map_err(|_| io::ErrorKind::BrokenPipe.into()).map(|()| {
            self.counted.add(bytes.len());
            bytes.len()
        }))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.close();
        Poll::Ready(Ok(()))
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let to = self.to.get_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        to.blocking_send(Bytes::copy_from_slice(bytes)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.counted.add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The pieces again, for whoever reads on a thread of its own.
pub(super) struct Chunks {
    coming: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Chunks {
    pub(super) fn new(coming: mpsc::Receiver<Bytes>) -> Self {
        Self { coming, rest: Bytes::new() }
    }
}

impl io::Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.coming.blocking_recv().unwrap_or_default();
        }
        let length = into.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write};

    use tokio::{io::AsyncWriteExt, task::spawn_blocking};

    use super::*;

    #[tokio::test]
    async fn what_a_task_or_a_thread_writes_a_thread_reads() {
        let counted = Arc::new(Counted::new(true));
        let read = |coming| {
            spawn_blocking(move || {
                let mut all = String::new();
                Chunks::new(coming).read_to_string(&mut all).map(|_| all)
            })
        };
        let (mut pieces, coming) = channel(&counted);
        let reading = read(coming);
        for word in ["one ", "two ", "three ", "four ", "five ", "six"] {
            AsyncWriteExt::write_all(&mut pieces, word.as_bytes()).await.unwrap();
        }
        AsyncWriteExt::shutdown(&mut pieces).await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), "one two three four five six");

        let (mut pieces, coming) = channel(&counted);
        let reading = read(coming);
        spawn_blocking(move || Write::write_all(&mut pieces, b"a thread")).await.unwrap().unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), "a thread");

        let (mut pieces, coming) = channel(&counted);
        drop(coming);
        let error = AsyncWriteExt::write_all(&mut pieces, b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
