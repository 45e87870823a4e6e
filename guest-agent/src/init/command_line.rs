//! What the kernel was told, read by PID 1.

use std::{fs, io};

use anteroom_protocol::cmdline::{self, KernelCommandLine};

#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandLineError {
    #[error("/proc/cmdline cannot be read")]
    Unreadable(#[source] io::Error),
    #[error(transparent)]
    Wrong(#[from] cmdline::CommandLineError),
}

pub(crate) fn read() -> Result<KernelCommandLine, CommandLineError> {
    Ok(fs::read_to_string("/proc/cmdline").map_err(CommandLineError::Unreadable)?.parse()?)
}
