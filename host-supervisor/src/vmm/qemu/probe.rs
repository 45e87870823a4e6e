//! The probe boot: does a kernel, with KVM, get as far as PID 1 on this machine?

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anteroom_protocol::cmdline::PROBE_GREETING;

use super::{accelerator::Accelerator, argv::Machine};
use crate::{
    net::Network,
    vmm::{
        BootFiles, LaunchError,
        boot_line::{Boot, boot_line},
        console::diagnose,
        process::{Invocation, Process},
    },
};

/// With a KVM that works PID 1 is there in less than a second, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(5);
const MEMORY_MIB: u32 = 256;

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    Boots { after: Duration },
    Useless { reason: String },
}

/// Boots these files with KVM, at most five seconds. The agent says that it is there.
///
/// # Errors
/// When the probe itself cannot be made, which says nothing about KVM.
pub async fn probe_kvm(qemu: &Path, machine: &str, boot: &BootFiles) -> Result<ProbeOutcome, LaunchError> {
    let command_line = boot_line(Boot::probe(boot))?;
    let machine = Machine {
        name: "anteroom-probe",
        machine,
        accelerator: Accelerator::Kvm,
        vcpus: 1,
        memory_mib: MEMORY_MIB,
        boot,
        command_line: &command_line,
        layers: &[],
        disk: None,
        network: &Network::None,
        relay: None,
        vsock: None,
        memory: None,
        control: None,
        incoming: false,
    };
    boot_and_listen(qemu, &machine).await
}

async fn boot_and_listen(qemu: &Path, machine: &Machine<'_>) -> Result<ProbeOutcome, LaunchError> {
    let cannot_write = |source| LaunchError::Io { path: std::env::temp_dir(), source };
    let directory = tempfile::tempdir().map_err(cannot_write)?;
    let arguments = machine.argv()?.into_iter().map(Into::into).collect();
    let started = Instant::now();
    let mut process = Process::start(Invocation::of(qemu, arguments, directory.path()))?;
    let console = process.console(directory.path()).await?;
    let greeting = console.wait_for(|line| line.contains(PROBE_GREETING));
    let outcome = match tokio::time::timeout(LIMIT, greeting).await {
        Ok(Some(_)) => ProbeOutcome::Boots { after: started.elapsed() },
        Ok(None) => {
            let exit = process.wait().await;
            let said = diagnose(&console.tail())
                .map(|cause| cause.message())
                .or_else(|| exit.stderr.last().cloned());
            let said =
                said.unwrap_or_else(|| format!("QEMU ended with exit code {}", exit.code.unwrap_or(-1)));
            useless(&said)
        }
        Err(_) => useless(&format!("no kernel reached PID 1 within {} s", LIMIT.as_secs())),
    };
    process.kill().await;
    Ok(outcome)
}

fn useless(reason: &str) -> ProbeOutcome {
    ProbeOutcome::Useless { reason: format!("KVM does not work here: {reason}") }
}
