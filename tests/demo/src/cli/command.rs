//! The words on the command line. Seven commands do not need a parser library.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};

use crate::cli::prompt::Output;

pub(crate) const HELP: &str = "\
Anteroom demo: a tool to sign in to, and the identity provider it signs in with.

Usage: anteroom-demo <command>

  login [--auto]          sign in through the browser; with --auto the provider does not ask
  whoami, status          say who is signed in (exit code 1: nobody)
  logout                  forget it
  prompt [--text]         ask the model what standard input says; the answer comes as lines of JSON, or as text
                          (exit code 3: not signed in, 4: the provider refuses the tokens)
  run PROGRAM [WORD]...   become another program, for tests: Anteroom offers only tools that its image knows
  idp [--listen ADDRESS]  serve the identity provider, by default on 127.0.0.1:9400

Environment:
  BROWSER                 the program that opens the sign-in page (else xdg-open)
  ANTEROOM_DEMO_PORTAL    if set, the page is opened by the desktop portal instead (with gdbus)
  ANTEROOM_DEMO_ISSUER    where the provider is (else http://127.0.0.1:9400)
  ANTEROOM_DEMO_MOMENTS   note in the credentials when the address was shown and the file complete

The credentials are in ~/.anteroom-demo/credentials.json.";

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9400);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Idp {
        address: SocketAddr,
    },
    Login {
        client_id: &'static str,
    },
    Status,
    Logout,
    Prompt {
        output: Output,
    },
    /// The program first; not empty.
    Run(Vec<OsString>),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("a command is missing; see anteroom-demo --help")]
    Missing,
    #[error("{0:?} is not understood; see anteroom-demo --help")]
    Unknown(OsString),
    #[error("--listen needs an address like 127.0.0.1:9400")]
    Address,
}

impl Command {
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, UsageError> {
        let arguments: Vec<OsString> = arguments.collect();
        let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
        match words[..] {
            ["--help" | "-h" | "help", ..] => Ok(Self::Help),
            ["idp"] => Ok(Self::Idp { address: DEFAULT_ADDRESS }),
            ["idp", "--listen"] => Err(UsageError::Address),
            ["idp", "--listen", address] => {
                address.parse().map(|address| Self::Idp { address }).map_err(|_| UsageError::Address)
            }
            ["login"] => Ok(Self::Login { client_id: "demo" }),
            ["login", "--auto"] => Ok(Self::Login { client_id: "demo-auto" }),
            ["whoami" | "status"] => Ok(Self::Status),
            ["logout"] => Ok(Self::Logout),
            ["prompt"] => Ok(Self::Prompt { output: Output::JsonLines }),
            ["prompt", "--text"] => Ok(Self::Prompt { output: Output::Text }),
            ["run", _, ..] => Ok(Self::Run(arguments[1..].to_vec())),
            [] => Err(UsageError::Missing),
            // The first word that makes no sense: a known command is followed by one too many.
            ["idp", "--listen", _, ..] => Err(UsageError::Unknown(arguments[3].clone())),
            ["login", "--auto", ..] | ["prompt", "--text", ..] => {
                Err(UsageError::Unknown(arguments[2].clone()))
            }
            ["idp" | "login" | "whoami" | "status" | "logout" | "prompt", ..] => {
                Err(UsageError::Unknown(arguments[1].clone()))
            }
            _ => Err(UsageError::Unknown(arguments[0].clone())),
        }
    }
}

#[cfg(test)]
mod tests;
