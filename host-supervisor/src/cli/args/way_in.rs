//! The ways into a VM.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::value;
use crate::cli::completion::vm_names;

/// How a VM may be called, for every help.
const NAMES: &str = "\
VM is the id of a VM or of its session, the beginning of one, or @last: the VM that was started last.";

/// Open a shell in a VM: every key goes there, until it ends or you type ~. at the beginning of a line
///
/// It goes on when the daemon is replaced by another one; what it has shown meanwhile comes then.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom shell @last
  anteroom shell 3f2a --user root --cwd /var/log

{NAMES}"))]
pub(in crate::cli) struct ShellArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    #[command(flatten)]
    pub(in crate::cli) process: ProcessArguments,
}

/// Run a program in a VM: its input, output, signals and exit code are this command's
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom exec @last -- ls -l
  anteroom exec 3f2a -- sh -c 'cat > /tmp/file' < file
  anteroom exec @last -t -- top
  anteroom exec @last --user root --timeout 10 -- dmesg

{NAMES}

Arguments are passed on as they are: no shell reads them, here or there."))]
pub(in crate::cli) struct ExecArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// With a terminal of its own, as programs want it that draw on the screen
    #[arg(long, short)]
    pub(in crate::cli) tty: bool,
    /// It reads nothing; as ssh -n, for loops that read from standard input themselves
    #[arg(long, short, conflicts_with = "tty")]
    pub(in crate::cli) no_stdin: bool,
    /// Print its id and leave it alone: `attach` follows it later, and the guest keeps the last MiB that it says
    #[arg(long, short, conflicts_with_all = ["tty", "no_stdin"])]
    pub(in crate::cli) detach: bool,
    /// End it after this many seconds: exit code 124
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub(in crate::cli) timeout: Option<Duration>,
    #[command(flatten)]
    pub(in crate::cli) process: ProcessArguments,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(in crate::cli) argv: Vec<String>,
}

/// Follow a program of a VM that runs already: what it has said, what it says, and its exit code
///
/// Of one that was started with `exec --detach`, or whose command has died within the last minute. It is kept for an hour
/// after its end, until somebody has seen that.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  id=$(anteroom exec @last --detach -- make test)
  anteroom attach @last $id

{NAMES}"))]
pub(in crate::cli) struct AttachArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// The program's id, or its beginning; none is needed when there is only one
    #[arg(value_name = "ID", default_value = "", hide_default_value = true)]
    pub(in crate::cli) id: String,
    /// Send it nothing
    #[arg(long, short)]
    pub(in crate::cli) no_stdin: bool,
}

/// List the programs that were started in a VM by `exec` and `shell`
#[derive(Debug, Args)]
#[command(after_help = NAMES)]
pub(in crate::cli) struct PsArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// As JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
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

/// Whose process it is, and where.
#[derive(Debug, Args)]
pub(in crate::cli) struct ProcessArguments {
    /// Who runs it [default: the user of the desktop]
    #[arg(long, short, value_name = "USER")]
    pub(in crate::cli) user: Option<String>,
    /// Where it runs, an absolute path [default: the user's home directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub(in crate::cli) cwd: Option<String>,
    /// A variable of its environment; without a value, ours
    #[arg(long, short, value_name = "NAME[=VALUE]", value_parser = value::variable)]
    pub(in crate::cli) env: Vec<(String, String)>,
}

/// Copy files and directories into a VM, out of one, or from one to another
///
/// Modes, times, links and holes stay as they are; owners become whoever writes. What comes out of a VM stays within the
/// target, whatever it is called.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom cp report.pdf @last:/home/desktop/
  anteroom cp @last:.codex ./codex-of-the-vm
  anteroom cp 3f2a:/var/log 8b11:/tmp/log-of-3f2a

As cp -a: a target that is a directory gets the source into it, another one becomes the source. A path in a VM that is not
absolute begins in the user's home directory.

{NAMES}"))]
pub(in crate::cli) struct CopyArguments {
    /// VM:PATH, or a path here
    #[arg(value_name = "FROM")]
    pub(in crate::cli) from: Place,
    /// VM:PATH, or a path here
    #[arg(value_name = "TO")]
    pub(in crate::cli) to: Place,
    /// Who reads and writes in VMs [default: the user of the desktop]
    #[arg(long, short, value_name = "USER")]
    pub(in crate::cli) user: Option<String>,
    /// Say nothing about the progress
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Place {
    Here(PathBuf),
    Vm { vm: String, path: String },
}

impl std::str::FromStr for Place {
    type Err = std::convert::Infallible;

    /// A path with a slash before its first colon is one of ours, as scp(1) has it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some((vm, path)) if !vm.is_empty() && !vm.contains('/') => {
                Self::Vm { vm: vm.to_owned(), path: if path.is_empty() { "." } else { path }.to_owned() }
            }
            _ => Self::Here(text.into()),
        })
    }
}

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
