//! The command-line tool: serves the demo's identity provider, signs in to it, says who is signed in, asks its model,
//! forgets it.
//!
//! It behaves like the real CLIs that Anteroom captures credentials from, so that what works with it has a chance to work
//! with them. Exit codes: 0 done, 1 not signed in or gone wrong (with the cause on stderr), 2 called wrongly;
//! and of `prompt`: 3 not signed in, 4 the tokens are refused.

mod attempt;
mod browser;
mod callback;
mod command;
mod credentials;
mod exchange;
mod login;
mod moments;
mod prompt;
mod provider;

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command as Process, ExitCode};

use command::Command;
use credentials::CredentialFile;
use exchange::Issuer;
use prompt::PromptError;

/// Where the provider is, for a tool that has to find it elsewhere than at its usual port.
const ISSUER_VARIABLE: &str = "ANTEROOM_DEMO_ISSUER";

pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let command = match Command::parse(arguments) {
        Ok(command) => command,
        Err(error) => {
            complain(&error);
            return ExitCode::from(2);
        }
    };
    match obey(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            error.downcast_ref().map_or(ExitCode::FAILURE, |error: &PromptError| error.exit_code().into())
        }
    }
}

fn obey(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Help => say(command::HELP),
        Command::Idp { address } => on_one_thread()?.block_on(provider::serve(address))?,
        Command::Login { client_id } => {
            let issuer = Issuer::from_setting(std::env::var_os(ISSUER_VARIABLE))?;
            let email = on_one_thread()?.block_on(login::login(client_id, issuer, &credential_file()?))?;
            say(format_args!("\nSigned in as {email}."));
        }
        Command::Status => say(format_args!("Signed in as {}.", credential_file()?.read()?.account.email)),
        Command::Logout => {
            say(if credential_file()?.remove()? { "Signed out." } else { "Nobody was signed in." });
        }
        Command::Prompt { output } => {
            let issuer = Issuer::from_setting(std::env::var_os(ISSUER_VARIABLE))?;
            on_one_thread()?.block_on(prompt::prompt(issuer, &credential_file()?, output))?;
        }
        // Only returns when there is no such program.
        Command::Run(words) => return Err(Process::new(&words[0]).args(&words[1..]).exec().into()),
    }
    Ok(())
}

/// One sign-in does not fill two threads, and a small program has none to spare.
fn on_one_thread() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn credential_file() -> Result<CredentialFile, NoHome> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).ok_or(NoHome)?;
    Ok(CredentialFile::of(&PathBuf::from(home)))
}

#[derive(Debug, thiserror::Error)]
#[error("HOME is not set, so there is no place for the credentials")]
struct NoHome;

/// To standard output. A closed terminal is no reason to give up a sign-in.
fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn complain(error: &dyn Error) {
    let mut text = format!("anteroom-demo: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    let _ = writeln!(io::stderr(), "{text}");
}
