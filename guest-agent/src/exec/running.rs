//! One program, from its start to the moment in which nobody needs to know of it any more.
//!
//! ```text
//!  Runs ──exit──▶ Ended ──seen by somebody, or by nobody for a while──▶ forgotten
//!   ├─ time-out: SIGTERM ──5 s──▶ SIGKILL
//!   └─ nobody attached for a while: SIGHUP ──5 s──▶ SIGKILL         (not when it is detached)
//! ```

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anteroom_protocol::exec::{Ended, ExecId, ExecSpec, ExecStatus, GRACE, HEADER_BYTES, MAX_DATA_BYTES};
use bytes::{BufMut as _, Bytes, BytesMut};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::unix::pipe,
    sync::{oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    inflow::Inflow,
    launch::{Ends, Launched},
    outflow::{Outflow, WhenFull},
    said::{Said, Source},
};
use crate::{
    process::{Children, Exit},
    pty::{TerminalEnd, size},
    service::cgroup,
};

/// When whatever a shell has left is told that its terminal has gone, after the shell's end.
const TELL_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(2)];
/// Between the signal that asks and the one that does not.
const KILL_AFTER: Duration = Duration::from_secs(5);
/// How long the output of a detached program is kept after its end.
const KEEP_DETACHED: Duration = Duration::from_secs(3600);
/// A buffer that has less room left is left to what it holds.
const LEAST_CHUNK_BYTES: usize = 4096;
/// What is read of a program at once: with what stands before it in its frame as much as a packet of vsock carries
/// (`VIRTIO_VSOCK_MAX_PKT_BUF_SIZE`). Each packet more costs the host a wake-up.
const CHUNK_BYTES: usize = MAX_DATA_BYTES - HEADER_BYTES;

/// A program that was started.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: ExecId,
    pub(super) out: watch::Sender<Outflow>,
    pub(super) input: watch::Sender<Inflow>,
    /// Counts the attachments that there were; the last one counts. `None` when the last has ended.
    attached: watch::Sender<(u64, bool)>,
    /// Whether somebody has seen its end.
    seen: watch::Sender<bool>,
    terminal: Option<Arc<TerminalEnd>>,
    children: Arc<Children>,
    pid: Pid,
    group: Option<PathBuf>,
    program: String,
    user: String,
    detached: bool,
    ends_together: bool,
    began: Instant,
    /// Why it was ended by us.
    cause: Mutex<Option<Cause>>,
    /// Whether it was told that its terminal has gone.
    hung_up: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    TimedOut,
    Abandoned,
}

impl Running {
    /// Follows the process; `forget` is called when nobody needs to know of it any more.
    pub(super) fn follow(
        id: ExecId,
        spec: &ExecSpec,
        launched: Launched,
        children: Arc<Children>,
        forget: impl FnOnce() + Send + 'static,
    ) -> Arc<Self> {
        let Launched { child, ends, group, user } = launched;
        let when_full = if spec.detached { WhenFull::Forget } else { WhenFull::Wait };
        let running = Arc::new(Self {
            id,
            out: watch::Sender::new(Outflow::new(when_full)),
            input: watch::Sender::new(Inflow::default()),
            attached: watch::Sender::new((0, false)),
            seen: watch::Sender::new(false),
            terminal: match &ends {
                Ends::Terminal(terminal) => Some(Arc::clone(terminal)),
                Ends::Pipes { .. } => None,
            },
            children,
            pid: child.pid,
            group,
            program: spec.program().to_owned(),
            user,
            detached: spec.detached,
            ends_together: spec.ends_together,
            began: Instant::now(),
            cause: Mutex::new(None),
            hung_up: AtomicBool::new(false),
        });
        let limit = spec.timeout_ms.map(Duration::from_millis);
        tokio::spawn({
            let running = Arc::clone(&running);
            async move {
                running.live(child.exit, ends, limit).await;
                running.linger().await;
                forget();
            }
        });
        running
    }

    pub(super) fn status(&self) -> ExecStatus {
        ExecStatus {
            id: self.id,
            program: self.program.clone(),
            user: self.user.clone(),
            pid: self.pid.as_raw().unsigned_abs(),
            terminal: self.terminal.is_some(),
            attached: self.attached.borrow().1,
            age_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            ended: self.out.borrow().ended().cloned(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.out.borrow().ended().is_some()
    }

    /// To its process group. A terminal that hangs up tells its foreground, too, as the kernel does (tty_io.c): a shell that
    /// is about to wait for a program may hear of it only when that program ends.
    pub(super) fn signal(&self, signal: Signal) {
        self.hung_up.fetch_or(signal == Signal::SIGHUP && self.terminal.is_some(), Ordering::Relaxed);
        self.children.signal(self.pid, signal);
        let foreground = self.terminal.as_ref().and_then(|terminal| terminal.foreground());
        if let (Signal::SIGHUP, Some(group)) = (signal, foreground.filter(|group| *group != self.pid))
            && !self.has_ended()
        {
            // One that has ended meanwhile needs none.
            let _ = killpg(group, signal);
        }
    }

    pub(super) fn resize(&self, rows: u16, columns: u16) {
        if let Some(terminal) = &self.terminal
            && rows > 0
            && columns > 0
        {
            terminal.resize(size(rows, columns));
        }
    }

    /// Somebody is there, until the value is dropped or somebody else comes.
    pub(super) fn attach(self: &Arc<Self>) -> Attached {
        let mut number = 0;
        self.attached.send_modify(|(count, there)| {
            *count += 1;
            *there = true;
            number = *count;
        });
        Attached { running: Arc::clone(self), number }
    }

    /// Nobody has to be told of the end any more.
    pub(super) fn was_seen(&self) {
        self.seen.send_replace(true);
    }

    /// Returns when nobody has to be told of the end any more.
    pub(super) async fn seen(&self) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.seen.subscribe().wait_for(|seen| *seen).await;
    }

    /// Until the process has ended and everything that it has said is in the outflow.
    async fn live(&self, exit: oneshot::Receiver<Exit>, ends: Ends, limit: Option<Duration>) {
        let exited = watch::Sender::new(false);
        let mut pumps = JoinSet::new();
        let feed = match ends {
            Ends::Pipes { input, output, errors } => {
                pumps.spawn(drain_pipe(output, Source::Stdout, self.out.clone(), exited.subscribe()));
                pumps.spawn(drain_pipe(errors, Source::Stderr, self.out.clone(), exited.subscribe()));
                tokio::spawn(feed_pipe(self.input.clone(), input))
            }
            Ends::Terminal(terminal) => {
                pumps.spawn(drain_terminal(Arc::clone(&terminal), self.out.clone(), exited.subscribe()));
                tokio::spawn(feed_terminal(self.input.clone(), terminal))
            }
        };
        let exit = self.until_exit(exit, limit).await;
        if let Some(group) = self.group.as_ref().filter(|_| self.ends_together) {
            cgroup::kill(group);
        }
        exited.send_replace(true);
        // What is in the pipes still has to be taken by somebody, who may never come.
        tokio::select! {
            _ = pumps.join_all() => {}
            () = self.abandoned() => {}
        }
        feed.abort();
        self.input.send_modify(Inflow::give_up);
        self.out.send_modify(|out| out.finish(self.ended(exit)));
        if let Some(group) = &self.group {
            if self.hung_up.load(Ordering::Relaxed) {
                hang_up_what_is_left(group).await;
            }
            // Not when its children live on, as those of any shell may.
            cgroup::remove(group);
        }
    }

    async fn until_exit(&self, exit: oneshot::Receiver<Exit>, limit: Option<Duration>) -> Exit {
        let end = limit.map(|limit| Instant::now() + limit);
        let over = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let mut exit = std::pin::pin!(exit);
        let (cause, asks) = tokio::select! {
            exit = &mut exit => return ended_as(exit),
            () = over => (Cause::TimedOut, Signal::SIGTERM),
            () = self.abandoned(), if !self.detached => (Cause::Abandoned, Signal::SIGHUP),
        };
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
        self.signal(asks);
        if let Ok(exit) = timeout(KILL_AFTER, &mut exit).await {
            return ended_as(exit);
        }
        self.signal(Signal::SIGKILL);
        if let Some(group) = &self.group {
            cgroup::kill(group);
        }
        ended_as(exit.await)
    }

    /// Returns when nobody has been there for a while.
    async fn abandoned(&self) {
        let mut attached = self.attached.subscribe();
        loop {
            let there = attached.borrow_and_update().1;
            if there {
                let _ = attached.changed().await;
            } else if timeout(GRACE, attached.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Until somebody has seen the end, or nobody comes for it.
    async fn linger(&self) {
        let keep = if self.detached { KEEP_DETACHED } else { GRACE };
        // An error means that nobody came.
        let _ = timeout(keep, self.seen()).await;
    }

    fn ended(&self, exit: Exit) -> Ended {
        let cause = *self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        let said = match (cause, exit) {
            (Some(Cause::TimedOut), _) => Some("its time was over".to_owned()),
            (Some(Cause::Abandoned), _) => Some("nobody was attached to it any more".to_owned()),
            (None, Exit::Code(_)) => None,
            (None, exit) => Some(exit.to_string()),
        };
        Ended { code: exit.code(), cause: said, timed_out: cause == Some(Cause::TimedOut) }
    }
}

/// Somebody who follows a program.
#[derive(Debug)]
pub(super) struct Attached {
    running: Arc<Running>,
    number: u64,
}

impl Attached {
    /// Returns when somebody else has come.
    pub(super) async fn replaced(&self) {
        let mut attached = self.running.attached.subscribe();
        let _ = attached.wait_for(|(count, _)| *count != self.number).await;
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.running.attached.send_if_modified(|(count, there)| {
            let last = *count == self.number;
            if last {
                *there = false;
            }
            last
        });
    }
}

/// The table of exits lives as long as this process.
fn ended_as(exit: Result<Exit, oneshot::error::RecvError>) -> Exit {
    exit.unwrap_or(Exit::Signal(Signal::SIGKILL))
}

/// How much room there is, as soon as there is some.
async fn room(out: &watch::Sender<Outflow>) -> usize {
    let mut news = out.subscribe();
    // An error would mean that the sender is gone, which the caller holds.
    news.wait_for(|out| out.room() > 0).await.map_or(0, |out| out.room().min(CHUNK_BYTES))
}

/// A shell forks with its own handlers of signals in place, and what it is about to run loses a signal of that moment. Who has
/// chosen not to hear of a terminal's end (nohup(1)) lives on.
async fn hang_up_what_is_left(group: &Path) {
    for pause in TELL_AFTER {
        sleep(pause).await;
        cgroup::signal(group, Signal::SIGHUP);
    }
}

/// Until the end of the pipe; when the program has ended, until it is empty, because its children may hold it open for ever.
async fn drain_pipe(
    pipe: pipe::Receiver,
    source: Source,
    out: watch::Sender<Outflow>,
    mut exited: watch::Receiver<bool>,
) {
    let mut buffer = BytesMut::new();
    loop {
        let room = room(&out).await;
        if buffer.capacity() < LEAST_CHUNK_BYTES {
            buffer = BytesMut::with_capacity(HEADER_BYTES + CHUNK_BYTES);
        }
        Said::room(&mut buffer);
        let read = loop {
            match pipe.try_read_buf(&mut (&mut buffer).limit(room)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if *exited.borrow() {
                        return;
                    }
                    tokio::select! {
                        ready = pipe.readable() => if ready.is_err() { return },
                        _ = exited.wait_for(|exited| *exited) => {}
                    }
                }
                read => break read,
            }
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        // What has come meanwhile goes along. An end, or an error, is met again.
        let until = buffer.capacity().min(HEADER_BYTES + room);
        while let room @ 1.. = until.saturating_sub(buffer.len())
            && matches!(pipe.try_read_buf(&mut (&mut buffer).limit(room)), Ok(1..))
        {}
        // What was read is at least one byte, and no more than a frame may carry.
        if let Ok(said) = Said::behind_room(source, buffer.split()) {
            out.send_modify(|out| out.push(said));
        }
    }
}

async fn drain_terminal(
    terminal: Arc<TerminalEnd>,
    out: watch::Sender<Outflow>,
    mut exited: watch::Receiver<bool>,
) {
    loop {
        // A terminal gives at most a page; that much more than the window does no harm.
        room(&out).await;
        let read = if *exited.borrow() {
            terminal.try_read()
        } else {
            tokio::select! {
                biased;
                read = terminal.read() => read.map(Some),
                _ = exited.wait_for(|exited| *exited) => continue,
            }
        };
        match read {
            Ok(Some(read)) => {
                if let Ok(said) = Said::copied(Source::Stdout, &read) {
                    out.send_modify(|out| out.push(said));
                }
            }
            Ok(None) | Err(_) => return,
        }
    }
}

async fn feed_pipe(input: watch::Sender<Inflow>, mut pipe: pipe::Sender) {
    while let Some(bytes) = next(&input).await {
        if pipe.write_all(&bytes).await.is_err() {
            input.send_modify(Inflow::give_up);
            return;
        }
        input.send_modify(|input| input.was_read(bytes.len()));
    }
}

async fn feed_terminal(input: watch::Sender<Inflow>, terminal: Arc<TerminalEnd>) {
    while let Some(bytes) = next(&input).await {
        if terminal.write(&bytes).await.is_err() {
            input.send_modify(Inflow::give_up);
            return;
        }
        input.send_modify(|input| input.was_read(bytes.len()));
    }
}

/// What is to be read next; nothing when there will be nothing.
async fn next(input: &watch::Sender<Inflow>) -> Option<Bytes> {
    let mut news = input.subscribe();
    let _ = news.wait_for(Inflow::has_news).await;
    let mut next = None;
    input.send_if_modified(|input| {
        next = input.pop();
        false
    });
    next
}
