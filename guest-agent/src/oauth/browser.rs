//! Opening a page in the VM's browser.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anteroom_protocol::Secret;
use nix::{sys::signal::Signal, unistd::Pid};

use crate::{
    console,
    process::{Children, Limits, Output, Program},
};

/// The browsers that were started, by the image's wrapper: it knows which browser there is, and with which flags. Most end at once, having handed their page to the first.
#[derive(Debug)]
pub(super) struct Browser {
    children: Arc<Children>,
    wrapper: PathBuf,
    started: Arc<Mutex<Started>>,
}

#[derive(Debug, Default)]
struct Started {
    pids: Vec<Pid>,
    /// What is still on its way is too late.
    closed: bool,
}

impl Browser {
    pub(super) fn new(children: Arc<Children>, wrapper: PathBuf) -> Self {
        Self { children, wrapper, started: Arc::default() }
    }

    /// Opens a page that has been checked to be one of the web. A browser takes its page as an argument, as the CLI
    /// itself hands it to `xdg-open`; there is no other way that all of them know.
    ///
    /// On a thread of its own: while a process starts, the host must hear of the address already.
    pub(super) fn open(&self, url: &Secret) {
        let Some(text) = url.expose_str() else { return };
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let program = Program {
            argv: vec![self.wrapper.to_string_lossy().into_owned(), text.to_owned()],
            environment,
            account: None,
            directory: PathBuf::from("/"),
            limits: Limits::default(),
            cgroup: None,
            output: Output::Null,
        };
        let (children, started) = (Arc::clone(&self.children), Arc::clone(&self.started));
        tokio::task::spawn_blocking(move || start(&children, &started, &program));
    }

    /// Ends them with everything that they started.
    pub(super) fn close_all(&mut self) {
        let mut started = lock(&self.started);
        started.closed = true;
        for pid in started.pids.drain(..) {
            self.children.signal(pid, Signal::SIGTERM);
        }
        drop(started);
        self.started = Arc::default();
    }
}

fn start(children: &Children, started: &Mutex<Started>, program: &Program) {
    let mut started = lock(started);
    if started.closed {
        return;
    }
    match children.spawn(program) {
        Ok(child) => {
            started.pids.push(child.pid);
            tokio::spawn(async move {
                if let Ok(exit) = child.exit.await
                    && !exit.is_success()
                {
                    tracing::warn!("the browser {exit}");
                }
            });
        }
        Err(error) => tracing::error!("no page is opened: {}", console::chain(&error)),
    }
}

fn lock(started: &Mutex<Started>) -> MutexGuard<'_, Started> {
    // Nothing that holds it can panic half-way through a change.
    started.lock().unwrap_or_else(PoisonError::into_inner)
}
