//! A program of the guest's whose output is read here: at the pace of whoever reads, and with bounded memory. It is left when
//! nobody reads any more. It does not outlive its connection.

mod input;
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

use input::Input;

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

/// Something that it has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Output(Bytes),
    /// To standard error.
    Complaint(Bytes),
}

/// What becomes of standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaints {
    /// The beginning of it is kept, for [`End::complaint`].
    Kept,
    /// It is told as it comes, and not kept.
    Told,
}

/// What it is run with.
#[derive(Debug)]
pub struct Run {
    pub spec: ExecSpec,
    /// Piece by piece, until the sender is dropped.
    pub input: mpsc::Receiver<Bytes>,
    pub complaints: Complaints,
}

/// A running one.
#[derive(Debug)]
pub struct Program {
    output: mpsc::Receiver<Piece>,
    signals: mpsc::Sender<u8>,
    following: JoinHandle<Result<End, ProgramError>>,
}

impl Run {
    /// One that reads nothing.
    #[must_use]
    pub fn without_input(spec: ExecSpec) -> Self {
        Self { spec, input: mpsc::channel(1).1, complaints: Complaints::Kept }
    }

    /// What goes with the call, and what is left to do when it is taken.
    pub(super) fn open(self) -> Result<(Bytes, Opened), FrameError> {
        let (mut first, mut input) = (BytesMut::new(), Input::new(self.input));
        Frame::Start(Box::new(self.spec)).write(&mut first)?;
        input.send_what_waits(&mut first)?;
        Ok((first.freeze(), Opened { input, complaints: self.complaints }))
    }
}

/// Of a program that the guest was asked to begin.
#[derive(Debug)]
pub(super) struct Opened {
    input: Input,
    complaints: Complaints,
}

impl Program {
    /// Follows it on a stream of [frames](anteroom_protocol::exec) whose first were sent already.
    pub(super) fn begun(stream: impl AsyncRead + AsyncWrite + Send + 'static, opened: Opened) -> Self {
        let (send, output) = mpsc::channel(AHEAD);
        let (signals, signalled) = mpsc::channel(4);
        Self { output, signals, following: tokio::spawn(follow(stream, opened, signalled, send)) }
    }

    /// What it writes to standard output, piece by piece; nothing when that has ended.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Piece::Output(bytes) = self.next_piece().await? {
                return Some(bytes);
            }
        }
    }

    /// What it writes, in the order in which it came; nothing when it has ended.
    pub async fn next_piece(&mut self) -> Option<Piece> {
        self.output.recv().await
    }

    /// Sends a signal to its process group, by its number (signal(7)).
    pub async fn signal(&self, number: u8) {
        // An error means that it has ended.
        let _ = self.signals.send(number).await;
    }

    /// Lets it end, whatever it still says, and says how that was.
    ///
    /// # Errors
    /// When that is not known.
    pub async fn to_its_end(mut self) -> Result<End, ProgramError> {
        while self.next_piece().await.is_some() {}
        self.end().await
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
    Opened { mut input, complaints }: Opened,
    mut signals: mpsc::Receiver<u8>,
    output: mpsc::Sender<Piece>,
) -> Result<End, ProgramError> {
    let (mut from, mut to) = tokio::io::split(stream);
    let (mut inbox, mut batch) = (BytesMut::new(), BytesMut::new());
    input.begun(&mut batch)?;
    let (mut came, mut told, mut complaint) = (0, 0, Vec::new());
    loop {
        while let Some(frame) = Frame::read(&mut inbox)? {
            match frame {
                Frame::Stdout(bytes) => {
                    came += bytes.len() as u64;
                    if output.send(Piece::Output(bytes)).await.is_err() {
                        leave(&mut from, &mut to, &mut inbox, &mut batch).await;
                        return Err(ProgramError::Left);
                    }
                }
                Frame::Stderr(bytes) => {
                    came += bytes.len() as u64;
                    if complaints == Complaints::Told {
                        // Whoever has left is noticed below.
                        let _ = output.send(Piece::Complaint(bytes)).await;
                        continue;
                    }
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
                Frame::Credit(allowed) => input.allow(allowed, &mut batch)?,
                Frame::Begun(_) => {}
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
            piece = input.next() => input.take(piece, &mut batch)?,
            Some(number) = signals.recv() => Frame::Signal(number).write(&mut batch)?,
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
