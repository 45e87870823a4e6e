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

/// Print what was seen of a VM and its session: when what became ready, what the sign-in did, how it ended
///
/// Times are UTC. Once a VM is gone, of its session only the end is known.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom events @last
  anteroom events @last -f           and what comes, until both have ended; a new daemon goes on with it
  anteroom events 3f2a --json        a line of JSON for each: at, of (vm or session), text

{NAMES}"))]
pub(in crate::cli) struct EventsArguments {
    /// Which VM, or its session
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Go on with what comes
    #[arg(long, short)]
    pub(in crate::cli) follow: bool,
    /// As JSON, one event a line
    #[arg(long)]
    pub(in crate::cli) json: bool,
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

/// Film a VM's desktop until Ctrl+C, as WebM (VP8)
///
/// The pointer is in it. Whoever watches the desktop meanwhile notices nothing.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom record @last
  anteroom record 3f2a -o sign-in.webm --seconds 60
  anteroom record @last -o -             into a pipe, for example to ffplay -

{NAMES}"))]
pub(in crate::cli) struct RecordArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Where to write it, - for standard output [default: vm-ID.webm]
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// End after so long
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub(in crate::cli) seconds: Option<Duration>,
    /// At most so many pictures a second
    #[arg(long, value_name = "NUMBER", default_value = "15", value_parser = clap::value_parser!(u8).range(1..=60))]
    pub(in crate::cli) fps: u8,
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
