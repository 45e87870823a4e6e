//! The words of `anteroom provider`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ProviderCommand {
    /// Check a definition file without using it
    #[command(after_help = "\
Example:
  anteroom provider check github_cli.toml

Each mistake is shown with its line and with what to write instead. docs/providers.md explains
the format.

The exit code is 0 when the file is right, and 2 when it is not or cannot be read.")]
    Check {
        /// The file
        file: PathBuf,
    },
    /// Try a definition in a VM, and print step by step what was seen; nothing is stored
    #[command(after_help = "\
Examples:
  anteroom provider test codex
  anteroom provider test codex --launch device
  anteroom provider test ./example.toml        a file that is not installed yet

Needs a running daemon, whose image has the CLI. Sign in on the desktop whose address is printed.
What the CLI writes is checked and then thrown away with the VM. Ctrl+C ends the test.

The exit code is 0 when the sign-in was completed, and 6 when it ended otherwise.")]
    Test {
        /// A provider's id, or a definition file (with a slash, or ending in .toml)
        provider: String,
        /// How the CLI is started: one of the definition's launch tables [default: browser]
        #[arg(long, short, value_name = "NAME")]
        launch: Option<String>,
        /// Give up after this many seconds
        #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = super::value::seconds)]
        timeout: std::time::Duration,
    },
    /// List the definitions that there are, and the files that are broken
    #[command(after_help = "\
Reads the directory of the setting providers_dir, as the daemon does. Which programs there are, the
daemon says, for the image that it runs; where none answers, it is the configured image.
A file that is dropped there counts from the next session on, without a restart. While it is
broken, a running daemon goes on with its last good definition.")]
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one definition in words: its command, how its page is recognised, which files prove the sign-in
    #[command(after_help = "Example:  anteroom provider show codex")]
    Show {
        /// The provider's id
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}
