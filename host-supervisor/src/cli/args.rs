//! The words of the command line, and the help that explains them.

mod credentials;
mod provider;
#[cfg(test)]
mod tests;
mod value;
mod way_in;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

pub(super) use credentials::{KeyCommand, WebhookCommand};
pub(super) use provider::ProviderCommand;
pub(super) use way_in::{
    AttachArguments, CopyArguments, DebugArguments, ExecArguments, ForwardArguments, LogsArguments, Place,
    ProcessArguments, ProxyArguments, PsArguments, ScreenshotArguments, ShellArguments,
};

use super::exit::EXIT_CODES;
use crate::store::SessionStatus;

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
    /// Sign-in sessions: start, watch, remove
    #[command(subcommand)]
    Session(SessionCommand),
    /// VMs: what runs, what happened in it, its console
    #[command(subcommand)]
    Vm(VmCommand),
    Shell(ShellArguments),
    Exec(ExecArguments),
    Attach(AttachArguments),
    Ps(PsArguments),
    Cp(CopyArguments),
    Forward(ForwardArguments),
    Proxy(ProxyArguments),
    Logs(LogsArguments),
    Screenshot(ScreenshotArguments),
    Debug(DebugArguments),
    /// The webhook: try it, and see what was delivered
    #[command(subcommand)]
    Webhook(WebhookCommand),
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

/// Remove what VMs have left whose daemon is gone: processes, directories, devices, addresses
///
/// The next `anteroom serve` does the same, and goes on with VMs that live; this is for a machine on which none will run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom gc --dry-run      what there is; a daemon may be running
  anteroom gc                what cannot go on; not beside a daemon
  anteroom gc --all          living VMs, too")]
pub(super) struct GcArguments {
    /// Only say what would be removed
    #[arg(long)]
    pub(super) dry_run: bool,
    /// End VMs that live, too
    #[arg(long)]
    pub(super) all: bool,
    /// As JSON, for programs
    #[arg(long)]
    pub(super) json: bool,
}

/// Check this machine, build the VM image if it is missing, serve, and print the address to open
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anteroom up\n  anteroom up --yes --profile dev      with the demo provider, without questions"
)]
pub(super) struct UpArguments {
    /// Install what is missing without asking
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) serve: ServeArguments,
}

/// Serve the API and the page until SIGTERM or Ctrl+C, which end every session and its VM
///
/// SIGUSR2 ends the daemon alone: VMs and sessions stay, and the next daemon goes on with them, as after a crash.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom serve
  anteroom serve --listen 127.0.0.1:4100 --state-dir /tmp/second     a second daemon beside the first
  ANTEROOM_LISTEN=0.0.0.0:4000 anteroom serve --set vm.max=8")]
pub(super) struct ServeArguments {
    /// Address and port of the API and the page
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Where everything is kept: database, keys, running VMs
    #[arg(long, value_name = "DIRECTORY")]
    state_dir: Option<String>,
    /// Which image the VMs use: desktop, dev (with the demo provider) or test
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Which kernel the VMs boot: stock or custom [default: the setting image_kernel]
    #[arg(long, value_name = "KIND")]
    kernel: Option<String>,
}

impl ServeArguments {
    /// As settings, which go before every other source.
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        given([
            ("listen", &self.listen),
            ("state_dir", &self.state_dir),
            ("image_profile", &self.profile),
            ("image_kernel", &self.kernel),
        ])
    }
}

impl SnapshotCommand {
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        match self {
            Self::Build { profile: Some(profile), .. } => vec![("image_profile".to_owned(), profile.clone())],
            _ => Vec::new(),
        }
    }
}

impl ImageCommand {
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        match self {
            Self::Build(build) => given([
                ("image_recipe", &build.recipe),
                ("image_profile", &build.profile),
                ("image_kernel", &build.kernel),
            ]),
            Self::Ls { .. } | Self::Verify { .. } => Vec::new(),
        }
    }
}

/// The flags that were given, as settings.
fn given<const N: usize>(flags: [(&str, &Option<String>); N]) -> Vec<(String, String)> {
    flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))).collect()
}

impl UpArguments {
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        self.serve.flags()
    }
}

/// Check whether this machine can run VMs: acceleration, QEMU, vsock, disk, memory, image
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom doctor
  anteroom doctor --fix --yes      install what is missing

The exit code is 0 when sessions can be served; with --fix, when nothing is left to repair.")]
pub(super) struct DoctorArguments {
    /// Install what is missing, after asking
    #[arg(long)]
    pub(super) fix: bool,
    /// Do not ask
    #[arg(long, short, requires = "fix")]
    pub(super) yes: bool,
    /// As JSON: every finding with its remedy
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Make the snapshot that `anteroom serve` would use, or find that it is there
    ///
    /// A daemon makes it by itself, once nobody waits for a VM. This is for who does not want to wait for that.
    Build {
        /// Of which image [default: the setting image_profile]
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the snapshots
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// What a snapshot was made of and depends on, as JSON
    Show {
        /// The beginning of its key
        key: String,
    },
    /// Check that snapshots are what was made
    Verify {
        /// The beginning of a key; all when none is given
        key: Option<String>,
    },
    /// Remove snapshots; VMs that began with them go on
    Rm {
        /// Beginnings of keys
        #[arg(required_unless_present = "all")]
        keys: Vec<String>,
        #[arg(long, conflicts_with = "keys")]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ImageCommand {
    Build(BuildArguments),
    /// List the images that have been built
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check that the files of all images are what was built
    Verify {
        /// Unpack every layer and compare each file with the list; takes minutes
        #[arg(long)]
        contents: bool,
        /// Only the images of this profile
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
}

/// Build an image, or find that it is up to date
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom image build                      the configured profile
  anteroom image build --profile dev        with the demo provider
  anteroom image build --recipe debian-12-google-chrome
  anteroom image build --kernel custom      compiles a kernel: many minutes once, then VMs start sooner

An image with the custom kernel stands beside the one with the stock kernel; `anteroom serve --kernel custom` uses it.
An unchanged part costs nothing: only layers whose recipe has changed are built. The agent is in no layer.")]
pub(super) struct BuildArguments {
    /// What it is built from: the name of a recipe, or a path [default: the setting image_recipe]
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// Which image: desktop, dev (with the demo provider) or test [default: the setting image_profile]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Which kernel it boots: stock (the distribution's) or custom [default: the setting image_kernel]
    #[arg(long, value_name = "KIND")]
    kernel: Option<String>,
    /// Build packages and kernel again if their archives have published anything since
    #[arg(long)]
    pub(super) update: bool,
    /// As JSON: what was built
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    Start(StartArguments),
    /// List sessions, newest first
    Ls {
        /// Only this user's
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one session: status, desktop address, cause of a failure
    Show {
        /// The session's id, or its beginning
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Start the CLI of a session again after its sign-in has failed, in the same VM
    Retry {
        /// The session's id, or its beginning
        id: String,
    },
    /// Hand over what the sign-in page has given: a code, or the last address of a browser of your own
    #[command(after_help = "\
It is read from standard input, so that it stands in no list of processes and in no shell history:
  anteroom session code 8f14e45f
  xclip -o | anteroom session code 8f14e45f")]
    Code {
        /// The session's id, or its beginning
        id: String,
    },
    /// End sessions and forget them, with their credentials
    Rm {
        /// The sessions' ids, or their beginnings
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Start a sign-in: a new VM in which the provider's CLI signs in
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom session start --provider codex --user ann
  anteroom session start --provider codex --user ann --wait completed
  anteroom session start --provider codex --user ann --launch device     with a one-time code
  anteroom session start --provider demo-auto --user ann --wait completed --json

With --wait the exit code is 0 when the status was reached or passed, 6 when the session ended otherwise.
Waiting for an end also waits until the VM is gone. Ctrl+C stops the waiting, not the session.")]
pub(super) struct StartArguments {
    /// Which CLI signs in; an unknown one is answered with those that there are
    #[arg(long, short, value_name = "ID")]
    pub(super) provider: String,
    /// For whom: any name that the application knows the person by
    #[arg(long, short, value_name = "USER")]
    pub(super) user: String,
    /// How the CLI is started: one of the definition's launch tables, such as device [default: browser]
    #[arg(long, short, value_name = "NAME")]
    pub(super) launch: Option<String>,
    /// Replace this user's older credentials of this provider when the sign-in completes
    #[arg(long)]
    pub(super) rotate: bool,
    /// Wait until the session has this status
    #[arg(long, value_name = "STATUS")]
    pub(super) wait: Option<SessionStatus>,
    /// Give up waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = value::seconds)]
    pub(super) timeout: Duration,
    /// As JSON: the session, once, at the end
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum VmCommand {
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

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every setting with its value and where that came from
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a configuration file without using it
    #[command(after_help = "Example:  anteroom config check /etc/anteroom/anteroom.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
}
