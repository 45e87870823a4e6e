//! What an initramfs has besides modules: it loads them, and becomes the agent. A kernel with all drivers built in goes to the agent's
//! disk by itself.
//!
//! ```text
//!  kernel ──▶ /proc, /dev ──▶ modules ──▶ root= mounted ──MS_MOVE──▶ / ──exec──▶ /init there, the agent
//!  any of it fails ──▶ said on the console, power off
//! ```
//! It is small because it uses little of this library, and the linker leaves out the rest.

mod modules;

use std::{
    convert::Infallible,
    ffi::{CStr, CString},
    fs, io,
    path::Path,
};

use nix::{errno::Errno, mount::MsFlags, unistd::execv};

use crate::{
    boottime,
    init::{
        command_line::{self, CommandLineError},
        early_marks::EarlyMarks,
        mount::{self, MountError},
        power::{self, Ending},
        root::{self, RootError},
        tell_fatal,
    },
};

/// Where the agent's disk is mounted until it is the root.
const PLACE: &str = "/root";
/// The agent there, as the kernel's `init=` names it.
const AGENT: &CStr = c"/init";
/// The running program, and with [`modules::DIRECTORY`] all of the initramfs that takes memory.
const LOADER: &str = "/init";

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error(transparent)]
    CommandLine(#[from] CommandLineError),
    #[error(transparent)]
    Module(#[from] modules::ModuleError),
    #[error("the kernel command line names no root=: there is no disk to find the agent on")]
    NoRoot,
    #[error(transparent)]
    Root(#[from] RootError),
    #[error("{0} of the initramfs cannot be removed")]
    LeftOver(&'static str, #[source] io::Error),
    #[error("{0} has no {agent} that can be run", agent = AGENT.to_string_lossy())]
    NoAgent(String, #[source] Errno),
}

/// Ends as the agent, or with the VM.
pub(crate) fn run() -> ! {
    let started_ns = boottime::now_ns();
    power::on_panic();
    let mut ending = Ending::default();
    let Err(error) = become_agent(started_ns, &mut ending);
    tell_fatal(&error);
    power::off(ending)
}

fn become_agent(started_ns: u64, ending: &mut Ending) -> Result<Infallible, LoadError> {
    mount::all(&mount::FOR_LOADER)?;
    let line = command_line::read()?;
    *ending = Ending::asked_for_by(&line);
    modules::load_all()?;
    let told = EarlyMarks::told(started_ns, boottime::now_ns());
    let disk = line.root.ok_or(LoadError::NoRoot)?;
    root::mount_device(&disk, Path::new(PLACE), "erofs", MsFlags::MS_RDONLY)?;
    // What is in it otherwise stays in memory for good.
    fs::remove_dir_all(modules::DIRECTORY).map_err(|error| LoadError::LeftOver(modules::DIRECTORY, error))?;
    fs::remove_file(LOADER).map_err(|error| LoadError::LeftOver(LOADER, error))?;
    for part in &mount::FOR_LOADER {
        root::bring_along(part.target, Path::new(PLACE))?;
    }
    root::enter(Path::new(PLACE))?;
    let arguments: Vec<CString> = [AGENT.to_owned()].into_iter().chain(told).collect();
    execv(AGENT, &arguments).map_err(|error| LoadError::NoAgent(disk, error))
}
