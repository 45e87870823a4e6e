//! Opening a page in the VM's browser.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

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
    started: Vec<Pid>,
}

impl Browser {
    pub(super) fn new(children: Arc<Children>, wrapper: PathBuf) -> Self {
        Self { children, wrapper, started: Vec::new() }
    }

    /// Opens a page that has been checked to be one of the web. A browser takes its page as an argument, as the CLI
    /// itself hands it to `xdg-open`; there is no other way that all of them know.
    pub(super) fn open(&mut self, url: &Secret) {
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
        match self.children.spawn(&program) {
            Ok(child) => {
                self.started.push(child.pid);
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

    /// Ends them with everything that they started.
    pub(super) fn close_all(&mut self) {
        for pid in self.started.drain(..) {
            self.children.signal(pid, Signal::SIGTERM);
        }
    }
}
