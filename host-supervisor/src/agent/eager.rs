//! A connection on which something follows a request at once, instead of waiting for the answer: a round trip to an emulated guest
//! takes milliseconds.
//!
//! ```text
//!  GET /exec, Upgrade: anteroom-exec ─▶          what whoever takes the connection over finds in it already (hyper keeps
//!  Start {argv, ...}                 ─▶          what comes behind a request for him)
//!                                    ◀─ 101
//! ```
//! An agent that refuses the request takes what follows for another one, which is none, and hangs up.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug)]
pub(super) struct Eager<S> {
    stream: S,
    /// Empty when it was sent.
    follows: Bytes,
    /// Whether there is something that it can follow.
    asked: bool,
}

impl<S> Eager<S> {
    pub(super) fn new(stream: S, follows: Bytes) -> Self {
        Self { stream, follows, asked: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Eager<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Eager<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let eager = self.get_mut();
        let written = ready!(Pin::new(&mut eager.stream).poll_write(context, bytes))?;
        eager.asked |= written > 0;
        Poll::Ready(Ok(written))
    }

    /// The request is whole: who makes one flushes when all of it is written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let eager = self.get_mut();
        while eager.asked && !eager.follows.is_empty() {
            let written = ready!(Pin::new(&mut eager.stream).poll_write(context, &eager.follows))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            eager.follows.advance(written);
        }
        Pin::new(&mut eager.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_follows_comes_behind_the_request_and_before_everything_else_and_once() {
        // Smaller than either.
        let (near, mut far) = duplex(3);
        let reading = tokio::spawn(async move {
            let mut all = String::new();
            far.read_to_string(&mut all).await.map(|_| all)
        });
        let mut eager = Eager::new(near, Bytes::from_static(b"[follows]"));
        eager.flush().await.unwrap();
        eager.write_all(b"[request]").await.unwrap();
        eager.flush().await.unwrap();
        eager.write_all(b"[more]").await.unwrap();
        eager.flush().await.unwrap();
        drop(eager);
        assert_eq!(reading.await.unwrap().unwrap(), "[request][follows][more]");
    }
}
