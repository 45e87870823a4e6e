//! A living QEMU with its vsock device.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Qemu,
    accelerator::Accelerator,
    argv::Machine,
    confined::{self, Place},
    control, hibernate,
    memory::{self, GuestMemory},
    qmp::QmpError,
    suspend, vsock_device,
};
use crate::{
    blocking,
    failure::causes,
    vmm::{
        LaunchError, OutOfMemory, ProcessId, SnapshotError, SnapshotFiles, Survivor, Vm, VmExit, VmSpec,
        boot_line::{Boot, boot_line},
        confine::Cell,
        console::Console,
        process::{Invocation, Process},
    },
};

/// When the vsock device ends first: how long QEMU may take to end as well and tell the cause.
const SAME_MOMENT: Duration = Duration::from_millis(300);

/// How a machine begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin<'a> {
    Boot,
    Restore(&'a SnapshotFiles),
    /// With what comes out of a pipe.
    Wake(BorrowedFd<'a>),
}

#[derive(Debug)]
pub(super) struct QemuVm {
    qemu: Process,
    vsock_device: Process,
    console: Arc<Console>,
    directory: PathBuf,
    exit: Option<VmExit>,
    /// Unless another daemon has started it, and this one cannot reach it.
    memory: Option<GuestMemory>,
    /// It will be snapshotted.
    golden: bool,
    /// Given back when nobody is in it any more.
    cell: Option<Cell>,
}

impl QemuVm {
    pub(super) async fn start(
        qemu: &Qemu,
        spec: &VmSpec,
        accelerator: Accelerator,
        begin: Begin<'_>,
    ) -> Result<Self, LaunchError> {
        let disk = qemu.settings.host_disk;
        let cell = |uids| confined::cell(uids, spec, accelerator, disk);
        let cell = qemu.uids.as_ref().map(cell).transpose()?;
        let directory = spec.directory.as_path();
        let out_of_memory = || cell.as_ref().and_then(Cell::out_of_memory);
        let vsock_device = vsock_device::start(&qemu.vsock_device, directory, cell.as_ref())
            .await
            .map_err(|error| error.with_memory_of(out_of_memory))?;
        let Place { spec, relay, mounts, identity } = Place::of(qemu, spec, accelerator, cell.as_ref())?;
        let command_line = boot_line(Boot::desktop(&spec, accelerator.kernel_words()))?;
        let name = format!("anteroom-{}", spec.id.short());
        let memory = GuestMemory::new(spec.memory_mib)
            .map_err(|source| LaunchError::Snapshot(format!("the guest's memory: {source}")))?;
        let filled = match begin {
            Begin::Restore(files) => Some(memory.fill(&files.memory)),
            Begin::Boot | Begin::Wake(_) => None,
        };
        let read = match begin {
            Begin::Wake(from) => {
                let from = from.try_clone_to_owned().map_err(|error| broken(&error))?;
                let memory = memory.clone();
                let read = blocking::run(move || hibernate::read(from, &memory));
                Some(AbortOnDropHandle::new(tokio::spawn(read)))
            }
            Begin::Boot | Begin::Restore(_) => None,
        };
        let memory_file = memory.file().map_err(|error| broken(&error))?;
        let control = control::bind(directory)
            .map_err(|source| LaunchError::Io { path: directory.to_owned(), source })?;
        let vhost_socket = vsock_device::place_of(vsock_device::VHOST_SOCKET, cell.as_ref());
        let machine = Machine {
            name: &name,
            machine: &qemu.settings.machine,
            accelerator,
            vcpus: spec.vcpus,
            memory_mib: spec.memory_mib,
            boot: &spec.boot,
            command_line: &command_line,
            layers: &spec.layers,
            disk: spec.disk.as_deref(),
            network: &spec.network,
            relay: relay.as_deref(),
            vsock: Some(&vhost_socket),
            memory: Some(memory::number_of(&memory_file)),
            control: Some(control.as_raw_fd()),
            incoming: !matches!(begin, Begin::Boot),
        };
        let arguments = machine.argv()?.into_iter().map(Into::into).collect();
        let inherits = vec![control, memory_file];
        let invocation =
            Invocation { program: &qemu.program, arguments, directory, mounts, identity, inherits };
        let mut process = Process::start(invocation)?;
        let console = match begin {
            Begin::Boot | Begin::Restore(_) => process.console(directory).await?,
            Begin::Wake(_) => process.console_again(directory).await?,
        };
        let begun = match (begin, filled, read) {
            (Begin::Restore(files), Some(filled), _) => suspend::restore(directory, files, filled).await,
            (Begin::Wake(_), _, Some(read)) => wake(directory, read).await,
            _ => Ok(()),
        };
        went_on(begun, &mut process, out_of_memory).await?;
        let directory = directory.to_owned();
        let (memory, golden) = (Some(memory), spec.golden);
        Ok(Self { qemu: process, vsock_device, console, directory, exit: None, memory, golden, cell })
    }

    pub(super) async fn adopt(qemu: &Qemu, survivor: &Survivor) -> io::Result<Self> {
        let directory = survivor.directory.as_path();
        let [process, vsock_device] = survivor.processes[..] else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not the processes of a QEMU"));
        };
        let vsock_device = Process::adopt(vsock_device, &qemu.vsock_device, directory)?;
        let mut process = Process::adopt(process, &qemu.program, directory)?;
        let console = process.console(directory).await.map_err(io::Error::other)?;
        let adopt = |uids| Cell::adopt(uids, survivor, vsock_device::GUEST_SOCKET);
        let cell = qemu.uids.as_ref().map(adopt).transpose()?.flatten();
        let directory = directory.to_owned();
        let memory = GuestMemory::of_process(process.id().pid).ok();
        let golden = false;
        Ok(Self { qemu: process, vsock_device, console, directory, exit: None, memory, golden, cell })
    }

    /// Which process ended, seen from what both say.
    async fn first_exit(&mut self) -> VmExit {
        tokio::select! {
            biased;
            exit = self.qemu.wait() => exit,
            exit = self.vsock_device.wait() => {
                match tokio::time::timeout(SAME_MOMENT, self.qemu.wait()).await {
                    Ok(exit) => exit,
                    // Without it nobody reaches the guest any more, whatever its exit code.
                    Err(_) => VmExit { by_guest: false, ..exit },
                }
            }
        }
    }
}

/// Gives the machine the state that came out of a pipe, when all of it has; its memory is there by then.
async fn wake(directory: &Path, read: AbortOnDropHandle<io::Result<File>>) -> Result<(), LaunchError> {
    let failed = |error: QmpError| LaunchError::Snapshot(causes(&error));
    let mut qemu = control::connect(directory).await.map_err(failed)?;
    let state = read.await.map_err(io::Error::other).and_then(|read| read).map_err(|error| broken(&error))?;
    suspend::take_state(&mut qemu, &state).await.map_err(failed)
}

fn broken(error: &io::Error) -> LaunchError {
    LaunchError::Snapshot(error.to_string())
}

/// What QEMU says itself before it ends is a better cause than a connection that is closed.
async fn went_on(
    result: Result<(), LaunchError>,
    process: &mut Process,
    out_of_memory: impl FnOnce() -> Option<OutOfMemory>,
) -> Result<(), LaunchError> {
    let Err(error) = result else { return Ok(()) };
    let exit = tokio::time::timeout(SAME_MOMENT, process.wait()).await;
    if let Ok(exit) = &exit
        && let whose @ Some(_) = out_of_memory()
    {
        let exit = VmExit { out_of_memory: whose, ..exit.clone() };
        return Err(LaunchError::Died { exit, console: Vec::new() });
    }
    match exit {
        Ok(exit) if !exit.stderr.is_empty() => Err(LaunchError::Snapshot(exit.stderr.join("; "))),
        _ => Err(error),
    }
}

fn failed(error: QmpError) -> SnapshotError {
    SnapshotError::Vmm(causes(&error))
}

#[async_trait]
impl Vm for QemuVm {
    fn console(&self) -> Arc<Console> {
        Arc::clone(&self.console)
    }

    fn processes(&self) -> Vec<ProcessId> {
        vec![self.qemu.id(), self.vsock_device.id()]
    }

    async fn wait(&mut self) -> VmExit {
        let exit = match self.exit.take() {
            Some(exit) => exit,
            None => {
                let exit = self.first_exit().await;
                VmExit { out_of_memory: self.cell.as_ref().and_then(Cell::out_of_memory), ..exit }
            }
        };
        // Kept before the next wait, so that being dropped there loses nothing.
        let exit = self.exit.insert(exit).clone();
        self.qemu.kill().await;
        self.vsock_device.kill().await;
        self.cell = None;
        exit
    }

    async fn snapshot(&mut self, files: &SnapshotFiles) -> Result<(), SnapshotError> {
        match &self.memory {
            Some(memory) if self.golden => suspend::snapshot(&self.directory, memory, files).await,
            _ => Err(SnapshotError::Unsupported),
        }
    }

    async fn hibernate(&mut self, into: OwnedFd) -> Result<(), SnapshotError> {
        let out_of_reach = || SnapshotError::Vmm("this daemon may not look into its QEMU".to_owned());
        let memory = self.memory.as_ref().ok_or_else(out_of_reach)?;
        hibernate::hibernate(&self.directory, memory, into).await
    }

    async fn go_on(&mut self) -> Result<(), SnapshotError> {
        let socket = vsock_device::place_of(vsock_device::VHOST_SOCKET, self.cell.as_ref());
        let went_on = hibernate::go_on(&self.directory, &socket).await;
        // Who listens for the knock may be another one, and the guest's own socket another one, too.
        let shown = self.cell.as_ref().map_or(Ok(()), Cell::show_sockets_again);
        shown.map_err(|error| SnapshotError::Vmm(causes(&error)))?;
        went_on.map_err(failed)
    }

    async fn kill(&mut self) -> VmExit {
        // QEMU first: its guest shall see no half of a machine.
        self.qemu.kill().await;
        self.wait().await
    }
}
