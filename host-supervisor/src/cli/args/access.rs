//! Who may call the API, and who did.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, builder::PossibleValue};

use super::value;
use crate::store::Scope;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ApiKeyCommand {
    /// Make another key and print it, once: only its digest is kept
    #[command(after_help = "\
Scopes:
  sessions          start, see, help and end sign-ins; list credentials without their contents
  credentials:read  read captured credentials
  vms               see VMs with their consoles and logs, and end them
  exec              run programs in VMs, and reach their ports
  metrics           read what is counted and measured
  admin             everything, keys and the audit log among it

Examples:
  anteroom api-key create web-application --scope sessions,credentials:read
  anteroom api-key create ci --scope sessions --expires 30d")]
    Create {
        /// Whose it is, or what for
        name: String,
        /// What it may do
        #[arg(long = "scope", short, value_name = "SCOPE", required = true, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// How long it counts, for example 12h or 90d [default: until it is revoked]
        #[arg(long, value_name = "TIME", value_parser = value::life)]
        expires: Option<Duration>,
        /// As JSON: the key's text and what is known of it
        #[arg(long)]
        json: bool,
    },
    /// List keys: what they may do, until when, and when they were used last
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key now, and with it the pages that were opened with it
    Revoke {
        /// The keys' ids, or their beginnings
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Show who did what through the API, the newest last
#[derive(Debug, Args)]
#[command(after_help = "\
What changed something, opened a way into a VM or read credentials is there, and what was refused to a known caller.

Examples:
  anteroom audit -n 20
  anteroom audit -f --json")]
pub(in crate::cli) struct AuditArguments {
    /// How many entries, at most 1000
    #[arg(long = "lines", short = 'n', value_name = "NUMBER", default_value = "50",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(in crate::cli) lines: u32,
    /// Go on with those that come
    #[arg(long, short)]
    pub(in crate::cli) follow: bool,
    /// As JSON, an entry in each line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

impl ValueEnum for Scope {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}
