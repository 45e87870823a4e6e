//! One connection of the host: begins a program or finds one, then carries what it says and what it is to read.

use std::{io, sync::Arc, time::Duration};

use anteroom_protocol::{
    agent::Problem,
    exec::{Attach, Begun, Ended, ExecSpec, Frame, FrameError, INPUT_WINDOW, MAX_DATA_BYTES},
};
use bytes::BytesMut;
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    Programs,
    inflow::Inflow,
    launch::LaunchError,
    outflow::Next,
    running::{Attached, Running},
    said::Source,
    table::StartError,
};
use crate::console;

/// How long a host may take to say what it wants.
const FIRST_FRAME: Duration = Duration::from_secs(10);
/// Small frames that are ready are sent together, up to about this many bytes; a large one is sent as it lies.
const BATCH_BYTES: usize = MAX_DATA_BYTES;
const LARGE_BYTES: usize = 16 * 1024;

#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the host has hung up")]
    HungUp,
    #[error("the connection is broken")]
    Broken(#[from] io::Error),
    #[error("the host does not keep to the protocol")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Refused(String),
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite, programs: &Programs) {
    let (mut from_host, mut to_host) = tokio::io::split(stream);
    let mut inbox = BytesMut::new();
    let served = async {
        let first = timeout(FIRST_FRAME, next_frame(&mut from_host, &mut inbox))
            .await
            .map_err(|_| End::Refused("nothing was asked for in time".to_owned()))??;
        let (running, position) = match first {
            Frame::Start(spec) => match begin(programs, &spec)? {
                Ok(running) => (running, 0),
                Err(ended) => return send(&mut to_host, &Frame::Ended(ended)).await,
            },
            Frame::Attach(attach) => find(programs, attach)?,
            _ => return Err(End::Refused("the first frame must be Start or Attach".to_owned())),
        };
        let attached = running.attach();
        let listening = listen(&mut from_host, &mut inbox, &running);
        let speaking = speak(&mut to_host, &running, position);
        follow(&attached, listening, speaking).await
    };
    match served.await {
        Ok(()) => {}
        Err(End::HungUp | End::Broken(_)) => tracing::debug!("a host has hung up on its program"),
        Err(end) => {
            let problem = Problem { error: console::chain(&end) };
            // Whoever does not keep to the protocol may not read either.
            let _ = send(&mut to_host, &Frame::Refused(problem)).await;
        }
    }
    let _ = to_host.shutdown().await;
}

/// What keeps a program from starting, as a shell would put it: an end, not a refusal.
fn begin(programs: &Programs, spec: &ExecSpec) -> Result<Result<Arc<Running>, Ended>, End> {
    spec.check().map_err(|error| End::Refused(error.to_string()))?;
    match programs.start(spec) {
        Ok(running) => Ok(Ok(running)),
        Err(StartError::Launch(LaunchError::Spawn(error))) => {
            Ok(Err(Ended { code: error.code(), cause: Some(console::chain(&error)), timed_out: false }))
        }
        Err(error) => Err(End::Refused(console::chain(&error))),
    }
}

fn find(programs: &Programs, attach: Attach) -> Result<(Arc<Running>, u64), End> {
    let running = programs
        .find(attach.id)
        .ok_or_else(|| End::Refused(format!("no program {} runs here, or its end was seen", attach.id)))?;
    let out = running.out.borrow();
    let position = attach.output.unwrap_or(0).clamp(out.begin(), out.end());
    drop(out);
    Ok((running, position))
}

async fn follow(
    attached: &Attached,
    listening: impl Future<Output = End>,
    speaking: impl Future<Output = Result<(), End>>,
) -> Result<(), End> {
    tokio::select! {
        end = listening => Err(end),
        end = speaking => end,
        () = attached.replaced() => Err(End::Refused("somebody else is attached now".to_owned())),
    }
}

/// From the host, until it hangs up or breaks off.
async fn listen(from: &mut (impl AsyncRead + Unpin), inbox: &mut BytesMut, running: &Running) -> End {
    loop {
        let frame = match next_frame(from, inbox).await {
            Ok(frame) => frame,
            Err(end) => return end,
        };
        match frame {
            Frame::Input(bytes) => {
                let mut fits = false;
                running.input.send_modify(|input| fits = input.push(bytes));
                if !fits {
                    return End::Refused("more input than there was credit for".to_owned());
                }
            }
            Frame::InputEnd => running.input.send_modify(Inflow::finish),
            Frame::Resize { rows, columns } => running.resize(rows, columns),
            Frame::Signal(number) => match Signal::try_from(i32::from(number)) {
                Ok(signal) => running.signal(signal),
                Err(_) => return End::Refused(format!("{number} is no signal")),
            },
            Frame::Taken(through) => running.out.send_modify(|out| out.take(through)),
            Frame::Seen if running.has_ended() => running.was_seen(),
            _ => return End::Refused("a frame that only the guest sends".to_owned()),
        }
    }
}

/// To the host, until it has seen the end.
async fn speak(to: &mut (impl AsyncWrite + Unpin), running: &Running, mut position: u64) -> Result<(), End> {
    let (mut out, mut input) = (running.out.subscribe(), running.input.subscribe());
    let mut credit = INPUT_WINDOW;
    let arrived = input.borrow().arrived();
    let begun = |output| Frame::Begun(Begun { id: running.id, output, input: arrived });
    let mut batch = BytesMut::new();
    begun(position).write(&mut batch)?;
    // Whoever attaches again does not know what has been read meanwhile.
    let mut tell_credit = arrived > 0;
    loop {
        let mut large = None;
        let ended = {
            let out = out.borrow_and_update();
            if position < out.begin() {
                position = out.begin();
                begun(position).write(&mut batch)?;
            }
            while batch.len() < BATCH_BYTES
                && let Some(next) = out.after(position)
            {
                match next {
                    Next::Frame(frame, length) => {
                        position += length as u64;
                        if frame.len() >= LARGE_BYTES {
                            large = Some(frame);
                            break;
                        }
                        batch.extend_from_slice(&frame);
                    }
                    Next::Rest(source, bytes) => {
                        position += bytes.len() as u64;
                        match source {
                            Source::Stdout => Frame::Stdout(bytes).write(&mut batch)?,
                            Source::Stderr => Frame::Stderr(bytes).write(&mut batch)?,
                        }
                    }
                }
            }
            out.ended().filter(|_| large.is_none() && position == out.end()).cloned()
        };
        {
            let input = input.borrow_and_update();
            // Half a window is left at all times, so that nobody waits who need not.
            if tell_credit || credit.saturating_sub(input.arrived()) < INPUT_WINDOW / 2 {
                tell_credit = false;
                if input.credit() != credit {
                    credit = input.credit();
                    Frame::Credit(credit).write(&mut batch)?;
                }
            }
        }
        if let Some(ended) = ended {
            Frame::Ended(ended).write(&mut batch)?;
            to.write_all(&batch).await?;
            to.flush().await?;
            running.seen().await;
            return Ok(());
        }
        if !batch.is_empty() || large.is_some() {
            to.write_all(&batch).await?;
            to.write_all(large.as_deref().unwrap_or_default()).await?;
            to.flush().await?;
            batch.clear();
            continue;
        }
        tokio::select! {
            _ = out.changed() => {}
            _ = input.changed() => {}
        }
    }
}

async fn next_frame(from: &mut (impl AsyncRead + Unpin), inbox: &mut BytesMut) -> Result<Frame, End> {
    loop {
        if let Some(frame) = Frame::read(inbox)? {
            return Ok(frame);
        }
        if inbox.capacity() - inbox.len() < MAX_DATA_BYTES {
            // What is left of a frame is copied whenever a buffer is full; while much comes, it holds several.
            inbox.reserve(if inbox.is_empty() { MAX_DATA_BYTES } else { 4 * MAX_DATA_BYTES });
        }
        if from.read_buf(inbox).await? == 0 {
            return Err(End::HungUp);
        }
    }
}

async fn send(to: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> Result<(), End> {
    let mut bytes = BytesMut::new();
    frame.write(&mut bytes)?;
    to.write_all(&bytes).await?;
    to.flush().await?;
    Ok(())
}
