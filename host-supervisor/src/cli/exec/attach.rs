//! One program in a VM, followed to its end, over as many connections as it takes.
//!
//! ```text
//!  connect ──Start──▶ Begun ──▶ carry ──Ended──▶ Seen
//!     ▲                           │ the connection breaks: a daemon is replaced by another
//!     └──────Attach {id, output}──┘
//! ```

use std::{
    io,
    time::{Duration, Instant},
};

use anteroom_protocol::exec::{
    Attach, Begun, Ended, ExecId, ExecSpec, FIRST_HEADER, Frame, FrameError, GRACE, MAX_DATA_BYTES,
    MAX_FIRST_BYTES, OUTPUT_WINDOW, UPGRADE_EXEC,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    sync::{mpsc, watch},
    time::sleep,
};

use super::{
    outlet::{Outlet, Source, TELL_EVERY_BYTES, Written},
    sent::{Impossible, Sent},
};
use crate::{
    agent::program::{leave, printable, send},
    cli::{
        client::{Client, UpgradeError},
        exit::{Exit, Problem},
    },
    failure::causes,
};

/// Between two tries to reach a daemon that is being replaced, or a VM that does not answer yet.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long a VM may take to answer that was just started.
const VM_PATIENCE: Duration = Duration::from_secs(180);
/// Of a program that is left because nobody reads its output: 128 and SIGPIPE's number.
const BROKEN_PIPE: i32 = 141;

/// Read ahead. What is left of a frame is copied whenever a buffer is full, so it holds several.
const INBOX_BYTES: usize = 4 * MAX_DATA_BYTES;

/// No program reads or writes more; sums of such numbers do not overflow.
const MOST_BYTES: u64 = 1 << 60;

/// What comes from our end.
#[derive(Debug)]
pub(in crate::cli) struct Local {
    /// What the program reads; closed when there is nothing more.
    pub(in crate::cli) input: mpsc::Receiver<Bytes>,
    pub(in crate::cli) control: mpsc::Receiver<Control>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Control {
    /// A signal's number.
    Signal(u8),
    Resize {
        rows: u16,
        columns: u16,
    },
    /// The person has had enough of it.
    Leave,
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
enum Break {
    #[error("the connection has ended")]
    Lost(#[from] io::Error),
    #[error("the VM does not keep to the protocol")]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Input(#[from] Impossible),
    #[error("the VM sends more than it may")]
    Flood,
    #[error("the VM counts a program's bytes as they cannot be")]
    Count,
    #[error("{0}")]
    Refused(String),
}

/// How it begins.
#[derive(Debug)]
pub(in crate::cli) enum Begin {
    Program(Box<ExecSpec>),
    /// One that runs already; all that is kept of its output comes first.
    Running(ExecId),
}

impl Begin {
    fn frame(self) -> Frame {
        match self {
            Self::Program(spec) => Frame::Start(spec),
            Self::Running(id) => Frame::Attach(Attach { id, output: None }),
        }
    }
}

/// Starts a program that goes on alone.
///
/// # Errors
/// When it does not begin.
pub(in crate::cli) async fn start(client: &Client, vm: &str, spec: ExecSpec) -> Result<ExecId, Problem> {
    let begin = Frame::Start(Box::new(spec));
    let (stream, first) = connect(client, vm, false, &begin).await?;
    match first_word(stream, first).await {
        Ok(id) => Ok(id),
        Err(error) => Err(not_followed(client, vm, &error).await),
    }
}

async fn first_word(stream: impl AsyncRead + AsyncWrite, mut batch: BytesMut) -> Result<ExecId, Break> {
    let (mut from, mut to) = tokio::io::split(stream);
    let mut inbox = BytesMut::new();
    send(&mut to, &mut batch).await?;
    loop {
        match Frame::read(&mut inbox)? {
            Some(Frame::Begun(begun)) => return Ok(begun.id),
            Some(Frame::Ended(ended)) => {
                return Err(Break::Refused(printable(&ended.cause.unwrap_or_default())));
            }
            Some(Frame::Refused(problem)) => return Err(Break::Refused(printable(&problem.error))),
            Some(_) => return Err(Break::Refused("it speaks before it has begun".to_owned())),
            None => {}
        }
        if from.read_buf(&mut inbox).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// How it went.
enum Outcome {
    Ended(Ended),
    Left,
    NobodyReads,
}

/// Runs a program and follows it to its end.
///
/// # Errors
/// When it does not begin, or cannot be followed any more.
pub(in crate::cli) async fn run(
    client: &Client,
    vm: &str,
    begin: Begin,
    mut local: Local,
    outlet: Outlet,
) -> Result<Ended, Problem> {
    let mut program =
        Program { id: None, output: 0, skipped: 0, sent: Sent::new(), outlet, input_open: true };
    let mut first = Some(begin.frame());
    let outcome = loop {
        let begin = first.take().unwrap_or_else(|| program.attach());
        let (stream, first) = connect(client, vm, program.id.is_some(), &begin).await?;
        match program.carry(stream, first, &mut local).await {
            Ok(outcome) => break outcome,
            // A daemon that is replaced by another ends its connections.
            Err(Break::Lost(_)) if program.id.is_some() => {}
            Err(error) => return Err(not_followed(client, vm, &error).await),
        }
    };
    program.outlet.finish().await;
    match outcome {
        Outcome::Ended(ended) => Ok(ended),
        Outcome::NobodyReads => Ok(Ended { code: BROKEN_PIPE, cause: None, timed_out: false }),
        Outcome::Left => Err(Problem::new(Exit::NotRun, "left, and the program was told so by SIGHUP")),
    }
}

struct Program {
    id: Option<ExecId>,
    /// The next byte of output that is expected.
    output: u64,
    /// Bytes of output that never came, because the guest had forgotten them.
    skipped: u64,
    sent: Sent,
    outlet: Outlet,
    input_open: bool,
}

impl Program {
    fn attach(&self) -> Frame {
        // Without an id nothing was begun, and nobody comes here.
        Frame::Attach(Attach { id: self.id.unwrap_or_else(ExecId::random), output: Some(self.output) })
    }

    /// One connection, to its end or the program's; `batch` is what has to be said first.
    async fn carry(
        &mut self,
        stream: impl AsyncRead + AsyncWrite,
        mut batch: BytesMut,
        local: &mut Local,
    ) -> Result<Outcome, Break> {
        let (mut from, mut to) = tokio::io::split(stream);
        let mut inbox = BytesMut::new();
        let mut written = self.outlet.written();
        let (mut begun, mut told) = (false, 0);
        loop {
            while let Some(frame) = Frame::read(&mut inbox)? {
                if let Frame::Ended(ended) = frame {
                    self.wait_until_written(&mut written).await;
                    // It counts as ended, whether the guest hears of it or not.
                    Frame::Seen.write(&mut batch)?;
                    let _ = send(&mut to, &mut batch).await;
                    return Ok(Outcome::Ended(ended));
                }
                self.hear(frame, &mut begun)?;
            }
            if begun {
                while let Some(bytes) = self.sent.next_piece() {
                    Frame::Input(bytes).write(&mut batch)?;
                }
                if self.sent.end_is_due() {
                    Frame::InputEnd.write(&mut batch)?;
                }
            }
            send(&mut to, &mut batch).await?;
            if inbox.capacity() - inbox.len() < MAX_DATA_BYTES {
                inbox.reserve(INBOX_BYTES);
            }
            tokio::select! {
                read = from.read_buf(&mut inbox) => {
                    if read? == 0 {
                        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                    }
                }
                _ = written.changed() => {
                    let now = *written.borrow_and_update();
                    if now.closed {
                        leave(&mut from, &mut to, &mut inbox, &mut batch).await;
                        return Ok(Outcome::NobodyReads);
                    }
                    // Each costs the guest an interrupt; the last byte of what has come is told at once.
                    let through = now.bytes + self.skipped;
                    if through == self.output || through - told >= TELL_EVERY_BYTES {
                        told = through;
                        Frame::Taken(through).write(&mut batch)?;
                    }
                }
                input = local.input.recv(), if begun && self.input_open && self.sent.has_room() => match input {
                    Some(bytes) => self.sent.push(&bytes),
                    None => {
                        self.input_open = false;
                        self.sent.finish();
                    }
                },
                Some(control) = local.control.recv(), if begun => match control {
                    Control::Signal(number) => Frame::Signal(number).write(&mut batch)?,
                    Control::Resize { rows, columns } => Frame::Resize { rows, columns }.write(&mut batch)?,
                    Control::Leave => {
                        leave(&mut from, &mut to, &mut inbox, &mut batch).await;
                        return Ok(Outcome::Left);
                    }
                },
            }
        }
    }

    /// Takes what the guest says; `begun` when it has begun on this connection.
    fn hear(&mut self, frame: Frame, begun: &mut bool) -> Result<(), Break> {
        match frame {
            Frame::Begun(Begun { id, output, input }) => {
                if output < self.output || output.max(input) > MOST_BYTES {
                    return Err(Break::Count);
                }
                let known = self.id.replace(id);
                self.skipped += output.saturating_sub(self.output);
                self.output = output;
                match (*begun, known) {
                    (false, Some(_)) => self.sent.resume(input)?,
                    (false, None) if input > 0 => self.sent = Sent::after(input),
                    _ => {}
                }
                *begun = true;
            }
            Frame::Stdout(bytes) => self.output(Source::Stdout, bytes)?,
            Frame::Stderr(bytes) => self.output(Source::Stderr, bytes)?,
            Frame::Credit(through) => self.sent.credit(through),
            Frame::Refused(problem) => return Err(Break::Refused(printable(&problem.error))),
            _ => return Err(Break::Refused("a frame that only a host sends".to_owned())),
        }
        Ok(())
    }

    fn output(&mut self, source: Source, bytes: Bytes) -> Result<(), Break> {
        self.output += bytes.len() as u64;
        let waiting = self.output.saturating_sub(self.outlet.written().borrow().bytes + self.skipped);
        if waiting > OUTPUT_WINDOW + MAX_DATA_BYTES as u64 {
            return Err(Break::Flood);
        }
        self.outlet.push(source, bytes);
        Ok(())
    }

    async fn wait_until_written(&self, written: &mut watch::Receiver<Written>) {
        let all = self.output - self.skipped;
        let _ = written.wait_for(|now| now.closed || now.bytes >= all).await;
    }
}

/// A connection; as soon as there is a daemon again, when the program has begun already, and as soon as the VM answers. And what has
/// to be said first on it: nothing, when the daemon has taken that with the call.
async fn connect(
    client: &Client,
    vm: &str,
    again: bool,
    begin: &Frame,
) -> Result<(impl AsyncRead + AsyncWrite + use<>, BytesMut), Problem> {
    let began = Instant::now();
    let path = format!("/api/vms/{vm}/exec");
    let mut first = BytesMut::new();
    begin.write(&mut first).map_err(|error| Problem::new(Exit::Usage, error.to_string()))?;
    loop {
        let error = match client.upgrade_with(&path, UPGRADE_EXEC, with_call(&first)).await {
            Ok((stream, answer)) if answer.contains_key(FIRST_HEADER) => {
                return Ok((stream, BytesMut::new()));
            }
            Ok((stream, _)) => return Ok((stream, first)),
            Err(error) => error,
        };
        let worth_while = match &error {
            UpgradeError::NotYet(_) => began.elapsed() < VM_PATIENCE,
            UpgradeError::Problem(problem) => {
                again
                    && matches!(problem.exit, Exit::Unreachable | Exit::Failed)
                    && began.elapsed() < GRACE / 2
            }
        };
        if !worth_while {
            return Err(error.into());
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// What is not too long for it.
fn with_call(first: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if first.len() <= MAX_FIRST_BYTES
        && let Ok(mut value) = HeaderValue::from_str(&BASE64_STANDARD.encode(first))
    {
        // Of a program's environment.
        value.set_sensitive(true);
        headers.insert(FIRST_HEADER, value);
    }
    headers
}

/// Most often because the VM is gone, which the daemon knows the cause of.
async fn not_followed(client: &Client, vm: &str, error: &Break) -> Problem {
    let shown = client.get(&format!("/api/vms/{vm}")).await.ok();
    let cause = shown.as_ref().and_then(|shown| shown["vm"]["error"].as_str());
    match (error, cause) {
        (Break::Lost(_), Some(cause)) => Problem::new(Exit::NotRun, format!("the VM has ended: {cause}")),
        _ => Problem::new(Exit::NotRun, causes(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_vm_that_counts_as_nobody_can_is_refused() {
        let outlet = Outlet::new(tokio::io::sink(), tokio::io::sink());
        let mut program =
            Program { id: None, output: 0, skipped: 0, sent: Sent::new(), outlet, input_open: true };
        let id = ExecId::random();
        let mut hear = |output, input| program.hear(Frame::Begun(Begun { id, output, input }), &mut false);
        assert!(matches!(hear(u64::MAX, 0), Err(Break::Count)));
        assert!(matches!(hear(0, u64::MAX), Err(Break::Count)));
        assert!(hear(7, 0).is_ok());
        assert!(matches!(hear(6, 0), Err(Break::Count)), "it has said seven");
        assert!(hear(7, 0).is_ok());
    }
}
