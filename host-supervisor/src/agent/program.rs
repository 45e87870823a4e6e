//! A program of the guest's that reads nothing, and whose output is read here: at the pace of whoever reads, and with bounded
//! memory. It is left when nobody reads any more. It does not outlive its connection.

#[cfg(test)]
mod tests;

use std::{io, time::Duration};

use anteroom_protocol::exec::{Ended, ExecSpec, Frame, FrameError, MAX_DATA_BYTES, OUTPUT_WINDOW};
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    task::JoinHandle,
    time::{interval, timeout},
};

/// Frames of output that wait for whoever reads.
const AHEAD: usize = 4;
/// A part of the window that is small enough not to make the guest wait.
const TELL_EVERY_BYTES: u64 = OUTPUT_WINDOW / 8;
/// Of its complaints.
const MAX_COMPLAINT_BYTES: usize = 4096;
/// How long a program may take to end that is left.
const LAST_WORDS: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_millis(600);
const SIGHUP: u8 = 1;

/// Why it was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("the connection to the VM has ended")]
    Lost(#[from] io::Error),
    #[error("the VM does not keep to the protocol")]
    Frame(#[from] FrameError),
    #[error("the VM sends a frame that only a host sends")]
    Direction,
    #[error("the VM refuses: {0}")]
    Refused(String),
    /// Nobody reads what it says.
    #[error("it was left")]
    Left,
}

/// How it ended, and what it had to complain about.
#[derive(Debug)]
pub struct End {
    pub ended: Ended,
    pub complaint: String,
}

/// A running one.
#[derive(Debug)]
pub struct Program {
    output: mpsc::Receiver<Bytes>,
    following: JoinHandle<Result<End, ProgramError>>,
}

impl Program {
    /// Begins it on a stream of [frames](anteroom_protocol::exec).
    pub(super) fn begin(stream: impl AsyncRead + AsyncWrite + Send + 'static, spec: ExecSpec) -> Self {
        let (send, output) = mpsc::channel(AHEAD);
        Self { output, following: tokio::spawn(follow(stream, spec, send)) }
    }

    /// What it writes to standard output, piece by piece; nothing when that has ended.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.output.recv().await
    }

    /// How it has ended. One whose output goes on is left.
    ///
    /// # Errors
    /// When that is not known.
    pub async fn end(mut self) -> Result<End, ProgramError> {
        self.output.close();
        self.following.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }
}

async fn follow(
    stream: impl AsyncRead + AsyncWrite,
    spec: ExecSpec,
    output: mpsc::Sender<Bytes>,
) -> Result<End, ProgramError> {
    let (mut from, mut to) = tokio::io::split(stream);
    let (mut inbox, mut batch) = (BytesMut::new(), BytesMut::new());
    Frame::Start(Box::new(spec)).write(&mut batch)?;
    Frame::InputEnd.write(&mut batch)?;
    let (mut came, mut told, mut complaint) = (0, 0, Vec::new());
    loop {
        while let Some(frame) = Frame::read(&mut inbox)? {
            match frame {
                Frame::Stdout(bytes) => {
                    came += bytes.len() as u64;
                    if output.send(bytes).await.is_err() {
                        leave(&mut from, &mut to, &mut inbox, &mut batch).await;
                        return Err(ProgramError::Left);
                    }
                }
                Frame::Stderr(bytes) => {
                    came += bytes.len() as u64;
                    let room = MAX_COMPLAINT_BYTES - complaint.len();
                    complaint.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                Frame::Ended(ended) => {
                    Frame::Seen.write(&mut batch)?;
                    // It counts as ended, whether the guest hears of it or not.
                    let _ = send(&mut to, &mut batch).await;
                    return Ok(End { ended, complaint: printable(&String::from_utf8_lossy(&complaint)) });
                }
                Frame::Refused(problem) => return Err(ProgramError::Refused(printable(&problem.error))),
                Frame::Begun(_) | Frame::Credit(_) => {}
                _ => return Err(ProgramError::Direction),
            }
        }
        if came - told >= TELL_EVERY_BYTES {
            told = came;
            Frame::Taken(came).write(&mut batch)?;
        }
        send(&mut to, &mut batch).await?;
        inbox.reserve(MAX_DATA_BYTES);
        tokio::select! {
            read = from.read_buf(&mut inbox) => {
                if read? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            }
            () = output.closed() => {
                leave(&mut from, &mut to, &mut inbox, &mut batch).await;
                return Err(ProgramError::Left);
            }
        }
    }
}

/// Leaves a program, which hears of it as of a terminal that was closed; `batch` is what has to be said before. Whoever hangs
/// up with bytes unread may take back what he has said last (RFC 1122, section 4.2.2.13), so its end is waited for, for a moment.
pub async fn leave(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    inbox: &mut BytesMut,
    batch: &mut BytesMut,
) {
    let _ = timeout(LAST_WORDS, hang_up(from, to, inbox, batch)).await;
}

async fn hang_up(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    inbox: &mut BytesMut,
    batch: &mut BytesMut,
) -> Result<(), ProgramError> {
    // What it says now is nobody's, and must not keep it from ending.
    Frame::Taken(u64::MAX).write(batch)?;
    let mut asks = interval(ASK_AGAIN);
    loop {
        match Frame::read(inbox)? {
            Some(Frame::Ended(_)) => break,
            Some(_) => continue,
            None => {}
        }
        tokio::select! {
            // A shell that is just about to run something hears of it when that has ended, and what it runs must be asked itself.
            _ = asks.tick() => {
                Frame::Signal(SIGHUP).write(batch)?;
                send(to, batch).await?;
            }
            read = from.read_buf(inbox) => if read? == 0 { return Ok(()) },
        }
    }
    Frame::Seen.write(batch)?;
    Ok(send(to, batch).await?)
}

/// Sends what there is, as one.
///
/// # Errors
/// When the connection has ended.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), batch: &mut BytesMut) -> io::Result<()> {
    if !batch.is_empty() {
        to.write_all(batch).await?;
        to.flush().await?;
        batch.clear();
    }
    Ok(())
}

/// A guest may have written anything.
#[must_use]
pub fn printable(text: &str) -> String {
    text.trim().chars().take(500).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
