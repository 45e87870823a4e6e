//! The frames, as bytes.
//!
//! ```text
//!  ┌──────┬────────┬─────────┐
//!  │ kind │ length │ payload │   the length is the payload's, big-endian
//!  │ 1    │ 4      │ length  │
//!  └──────┴────────┴─────────┘
//! ```
//! `Start`, `Attach`, `Begun`, `Ended` and `Refused` are JSON; numbers are big-endian.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    ExecSpec,
    spec::{Attach, Begun, Ended},
};
use crate::agent::Problem;

/// The most that one frame carries of a program's input or output.
pub const MAX_DATA_BYTES: usize = 64 * 1024;
/// The most that a frame of JSON has.
const MAX_JSON_BYTES: usize = 256 * 1024;
/// What stands before every payload.
pub const HEADER_BYTES: usize = 5;

/// What is said, in either direction; each direction has its own kinds.
#[derive(Debug)]
pub enum Frame {
    /// The first of a connection: run this.
    Start(Box<ExecSpec>),
    /// The first of a connection: go on with what runs already.
    Attach(Attach),
    /// For the program's standard input: at most [`MAX_DATA_BYTES`], never empty.
    Input(Bytes),
    /// The program's standard input ends. Of a terminal, this means nothing.
    InputEnd,
    /// The terminal has another size, in characters.
    Resize {
        rows: u16,
        columns: u16,
    },
    /// To the program's process group, by number (signal(7)).
    Signal(u8),
    /// That many bytes of output, from the very first on, need not be kept any more.
    Taken(u64),
    /// The last of a connection: [`Frame::Ended`] has come, and the guest may forget the program.
    Seen,

    /// It runs, or runs still. Once more when output was forgotten before this host could be told of it.
    Begun(Begun),
    /// Of its standard output, or of its terminal.
    Stdout(Bytes),
    Stderr(Bytes),
    /// Input may be sent up to that byte, counted from the very first.
    Credit(u64),
    /// Everything it has said came before; [`Frame::Seen`] is the answer.
    Ended(Ended),
    /// The last of a connection: what was asked for cannot be, and why.
    Refused(Problem),
}

/// The bytes are no frames; nothing that follows can be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("{0} is no kind of frame")]
    Kind(u8),
    #[error("a frame of kind {kind} with {length} bytes: expected {expected}")]
    Length { kind: u8, length: usize, expected: &'static str },
    #[error("a frame of kind {kind} holds no JSON of its kind")]
    Json { kind: u8 },
    #[error("a frame of {0} bytes is too large to be sent")]
    TooLarge(usize),
}

mod kind {
    pub(super) const START: u8 = 0x01;
    pub(super) const ATTACH: u8 = 0x02;
    pub(super) const INPUT: u8 = 0x03;
    pub(super) const INPUT_END: u8 = 0x04;
    pub(super) const RESIZE: u8 = 0x05;
    pub(super) const SIGNAL: u8 = 0x06;
    pub(super) const TAKEN: u8 = 0x07;
    pub(super) const SEEN: u8 = 0x08;
    pub(super) const BEGUN: u8 = 0x81;
    pub(super) const STDOUT: u8 = 0x82;
    pub(super) const STDERR: u8 = 0x83;
    pub(super) const CREDIT: u8 = 0x84;
    pub(super) const ENDED: u8 = 0x85;
    pub(super) const REFUSED: u8 = 0x86;
}

impl Frame {
    /// Appends it to the stream.
    ///
    /// # Errors
    /// When it could not be read again; nothing is appended then.
    pub fn write(&self, stream: &mut BytesMut) -> Result<(), FrameError> {
        match self {
            Self::Start(spec) => json(stream, kind::START, spec),
            Self::Attach(attach) => json(stream, kind::ATTACH, attach),
            Self::Input(bytes) => put(stream, kind::INPUT, bytes),
            Self::InputEnd => put(stream, kind::INPUT_END, &[]),
            Self::Resize { rows, columns } => {
                let [a, b] = rows.to_be_bytes();
                let [c, d] = columns.to_be_bytes();
                put(stream, kind::RESIZE, &[a, b, c, d])
            }
            Self::Signal(number) => put(stream, kind::SIGNAL, &[*number]),
            Self::Taken(through) => put(stream, kind::TAKEN, &through.to_be_bytes()),
            Self::Seen => put(stream, kind::SEEN, &[]),
            Self::Begun(begun) => json(stream, kind::BEGUN, begun),
            Self::Stdout(bytes) => put(stream, kind::STDOUT, bytes),
            Self::Stderr(bytes) => put(stream, kind::STDERR, bytes),
            Self::Credit(through) => put(stream, kind::CREDIT, &through.to_be_bytes()),
            Self::Ended(ended) => json(stream, kind::ENDED, ended),
            Self::Refused(problem) => json(stream, kind::REFUSED, problem),
        }
    }

    /// What stands before so many bytes of standard output: for who has them where he sends them from.
    ///
    /// # Errors
    /// When no frame has so many, or none.
    pub fn stdout_header(length: usize) -> Result<[u8; HEADER_BYTES], FrameError> {
        header(kind::STDOUT, length)
    }

    /// The same of standard error.
    ///
    /// # Errors
    /// The same.
    pub fn stderr_header(length: usize) -> Result<[u8; HEADER_BYTES], FrameError> {
        header(kind::STDERR, length)
    }

    /// Takes the first frame off the stream; `None` when it is not complete yet.
    ///
    /// # Errors
    /// When the other side does not keep to the format; the stream is of no use then.
    pub fn read(stream: &mut BytesMut) -> Result<Option<Self>, FrameError> {
        let Some(mut header) = stream.get(..HEADER_BYTES) else { return Ok(None) };
        let kind = header.get_u8();
        let length = usize::try_from(header.get_u32()).unwrap_or(usize::MAX);
        check_length(kind, length)?;
        if stream.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        stream.advance(HEADER_BYTES);
        let mut payload = stream.split_to(length).freeze();
        Ok(Some(match kind {
            kind::START => Self::Start(parse(kind, &payload)?),
            kind::ATTACH => Self::Attach(parse(kind, &payload)?),
            kind::INPUT => Self::Input(payload),
            kind::INPUT_END => Self::InputEnd,
            kind::RESIZE => Self::Resize { rows: payload.get_u16(), columns: payload.get_u16() },
            kind::SIGNAL => Self::Signal(payload.get_u8()),
            kind::TAKEN => Self::Taken(payload.get_u64()),
            kind::SEEN => Self::Seen,
            kind::BEGUN => Self::Begun(parse(kind, &payload)?),
            kind::STDOUT => Self::Stdout(payload),
            kind::STDERR => Self::Stderr(payload),
            kind::CREDIT => Self::Credit(payload.get_u64()),
            kind::ENDED => Self::Ended(parse(kind, &payload)?),
            kind::REFUSED => Self::Refused(parse(kind, &payload)?),
            other => return Err(FrameError::Kind(other)),
        }))
    }
}

/// Told from the header alone, before anything is kept of the rest.
fn check_length(kind: u8, length: usize) -> Result<(), FrameError> {
    let (bounds, expected) = match kind {
        kind::INPUT | kind::STDOUT | kind::STDERR => (1..=MAX_DATA_BYTES, "1 to 65536"),
        kind::INPUT_END | kind::SEEN => (0..=0, "none"),
        kind::RESIZE => (4..=4, "4"),
        kind::SIGNAL => (1..=1, "1"),
        kind::TAKEN | kind::CREDIT => (8..=8, "8"),
        kind::START | kind::ATTACH | kind::BEGUN | kind::ENDED | kind::REFUSED => {
            (2..=MAX_JSON_BYTES, "2 to 262144")
        }
        other => return Err(FrameError::Kind(other)),
    };
    if bounds.contains(&length) { Ok(()) } else { Err(FrameError::Length { kind, length, expected }) }
}

fn put(stream: &mut BytesMut, kind: u8, payload: &[u8]) -> Result<(), FrameError> {
    let header = header(kind, payload.len())?;
    stream.reserve(HEADER_BYTES + payload.len());
    stream.put_slice(&header);
    stream.put_slice(payload);
    Ok(())
}

fn header(kind: u8, length: usize) -> Result<[u8; HEADER_BYTES], FrameError> {
    check_length(kind, length)?;
    let [a, b, c, d] = u32::try_from(length).map_err(|_| FrameError::TooLarge(length))?.to_be_bytes();
    Ok([kind, a, b, c, d])
}

fn json(stream: &mut BytesMut, kind: u8, value: &impl Serialize) -> Result<(), FrameError> {
    let text = serde_json::to_vec(value).map_err(|_| FrameError::Json { kind })?;
    put(stream, kind, &text)
}

/// serde's own message may quote what it has read, which may be a secret of the program's environment.
fn parse<T: DeserializeOwned>(kind: u8, payload: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(payload).map_err(|_| FrameError::Json { kind })
}
