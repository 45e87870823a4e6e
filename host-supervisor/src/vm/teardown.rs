//! The end of a VM, the same for every way it can come to it: what was made last goes first.

use std::{ffi::OsStr, io, path::Path, time::Duration};

use super::{life::Happening, owner::Owner, timeline::host_mark};
use crate::{
    failure::causes,
    vmm::{Vm, console::Console},
};

/// How long the console of an ended VMM may take to be read to its end.
pub(super) const LAST_LINES: Duration = Duration::from_secs(1);

impl Owner {
    /// Ends the VM and removes everything of it but, after a failure, the console's log.
    pub(super) async fn tear_down(mut self, vm: Option<Box<dyn Vm>>, end: Happening) {
        let id = self.id;
        // Whoever waits is not held up by an end.
        self.ticket = None;
        match &end {
            Happening::Failed(failure) => {
                tracing::warn!(vm = %id, code = failure.code, "{}", failure.message)
            }
            other => tracing::info!(vm = %id, "ending: {other:?}"),
        }
        self.book.timeline.mark(host_mark::STOPPING);
        self.note(end).await;
        if let Some(mut vm) = vm {
            if self.book.failure().is_none() {
                self.power_off(vm.as_mut()).await;
            }
            vm.kill().await;
            if tokio::time::timeout(LAST_LINES, vm.console().ended()).await.is_err() {
                tracing::warn!(vm = %id, "the console's last lines did not arrive");
            }
        }
        self.vmm.clear(id).await;
        if let Some(network) = &self.host_network
            && let Err(error) = network.detach(id).await
        {
            tracing::error!(vm = %id, "its network cannot be removed: {}", causes(&error));
        }
        self.reached.send_modify(|reached| reached.agent = None);
        let removed = match self.book.failure() {
            Some(_) => remove_all_but_log(&self.directory).await,
            None => remove_directory(&self.directory).await,
        };
        if let Err(error) = removed {
            tracing::error!(vm = %id, "{}: {error}", self.directory.display());
        }
        self.book.timeline.mark(host_mark::GONE);
        self.note(Happening::Gone).await;
    }

    /// The guest may write down what it has to; it is not worth waiting for long.
    async fn power_off(&self, vm: &mut dyn Vm) {
        let agent = self.reached.borrow().agent.clone();
        if let Some(agent) = agent
            && agent.power_off().await.is_ok()
        {
            // Late is no failure: it is killed then.
            let _ = tokio::time::timeout(self.limits().power_off, vm.wait()).await;
        }
    }

    /// A store that does not answer must not stop a teardown; the next start of the daemon sweeps.
    async fn note(&mut self, happening: Happening) {
        if let Err(failure) = self.book.happened(happening).await {
            tracing::error!(vm = %self.id, "{}", failure.message);
        }
    }
}

/// Removes a VM's directory; one that is not there is removed.
pub(super) async fn remove_directory(directory: &Path) -> io::Result<()> {
    gone(tokio::fs::remove_dir_all(directory).await)
}

/// Removes everything in a VM's directory but its console's log.
pub(super) async fn remove_all_but_log(directory: &Path) -> io::Result<()> {
    empty(directory, |name| name == Console::FILE_NAME).await?;
    // Where nothing was left there is nothing to keep.
    match tokio::fs::remove_dir(directory).await {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        other => gone(other),
    }
}

/// Removes everything in a VM's directory, which stays.
pub(super) async fn empty_directory(directory: &Path) -> io::Result<()> {
    empty(directory, |_| false).await
}

/// The same, but for these.
pub(super) async fn empty_directory_but(directory: &Path, kept: &[&str]) -> io::Result<()> {
    empty(directory, |name| kept.iter().any(|kept| name == *kept)).await
}

async fn empty(directory: &Path, stays: impl Fn(&OsStr) -> bool) -> io::Result<()> {
    let mut entries = match tokio::fs::read_dir(directory).await {
        Ok(entries) => entries,
        Err(error) => return gone(Err(error)),
    };
    while let Some(entry) = entries.next_entry().await? {
        if !stays(&entry.file_name()) {
            let path = entry.path();
            let directory = entry.file_type().await?.is_dir();
            gone(if directory {
                tokio::fs::remove_dir_all(path).await
            } else {
                tokio::fs::remove_file(path).await
            })?;
        }
    }
    Ok(())
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
