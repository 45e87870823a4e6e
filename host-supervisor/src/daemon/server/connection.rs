//! A connection's bytes, in clear or not, and the seat that it takes as long as anything has it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::Seat;

#[derive(Debug)]
pub(super) struct Connection {
    stream: Either<TcpStream, Box<TlsStream<TcpStream>>>,
    /// To be told when the client has said something.
    spoken: Option<Arc<Notify>>,
    _seat: Seat,
}

impl Connection {
    pub(super) fn plain(stream: TcpStream, seat: Seat) -> Self {
        Self { stream: Either::Left(stream), spoken: None, _seat: seat }
    }

    pub(super) fn secret(stream: TlsStream<TcpStream>, seat: Seat) -> Self {
        Self { stream: Either::Right(Box::new(stream)), spoken: None, _seat: seat }
    }

    /// Tells, once, when the client has said something.
    pub(super) fn telling(mut self, spoken: &Arc<Notify>) -> Self {
        self.spoken = Some(Arc::clone(spoken));
        self
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut Either<TcpStream, Box<TlsStream<TcpStream>>>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = self.as_mut().stream().poll_read(context, buffer);
        if polled.is_ready()
            && let Some(spoken) = self.spoken.take()
        {
            spoken.notify_one();
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
