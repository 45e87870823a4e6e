//! The pseudo-terminal in which the CLI runs (pty(7)).

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use rustix::termios::Winsize;
use tokio::sync::{mpsc, oneshot};

use super::order::Run;
use crate::{
    console,
    process::{Children, Exit, Limits, Output, Program},
    pty::{self, TerminalEnd},
};

/// Chunks that may wait for a CLI that does not read; what comes after is lost, as on any terminal.
const WAITING_CHUNKS: usize = 64;

pub(super) struct Pty {
    master: Arc<TerminalEnd>,
    /// Writing waits for the CLI to read, while reading must go on: so it has a task of its own.
    write: mpsc::Sender<Vec<u8>>,
}

impl Pty {
    /// Starts the CLI in a new pseudo-terminal. An error is a sentence for the person.
    pub(super) fn spawn(
        children: &Children,
        order: &Run,
        size: Winsize,
    ) -> Result<(Self, oneshot::Receiver<Exit>), String> {
        let (master, slave) = pty::open(size).map_err(|error| format!("no pseudo-terminal: {error}"))?;
        let mut environment = order.environment.clone();
        // Which terminal this is, only xterm knows.
        if let Ok(term) = std::env::var("TERM") {
            environment.entry("TERM".to_owned()).or_insert(term);
        }
        let program = Program {
            argv: order.argv.clone(),
            directory: environment.get("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
            environment,
            account: None,
            limits: Limits::default(),
            cgroup: None,
            output: Output::Terminal(Arc::new(slave)),
        };
        let child = children.spawn(&program).map_err(|error| console::chain(&error))?;
        let master = Arc::new(master);
        let (write, mut written) = mpsc::channel::<Vec<u8>>(WAITING_CHUNKS);
        tokio::spawn({
            let master = Arc::clone(&master);
            async move {
                while let Some(bytes) = written.recv().await {
                    if master.write(&bytes).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok((Self { master, write }, child.exit))
    }

    /// What the CLI shows; never comes when the CLI's side is closed, as its exit is told by other means.
    pub(super) async fn read(&self) -> Option<Vec<u8>> {
        match self.master.read().await {
            Ok(bytes) => Some(bytes),
            // EIO: no process has the other side open.
            Err(_) => std::future::pending().await,
        }
    }

    /// Types.
    pub(super) fn write(&self, bytes: Vec<u8>) {
        let _ = self.write.try_send(bytes);
    }

    /// The CLI gets SIGWINCH from the kernel.
    pub(super) fn resize(&self, size: Winsize) {
        self.master.resize(size);
    }
}
