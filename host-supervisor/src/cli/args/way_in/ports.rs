//! Ports of a VM's loopback.

use std::net::SocketAddr;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::NAMES;
use crate::cli::{args::value, completion::vm_names};

/// Reach a port of a VM's loopback from here, or one of ours from the VM, until Ctrl+C
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom forward @last 8080            the VM's port 8080 is http://127.0.0.1:8080 here
  anteroom forward @last 5900:15900      another port here
  anteroom forward @last 5900:0          any free one; it is printed
  anteroom forward @last -R 3000         our port 3000 is http://127.0.0.1:3000 in the VM
  anteroom forward @last -R 80:3000      another port there

{NAMES}"))]
pub(in crate::cli) struct ForwardArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Its port, and ours if that is another one
    #[arg(value_name = "PORT[:LOCAL]", required_unless_present = "reverse", value_parser = value::ports)]
    pub(in crate::cli) ports: Vec<(u16, SocketAddr)>,
    /// The other direction: the VM's port, and ours if that is another one. Every program in the VM can reach it then
    #[arg(long, short = 'R', value_name = "PORT[:LOCAL]", value_parser = value::ports)]
    pub(in crate::cli) reverse: Vec<(u16, SocketAddr)>,
}

/// Join standard input and output with a port of a VM's loopback, as ssh(1) wants it of a ProxyCommand
#[derive(Debug, Args)]
#[command(after_help = format!("\
Example, where the image has an sshd:
  ssh -o ProxyCommand='anteroom proxy %h' desktop@3f2a

{NAMES}"))]
pub(in crate::cli) struct ProxyArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Its port
    #[arg(value_name = "PORT", default_value = "22", value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) port: u16,
}

/// Show a VM's desktop to a VNC viewer of yours: prints the address, which is good until Ctrl+C
///
/// It asks for no password: whoever can reach this machine's loopback sees the desktop meanwhile, and can type there.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom vnc @last
  anteroom vnc @last --open              in the viewer that the desktop here knows
  anteroom vnc 3f2a --port 5900

{NAMES}"))]
pub(in crate::cli) struct VncArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Open it in a viewer, with xdg-open
    #[arg(long)]
    pub(in crate::cli) open: bool,
    /// The port here [default: any free one]
    #[arg(long, value_name = "PORT", default_value = "0", hide_default_value = true)]
    pub(in crate::cli) port: u16,
}
