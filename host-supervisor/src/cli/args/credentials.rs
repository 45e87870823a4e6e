//! What becomes of captured credentials: who is told of them, and which key seals them.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum WebhookCommand {
    /// Send an event that says nothing, now and once, and print what the receiver answers
    #[command(after_help = "The exit code is 0 when the answer is 2xx, else 1.")]
    Test {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List what was told or has to be, newest first: tries, next try, last answer
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Print the ids of the master keys and how many credentials each of them seals; never a key
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Seal every credential with a new master key, and forget the old one
    #[command(after_help = "\
Works while no daemon runs. Whatever happens in between, everything stays readable: run it again to go on.

A key in a file (the default) is replaced. A key in the environment is replaced in three steps:
  1. put a new one (openssl rand -base64 32) into ANTEROOM_MASTER_KEY_NEXT, beside ANTEROOM_MASTER_KEY
  2. anteroom key rotate
  3. move the new one to ANTEROOM_MASTER_KEY")]
    Rotate {
        /// As JSON: both keys' ids and how many credentials were sealed anew
        #[arg(long)]
        json: bool,
    },
}
