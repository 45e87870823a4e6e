//! A VMM without virtual machines, for tests: the "kernel" is a shell script that runs as a real child process, the
//! console is its standard output, and the agent, when there is one, is an HTTP application behind the real handshake.

use std::{
    io::{self, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use axum::{Extension, Router};
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Acceleration, AgentAddress, BootFiles, Capabilities, KernelFile, LaunchError, ProcessId, SnapshotError,
    SnapshotFiles, Survivor, Vm, VmExit, VmSpec, Vmm,
    console::Console,
    process::{Invocation, Process},
};
use crate::{agent::tests::guest, blocking};

const SOCKET: &str = "v.sock";
const SHELL: &str = "/bin/sh";

#[derive(Debug, Default)]
pub(crate) struct FakeVmm {
    /// Of all guests; an [`Extension`] tells it the directory of the one that is meant.
    pub(crate) agent: Router,
    /// What restoring a snapshot comes to.
    pub(crate) restoring: Mutex<Restoring>,
    /// Guests that are adopted answer, but do not knock.
    pub(crate) adopted_do_not_knock: AtomicBool,
    /// Guests cannot be put to disk, and go on.
    pub(crate) keeps_all_in_memory: AtomicBool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Restoring {
    #[default]
    Works,
    IsRefused,
    /// The VMM runs, and the guest is never heard of.
    StaysSilent,
    /// There is nothing to restore: no snapshot is ever finished.
    IsNeverMade,
}

#[derive(Debug)]
struct FakeVm {
    process: Process,
    console: Arc<Console>,
    kernel: PathBuf,
    golden: bool,
    restoring: Restoring,
    keeps_all_in_memory: bool,
    address: AgentAddress,
    _agent: AbortOnDropHandle<()>,
}

/// So often that it is more than a piece of what is sealed.
const TIMES: usize = 50_000;

/// What is in the memory of every guest.
pub(crate) const MEMORY: &str = "what a guest knows, and nobody else may read";

#[async_trait]
impl Vmm for FakeVmm {
    fn capabilities(&self) -> Capabilities {
        let acceleration = Some(Acceleration::Kvm);
        Capabilities {
            backend: "fake",
            version: "1".into(),
            acceleration,
            kernel: KernelFile::BzImage,
            user_network: true,
            snapshots: true,
            hibernation: true,
        }
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: SOCKET.to_owned() }
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        if !spec.boot.kernel.exists() {
            let remedy = "write it".to_owned();
            return Err(LaunchError::Missing { what: "the kernel", path: spec.boot.kernel.clone(), remedy });
        }
        let directory = spec.directory.as_path();
        let agent = self.serve(directory).await;
        self.run(spec, agent).await
    }

    async fn snapshot_conditions(&self, _spec: &VmSpec) -> Result<Option<Value>, LaunchError> {
        Ok(Some(json!({ "fake": 1 })))
    }

    /// Its kernel runs once more; the memory's file says what was running.
    async fn restore(&self, spec: &VmSpec, files: &SnapshotFiles) -> Result<Box<dyn Vm>, LaunchError> {
        let restoring = *self.restoring.lock().unwrap();
        match restoring {
            Restoring::IsRefused => return Err(LaunchError::Snapshot("it is of another machine".to_owned())),
            Restoring::StaysSilent => {
                let nobody = AbortOnDropHandle::new(tokio::spawn(async {}));
                return self.run(&with_kernel(spec, &files.state), nobody).await;
            }
            Restoring::Works | Restoring::IsNeverMade => {}
        }
        self.launch(&with_kernel(spec, &files.memory)).await
    }

    /// Its kernel runs once more, and its agent knocks when it may go on.
    async fn wake(&self, spec: &VmSpec, from: OwnedFd) -> Result<Box<dyn Vm>, LaunchError> {
        let read = blocking::run(move || io::read_to_string(std::fs::File::from(from))).await;
        match read {
            Ok(memory) if memory == MEMORY.repeat(TIMES) => {
                self.run(spec, self.listen(&spec.directory)).await
            }
            _ => Err(LaunchError::Snapshot("that is no memory of a guest".to_owned())),
        }
    }

    /// The guest's processes have survived; its agent, which is one of ours, begins anew.
    async fn adopt(&self, survivor: &Survivor) -> io::Result<Box<dyn Vm>> {
        let directory = survivor.directory.as_path();
        let &[process] = &survivor.processes[..] else { return Err(io::ErrorKind::InvalidData.into()) };
        let mut process = Process::adopt(process, SHELL.as_ref(), directory)?;
        let console = process.console(directory).await.map_err(io::Error::other)?;
        let agent = self.listen(directory);
        if !self.adopted_do_not_knock.load(Ordering::Relaxed) {
            guest::knock(&self.agent_address(directory)).await;
        }
        Ok(Box::new(FakeVm {
            process,
            console,
            kernel: PathBuf::new(),
            golden: false,
            restoring: Restoring::Works,
            keeps_all_in_memory: false,
            address: self.agent_address(directory),
            _agent: agent,
        }))
    }
}

impl FakeVmm {
    async fn run(&self, spec: &VmSpec, agent: AbortOnDropHandle<()>) -> Result<Box<dyn Vm>, LaunchError> {
        let restoring = *self.restoring.lock().unwrap();
        let (directory, kernel) = (spec.directory.as_path(), spec.boot.kernel.clone());
        let arguments = vec![kernel.clone().into()];
        let mut process = Process::start(Invocation::of(SHELL.as_ref(), arguments, directory))?;
        let console = process.console(directory).await?;
        let keeps_all_in_memory = self.keeps_all_in_memory.load(Ordering::Relaxed);
        let (golden, address) = (spec.golden, self.agent_address(directory));
        let vm = FakeVm {
            process,
            console,
            kernel,
            golden,
            restoring,
            keeps_all_in_memory,
            address,
            _agent: agent,
        };
        Ok(Box::new(vm))
    }

    async fn serve(&self, directory: &Path) -> AbortOnDropHandle<()> {
        let agent = self.listen(directory);
        guest::knock(&self.agent_address(directory)).await;
        agent
    }

    fn listen(&self, directory: &Path) -> AbortOnDropHandle<()> {
        let _ = std::fs::remove_file(directory.join(SOCKET));
        let listener = UnixListener::bind(directory.join(SOCKET)).unwrap();
        let application = self.agent.clone().layer(Extension(directory.to_owned()));
        AbortOnDropHandle::new(tokio::spawn(guest::serve(listener, application)))
    }
}

#[async_trait]
impl Vm for FakeVm {
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

    async fn hibernate(&mut self, into: OwnedFd) -> Result<(), SnapshotError> {
        let memory = MEMORY.repeat(if self.keeps_all_in_memory { 1 } else { TIMES });
        blocking::run(move || std::fs::File::from(into).write_all(memory.as_bytes())).await.unwrap();
        match self.keeps_all_in_memory {
            true => Err(SnapshotError::Vmm("the device stays".to_owned())),
            false => Ok(()),
        }
    }

    async fn go_on(&mut self) -> Result<(), SnapshotError> {
        guest::knock(&self.address).await;
        Ok(())
    }

    async fn snapshot(&mut self, files: &SnapshotFiles) -> Result<(), SnapshotError> {
        if !self.golden {
            return Err(SnapshotError::Unsupported);
        }
        std::fs::copy(&self.kernel, &files.memory).unwrap();
        std::fs::write(&files.state, "sleep 600").unwrap();
        if self.restoring == Restoring::IsNeverMade {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// The same VM with another program as its kernel.
fn with_kernel(spec: &VmSpec, kernel: &Path) -> VmSpec {
    let boot = BootFiles { kernel: kernel.to_owned(), ..spec.boot.clone() };
    VmSpec { boot, ..spec.clone() }
}
