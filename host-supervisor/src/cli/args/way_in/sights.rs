//! What can be seen of a VM from outside.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::NAMES;
use crate::cli::{args::value, completion::vm_names};

/// Print what a service of a VM has said last
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom logs @last                which services there are
  anteroom logs @last x11vnc
  anteroom logs @last oauth -f       and what it says from now on, until Ctrl+C

{NAMES}"))]
pub(in crate::cli) struct LogsArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Which service; a list of them when none is given
    #[arg(value_name = "SERVICE")]
    pub(in crate::cli) service: Option<String>,
    /// Go on with what comes
    #[arg(long, short, requires = "service")]
    pub(in crate::cli) follow: bool,
}

/// Make a picture of a VM's desktop, as PNG
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom screenshot @last
  anteroom screenshot 3f2a -o desktop.png

{NAMES}"))]
pub(in crate::cli) struct ScreenshotArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Where to write it, - for standard output [default: vm-ID.png]
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// Collect what somebody needs who looks for a fault in a VM: console, logs, timeline, memory, network, versions
///
/// No picture of the desktop is in it, and no process's arguments.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Example:
  anteroom debug @last

{NAMES}"))]
pub(in crate::cli) struct DebugArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Where to write it [default: vm-ID-debug.tar]
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
}
