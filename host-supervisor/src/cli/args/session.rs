//! The words of `anteroom session`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::value;
use crate::store::SessionStatus;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SessionCommand {
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
pub(in crate::cli) struct StartArguments {
    /// Which CLI signs in; an unknown one is answered with those that there are
    #[arg(long, short, value_name = "ID")]
    pub(in crate::cli) provider: String,
    /// For whom: any name that the application knows the person by
    #[arg(long, short, value_name = "USER")]
    pub(in crate::cli) user: String,
    /// How the CLI is started: one of the definition's launch tables, such as device [default: browser]
    #[arg(long, short, value_name = "NAME")]
    pub(in crate::cli) launch: Option<String>,
    /// Replace this user's older credentials of this provider when the sign-in completes
    #[arg(long)]
    pub(in crate::cli) rotate: bool,
    /// Wait until the session has this status
    #[arg(long, value_name = "STATUS")]
    pub(in crate::cli) wait: Option<SessionStatus>,
    /// Give up waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = value::seconds)]
    pub(in crate::cli) timeout: Duration,
    /// As JSON: the session, once, at the end
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
