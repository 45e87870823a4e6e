//! PID 1.
//!
//! ```text
//!  kernel ──▶ early mounts ──▶ command line ──▶ modules ─┬─▶ control API on vsock
//!               (blocking: nothing else exists yet)      ├─▶ network
//!                                                        └─▶ layers, overlay, switch of root ──▶ services
//!  any of it, or a request, a signal, a panic ──▶ stop services, sync, power off
//! ```
//! It never exits. Whatever makes the VM useless is said on the console and as an event before the power goes off.

mod boot;
pub(crate) mod boot_id;
pub(crate) mod entropy;
mod identity;
mod modules;
mod mount;
mod network;
mod power;
pub(crate) mod resume;
mod root;
pub(crate) mod surroundings;

use std::fs;

use anteroom_protocol::{
    agent::FATAL_PREFIX,
    cmdline::{KernelCommandLine, PROBE_GREETING, Purpose},
};

use crate::{boottime, console};
pub(crate) use boot::EndReason;
use power::Ending;

/// Everything that makes a boot impossible.
#[derive(Debug, thiserror::Error)]
enum BootError {
    #[error(transparent)]
    Mount(#[from] mount::MountError),
    #[error("/proc/cmdline cannot be read")]
    NoCommandLine(#[source] std::io::Error),
    #[error(transparent)]
    CommandLine(#[from] anteroom_protocol::cmdline::CommandLineError),
    #[error(transparent)]
    Module(#[from] modules::ModuleError),
    #[error(transparent)]
    Root(#[from] root::RootError),
    #[error(transparent)]
    Services(#[from] crate::service::SpecError),
    #[error("the asynchronous runtime cannot be made")]
    Runtime(#[source] std::io::Error),
}

/// The whole life of the VM.
pub(crate) fn run() -> ! {
    let started_ns = boottime::now_ns();
    let mut ending = Ending::default();
    if let Err(error) = live(started_ns, &mut ending) {
        tell_fatal(&console::chain(&error));
    }
    power::off(ending)
}

fn live(started_ns: u64, ending: &mut Ending) -> Result<(), BootError> {
    mount::all(&mount::EARLY)?;
    console::start();
    power::on_panic();
    let line: KernelCommandLine =
        fs::read_to_string("/proc/cmdline").map_err(BootError::NoCommandLine)?.parse()?;
    *ending = Ending::asked_for_by(&line);
    if line.purpose == Purpose::Probe {
        eprintln!("{PROBE_GREETING}");
        return Ok(());
    }
    let modules_loaded_ns = modules::load_all()?.then(boottime::now_ns);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BootError::Runtime)?
        .block_on(boot::run(line, boot::EarlyMarks { started_ns, modules_loaded_ns }))
}

/// One line that a host looks for in the serial log.
fn tell_fatal(cause: &str) {
    eprintln!("{FATAL_PREFIX}{cause}");
}
