//! The words of `anteroom vm`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum VmCommand {
    /// List VMs, newest first
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one VM with its services and its timeline: when what happened since the request
    Show {
        /// The VM's id, or its beginning
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the log of the serial console: the kernel's words and those of PID 1
    Console {
        /// The VM's id, or its beginning
        id: String,
    },
    /// Put VMs to disk, sealed: they take no memory, and go on as soon as anything needs them
    Hibernate {
        /// The VMs' ids, or their beginnings
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Have VMs go on that hibernate
    Wake {
        /// The VMs' ids, or their beginnings
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// End VMs, and with them their sessions
    Rm {
        /// The VMs' ids, or their beginnings
        #[arg(required = true)]
        ids: Vec<String>,
    },
}
