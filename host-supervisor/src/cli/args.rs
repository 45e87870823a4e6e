//! The words of the command line, and the help that explains them.

mod access;
mod credentials;
mod image;
mod machine;
mod prompt;
mod provider;
mod serve;
mod session;
#[cfg(test)]
mod tests;
mod value;
mod vm;
mod way_in;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub(super) use access::{ApiKeyCommand, AuditArguments};
pub(super) use credentials::{KeyCommand, WebhookCommand};
pub(super) use image::{ImageCommand, SnapshotCommand};
pub(super) use machine::{ConfigCommand, DoctorArguments, GcArguments};
pub(super) use prompt::PromptArguments;
pub(super) use provider::ProviderCommand;
pub(super) use serve::{ServeArguments, UpArguments};
pub(super) use session::{SessionCommand, StartArguments};
pub(super) use vm::VmCommand;
pub(super) use way_in::{
    AttachArguments, CopyArguments, DebugArguments, EventsArguments, ExecArguments, ForwardArguments,
    LogsArguments, Place, ProcessArguments, ProxyArguments, PsArguments, RecordArguments,
    ScreenshotArguments, ShellArguments, TopArguments, VncArguments,
};

use super::exit::EXIT_CODES;

const START_HERE: &str =
    "Start here:  anteroom up\n\nEvery command explains itself: anteroom <command> --help";

#[derive(Debug, Parser)]
#[command(
    name = "anteroom",
    version,
    about = "Disposable desktop VMs to sign CLI tools in by hand; the credentials stay, the VM goes",
    after_help = START_HERE,
    after_long_help = format!("{START_HERE}\n\n{EXIT_CODES}"),
    max_term_width = 100,
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Common {
    /// Configuration file [default: ~/.config/anteroom/anteroom.toml, then /etc/anteroom/anteroom.toml]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Any setting, for example --set vm.max=4; `anteroom config show` lists them
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = value::setting, global = true)]
    pub(super) settings: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Up(UpArguments),
    Serve(ServeArguments),
    Doctor(DoctorArguments),
    /// VM images: build, list, verify
    #[command(subcommand)]
    Image(ImageCommand),
    /// Snapshots that VMs begin with: build, list, verify
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Provider definitions: check a file, list, explain
    #[command(subcommand)]
    Provider(ProviderCommand),
    #[command(flatten)]
    OfDaemon(DaemonCommand),
    Prompt(PromptArguments),
    Shell(ShellArguments),
    Exec(ExecArguments),
    Attach(AttachArguments),
    Proxy(ProxyArguments),
    /// Master keys: which there are, and a new one for everything that is sealed
    #[command(subcommand)]
    Key(KeyCommand),
    Gc(GcArguments),
    /// Settings: which count, and where they came from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the man pages of all commands into a directory
    ///
    /// Shells complete commands, options and the names of VMs with:  source <(COMPLETE=bash anteroom)
    Man {
        /// Where to; it is made if it is not there
        #[arg(value_name = "DIRECTORY")]
        directory: PathBuf,
    },
    /// Join standard input and output with a TCP address; QEMU calls this
    #[command(hide = true)]
    Relay {
        address: SocketAddr,
    },
}

/// What is asked of a daemon, and shown.
#[derive(Debug, Subcommand)]
pub(super) enum DaemonCommand {
    /// Sign-in sessions: start, watch, remove
    #[command(subcommand)]
    Session(SessionCommand),
    /// VMs: what runs, what happened in it, its console
    #[command(subcommand)]
    Vm(VmCommand),
    Ps(PsArguments),
    Top(TopArguments),
    Cp(CopyArguments),
    Forward(ForwardArguments),
    Vnc(VncArguments),
    Logs(LogsArguments),
    Events(EventsArguments),
    Screenshot(ScreenshotArguments),
    Record(RecordArguments),
    Debug(DebugArguments),
    /// The webhook: try it, and see what was delivered
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Keys that call the API: create, list, revoke
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    Audit(AuditArguments),
}
