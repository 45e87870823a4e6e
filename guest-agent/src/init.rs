//! PID 1.
//!
//! ```text
//!  kernel, loader ──▶ early mounts ──▶ command line ─┬─▶ control API on vsock
//!            (blocking: nothing else exists yet)       ├─▶ network
//!                                                      └─▶ layers, overlay, switch of root ──▶ services
//!  any of it, or a request, a signal, a panic ──▶ stop services, sync, power off
//! ```
//! It never exits. Whatever makes the VM useless is said on the console and as an event before the power goes off.

mod boot;
pub(crate) mod boot_id;
pub(crate) mod command_line;
pub(crate) mod early_marks;
pub(crate) mod entropy;
mod identity;
pub(crate) mod mount;
mod network;
pub(crate) mod power;
pub(crate) mod resume;
pub(crate) mod root;
pub(crate) mod surroundings;

use std::error::Error;

use anteroom_protocol::{
    agent::FATAL_PREFIX,
    cmdline::{PROBE_GREETING, Purpose},
};

use crate::{boottime, console};
pub(crate) use boot::EndReason;
use early_marks::EarlyMarks;
use power::Ending;

/// Everything that makes a boot impossible.
#[derive(Debug, thiserror::Error)]
enum BootError {
    #[error(transparent)]
    Mount(#[from] mount::MountError),
    #[error(transparent)]
    CommandLine(#[from] command_line::CommandLineError),
    #[error(transparent)]
    Root(#[from] root::RootError),
    #[error(transparent)]
    Services(#[from] crate::service::SpecError),
    #[error("the asynchronous runtime cannot be made")]
    Runtime(#[source] std::io::Error),
}

/// The whole life of the VM; `arguments` are PID 1's.
pub(crate) fn run(arguments: &[String]) -> ! {
    let early = EarlyMarks::of(arguments, boottime::now_ns());
    let mut ending = Ending::default();
    if let Err(error) = live(early, &mut ending) {
        tell_fatal(&error);
    }
    power::off(ending)
}

fn live(early: EarlyMarks, ending: &mut Ending) -> Result<(), BootError> {
    mount::all(&mount::EARLY)?;
    console::start();
    power::on_panic();
    let line = command_line::read()?;
    *ending = Ending::asked_for_by(&line);
    if line.purpose == Purpose::Probe {
        eprintln!("{PROBE_GREETING}");
        return Ok(());
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BootError::Runtime)?
        .block_on(boot::run(line, early))
}

/// One line that a host looks for in the serial log.
pub(crate) fn tell_fatal(cause: &dyn Error) {
    eprintln!("{FATAL_PREFIX}{}", console::chain(cause));
}
