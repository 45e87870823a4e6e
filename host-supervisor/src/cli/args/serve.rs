//! The daemon: start it.

use clap::Args;

use super::value::given;

/// Check this machine, build the VM image if it is missing, serve, and print the address to open
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anteroom up\n  anteroom up --yes --profile dev      with the demo provider, without questions"
)]
pub(in crate::cli) struct UpArguments {
    /// Install what is missing without asking
    #[arg(long, short)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) serve: ServeArguments,
}

/// Serve the API and the page until SIGTERM or Ctrl+C, which end every session and its VM
///
/// SIGUSR2 ends the daemon alone: VMs and sessions stay, and the next daemon goes on with them, as after a crash. SIGHUP has it
/// read its settings again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom serve
  anteroom serve --listen 127.0.0.1:4100 --state-dir /tmp/second     a second daemon beside the first
  ANTEROOM_LISTEN=0.0.0.0:4000 anteroom serve --set vm.max=8")]
pub(in crate::cli) struct ServeArguments {
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
    pub(in crate::cli) fn flags(&self) -> Vec<(String, String)> {
        given([
            ("listen", &self.listen),
            ("state_dir", &self.state_dir),
            ("image_profile", &self.profile),
            ("image_kernel", &self.kernel),
        ])
    }
}

impl UpArguments {
    pub(in crate::cli) fn flags(&self) -> Vec<(String, String)> {
        self.serve.flags()
    }
}
