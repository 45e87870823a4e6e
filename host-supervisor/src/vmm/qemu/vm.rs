//! A living QEMU with its vsock device.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Qemu, accelerator::Accelerator, argv::Machine, vsock_device};
use crate::vmm::{
    LaunchError, ProcessId, Survivor, Vm, VmExit, VmSpec,
    boot_line::{Boot, boot_line},
    console::Console,
    process::{Invocation, Process},
};

/// When the vsock device ends first: how long QEMU may take to end as well and tell the cause.
const SAME_MOMENT: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(super) struct QemuVm {
    qemu: Process,
    vsock_device: Process,
    console: Arc<Console>,
    exit: Option<VmExit>,
}

impl QemuVm {
    pub(super) async fn start(
        qemu: &Qemu,
        spec: &VmSpec,
        accelerator: Accelerator,
    ) -> Result<Self, LaunchError> {
        let command_line = boot_line(Boot::desktop(spec, accelerator.kernel_words()))?;
        let name = format!("anteroom-{}", spec.id.short());
        let machine = Machine {
            name: &name,
            machine: &qemu.settings.machine,
            accelerator,
            vcpus: spec.vcpus,
            memory_mib: spec.memory_mib,
            kernel: &spec.kernel,
            initrd: spec.initrd.as_deref(),
            command_line: &command_line,
            layers: &spec.layers,
            disk: spec.disk.as_deref(),
            network: &spec.network,
            relay: qemu.settings.relay.as_deref(),
            vsock: Some(vsock_device::VHOST_SOCKET),
        };
        let arguments = machine.argv()?.into_iter().map(Into::into).collect();
        let directory = spec.directory.as_path();
        let vsock_device = vsock_device::start(&qemu.vsock_device, directory).await?;
        let mut process = Process::start(Invocation::of(&qemu.program, arguments, directory))?;
        let console = process.console(directory).await?;
        Ok(Self { qemu: process, vsock_device, console, exit: None })
    }

    pub(super) async fn adopt(qemu: &Qemu, survivor: &Survivor) -> io::Result<Self> {
        let directory = survivor.directory.as_path();
        let [process, vsock_device] = survivor.processes[..] else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not the processes of a QEMU"));
        };
        let vsock_device = Process::adopt(vsock_device, &qemu.vsock_device, directory)?;
        let mut process = Process::adopt(process, &qemu.program, directory)?;
        let console = process.console(directory).await.map_err(io::Error::other)?;
        Ok(Self { qemu: process, vsock_device, console, exit: None })
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
            None => self.first_exit().await,
        };
        // Kept before the next wait, so that being dropped there loses nothing.
        let exit = self.exit.insert(exit).clone();
        self.qemu.kill().await;
        self.vsock_device.kill().await;
        exit
    }

    async fn kill(&mut self) -> VmExit {
        // QEMU first: its guest shall see no half of a machine.
        self.qemu.kill().await;
        self.wait().await
    }
}
