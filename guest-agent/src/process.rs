//! Processes: starting them, noticing their end, keeping what they say.
//!
//! ```text
//!  spawn ─┐ one lock ┌─ SIGCHLD: waitpid(-1, WNOHANG) until nobody is left
//!         ▼          ▼
//!   [ pid → who waits for its exit ]
//! ```
//! There is one reaper in a process. Spawning and registering happen under its lock, so no exit is lost and std's own
//! wait, which runs when exec fails, never finds its child taken. `tokio::process` would be a second reaper, and the
//! workspace's lints refuse it.

mod exit;
mod log;
mod oom;
mod program;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, killpg},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use tokio::{
    net::unix::pipe,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

pub(crate) use exit::Exit;
pub(crate) use log::LogRing;
use oom::OomKills;
pub(crate) use program::{Limits, Output, Program};

/// Who waits for whose exit. One table for the whole process, as whoever reaps may get anybody's child.
static WAITING: Mutex<BTreeMap<Pid, oneshot::Sender<Exit>>> = Mutex::new(BTreeMap::new());

/// The children of this process, and everybody else's that PID 1 inherits.
#[derive(Debug, Default)]
pub(crate) struct Children {
    memory: OomKills,
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Child {
    /// Also its process group and session.
    pub(crate) pid: Pid,
    pub(crate) exit: oneshot::Receiver<Exit>,
    /// What it writes to standard output, when that was asked for; to standard error too, unless that is apart.
    pub(crate) output: Option<pipe::Receiver>,
    /// Of [`Output::Apart`] only.
    pub(crate) errors: Option<pipe::Receiver>,
    /// Of [`Output::Apart`] only.
    pub(crate) input: Option<pipe::Sender>,
}

#[derive(Debug, thiserror::Error)]
#[error("{program} cannot be started")]
pub(crate) struct SpawnError {
    program: String,
    source: io::Error,
}

impl SpawnError {
    /// What a shell's exit code would be: 127 for a program that is not there, 126 for one that is none.
    pub(crate) fn code(&self) -> i32 {
        if self.source.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
    }

    /// Whether trying again is pointless: the program is not there, or is none.
    pub(crate) fn is_permanent(&self) -> bool {
        let code = self.source.raw_os_error().map(Errno::from_raw);
        matches!(code, Some(Errno::ENOENT | Errno::EACCES | Errno::ENOEXEC | Errno::ENOTDIR))
    }
}

impl Children {
    /// Starts reaping. Once in a process, from inside the runtime.
    pub(crate) fn watch() -> io::Result<Arc<Self>> {
        let children = Arc::new(Self::default());
        let mut ended = signal(SignalKind::child())?;
        tokio::spawn({
            let children = Arc::clone(&children);
            async move {
                while ended.recv().await.is_some() {
                    children.reap();
                }
            }
        });
        Ok(children)
    }

    /// Starts a program in a session of its own.
    pub(crate) fn spawn(&self, program: &Program) -> Result<Child, SpawnError> {
        let failed = |source| SpawnError { program: program.name().to_owned(), source };
        let (mut command, ends) = program.command().map_err(failed)?;
        let (tell, exit) = oneshot::channel();
        let pid = {
            let mut waiting = waiting();
            let child = command.spawn().map_err(failed)?;
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
            waiting.insert(pid, tell);
            pid
        };
        // The command holds the program's ends of the pipes; the reader would never see their end.
        drop(command);
        let reader =
            |end: Option<OwnedFd>| end.map(pipe::Receiver::from_owned_fd).transpose().map_err(failed);
        Ok(Child {
            pid,
            exit,
            output: reader(ends.output)?,
            errors: reader(ends.errors)?,
            input: ends.input.map(pipe::Sender::from_owned_fd).transpose().map_err(failed)?,
        })
    }

    /// Sends a signal to a process and everything in its group. A group that is gone needs none.
    pub(crate) fn signal(&self, pid: Pid, signal: Signal) {
        // Under the lock, where a pid in the table cannot have been reaped and given to somebody else.
        let waiting = waiting();
        if waiting.contains_key(&pid) {
            let _ = killpg(pid, signal);
        }
    }

    fn reap(&self) {
        let mut waiting = waiting();
        loop {
            let (pid, exit) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, Signal::SIGKILL, _)) if self.memory.have_grown() => {
                    (pid, Exit::OutOfMemory)
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal)),
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(error) => return tracing::error!("waitpid: {error}"),
            };
            if let Some(tell) = waiting.remove(&pid) {
                // Nobody listens any more: then nobody needs to know.
                let _ = tell.send(exit);
            } else {
                tracing::debug!("orphan {pid} ended: {exit}");
            }
        }
    }
}

fn waiting() -> MutexGuard<'static, BTreeMap<Pid, oneshot::Sender<Exit>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
