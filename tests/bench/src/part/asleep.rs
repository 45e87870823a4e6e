//! VMs that are programs which sleep: everything of a daemon is real around them, and they cost nothing.

use std::{path::Path, sync::Arc};

use anteroom::vmm::{
    Capabilities, KernelFile, LaunchError, ProcessId, Vm, VmExit, VmSpec,
    console::Console,
    process::{Invocation, Process},
};
use async_trait::async_trait;
use tokio_util::task::AbortOnDropHandle;

/// Such a VM, and what plays its agent, if anything does.
#[derive(Debug)]
pub(super) struct Asleep {
    pub(super) process: Process,
    pub(super) console: Arc<Console>,
    pub(super) agent: Option<AbortOnDropHandle<()>>,
}

impl Asleep {
    pub(super) async fn start(program: &str, arguments: &[&str], spec: &VmSpec) -> Result<Self, LaunchError> {
        let arguments = arguments.iter().map(Into::into).collect();
        let mut process = Process::start(Invocation::of(Path::new(program), arguments, &spec.directory))?;
        let console = process.console(&spec.directory).await?;
        Ok(Self { process, console, agent: None })
    }
}

#[async_trait]
impl Vm for Asleep {
    fn console(&self) -> Arc<Console> {
        Arc::clone(&self.console)
    }

    fn processes(&self) -> Vec<ProcessId> {
        vec![self.process.id()]
    }

    async fn wait(&mut self) -> VmExit {
        self.process.wait().await
    }

    async fn kill(&mut self) -> VmExit {
        self.process.kill().await
    }
}

pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        backend: "sleeper",
        version: "1".into(),
        acceleration: None,
        kernel: KernelFile::BzImage,
        user_network: true,
        snapshots: false,
        hibernation: false,
    }
}
