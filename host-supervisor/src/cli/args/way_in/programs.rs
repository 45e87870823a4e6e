//! Programs in a VM.

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::NAMES;
use crate::cli::{args::value, completion::vm_names};

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

/// Show what runs in a VM and what it costs, who uses most first; as top(1), until q
///
/// Once and plain when standard output is no terminal. Arguments are not shown, as they may hold secrets.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom top @last
  anteroom top @last --once
  anteroom top 3f2a --json

{NAMES}"))]
pub(in crate::cli) struct TopArguments {
    /// Which VM
    #[arg(value_name = "VM", add = ArgValueCompleter::new(vm_names))]
    pub(in crate::cli) vm: String,
    /// Once: shares of the half second in which it looks
    #[arg(long)]
    pub(in crate::cli) once: bool,
    /// How often it looks, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = value::seconds)]
    pub(in crate::cli) every: Duration,
    /// Once, as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
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
