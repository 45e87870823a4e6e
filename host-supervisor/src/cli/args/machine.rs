//! The machine: what it can do, how it is set, and what is left on it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Check whether this machine can run VMs: acceleration, QEMU, vsock, disk, memory, image
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom doctor
  anteroom doctor --fix --yes      install what is missing

The exit code is 0 when sessions can be served; with --fix, when nothing is left to repair.")]
pub(in crate::cli) struct DoctorArguments {
    /// Install what is missing, after asking
    #[arg(long)]
    pub(in crate::cli) fix: bool,
    /// Do not ask
    #[arg(long, short, requires = "fix")]
    pub(in crate::cli) yes: bool,
    /// As JSON: every finding with its remedy
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Remove what VMs have left whose daemon is gone: processes, directories, devices, addresses
///
/// The next `anteroom serve` does the same, and goes on with VMs that live; this is for a machine on which none will run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom gc --dry-run      what there is; a daemon may be running
  anteroom gc                what cannot go on; not beside a daemon
  anteroom gc --all          living VMs, too")]
pub(in crate::cli) struct GcArguments {
    /// Only say what would be removed
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// End VMs that live, too
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// As JSON, for programs
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    /// Print every setting with its value and where that came from
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a configuration file without using it
    #[command(after_help = "Example:  anteroom config check /etc/anteroom/anteroom.toml")]
    Check {
        /// The file; without one, all that a daemon would read that is started here and now
        file: Option<PathBuf>,
    },
}
