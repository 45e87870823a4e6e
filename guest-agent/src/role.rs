//! Which role a process plays: decided by its pid, the name it was called by and its first argument.

#[cfg(test)]
mod tests;

use std::{error::Error, io, path::PathBuf, process::ExitCode, time::Duration};

use tokio::runtime::{Builder, Runtime};

use crate::{call::OAUTH_SOCKET, console};

/// What this process is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// PID 1: mounts, network, supervision, control API.
    Init,
    /// Puts credentials in their places and tells what becomes of them.
    Credentials,
    /// Holds the sign-in, watches the credentials, answers on port 8080.
    OAuth,
    /// Tells what runs here, so often.
    Processes(Duration),
    /// Films the desktop, with so many pictures a second at most.
    Record(u8),
    /// Makes one picture of the desktop.
    Screenshot,
    /// Shows the desktop over WebRTC.
    Stream,
    /// Runs in xterm and starts the CLI.
    Terminal,
    /// What a CLI calls to open a page.
    OpenUrl(Vec<String>),
    /// What a program calls over D-Bus to open a page; the oauth role is at this socket.
    Portal(PathBuf),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error(
        "{0:?} is no role: expected one of init, credentials, oauth, processes, record, screenshot, stream, terminal, portal, open-url"
    )]
    Unknown(String),
    #[error(
        "a role is missing: expected one of init, credentials, oauth, processes, record, screenshot, stream, terminal, portal, open-url"
    )]
    Missing,
    #[error("init is for PID 1 only, this is process {0}")]
    NotPid1(u32),
}

/// Names under which programs look for a browser.
const BROWSER_NAMES: [&str; 8] = [
    "anteroom-browser",
    "exo-open",
    "gnome-www-browser",
    "open-url",
    "sensible-browser",
    "www-browser",
    "x-www-browser",
    "xdg-open",
];

/// Plays a role that only says on standard error what becomes of it: until `serve` ends, or cannot go on.
pub(crate) fn play<E: Error + 'static>(
    runtime: io::Result<Runtime>,
    serve: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    console::start();
    let ended: Result<(), Box<dyn Error>> = match runtime {
        Ok(runtime) => runtime.block_on(serve).map_err(Into::into),
        Err(error) => Err(format!("the asynchronous runtime cannot be made: {error}").into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", console::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// For a role with little to do at once: one thread.
pub(crate) fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

impl Role {
    /// `arguments` with the program's name first, as in `argv`.
    pub(crate) fn of(pid: u32, arguments: &[String]) -> Result<Self, UsageError> {
        let name = arguments.first().map_or("", |path| path.rsplit('/').next().unwrap_or(path));
        if BROWSER_NAMES.contains(&name) {
            return Ok(Self::OpenUrl(arguments[1..].to_vec()));
        }
        // The kernel hands PID 1 what it did not understand of its command line; none of that names a role.
        if pid == 1 {
            return Ok(Self::Init);
        }
        match arguments.get(1).map(String::as_str) {
            Some("credentials") => Ok(Self::Credentials),
            Some("oauth") => Ok(Self::OAuth),
            Some("processes") => Ok(Self::Processes(interval(arguments.get(2)))),
            Some("record") => Ok(Self::Record(frames_per_second(arguments.get(2)))),
            Some("screenshot") => Ok(Self::Screenshot),
            Some("stream") => Ok(Self::Stream),
            Some("terminal") => Ok(Self::Terminal),
            Some("open-url") => Ok(Self::OpenUrl(arguments[2..].to_vec())),
            Some("portal") => {
                let socket = arguments.get(2).map_or(OAUTH_SOCKET, String::as_str);
                Ok(Self::Portal(socket.into()))
            }
            Some("init") => Err(UsageError::NotPid1(pid)),
            Some(other) => Err(UsageError::Unknown(other.chars().take(64).collect())),
            None => Err(UsageError::Missing),
        }
    }
}

/// Milliseconds, as whoever runs the role gives them.
fn interval(given: Option<&String>) -> Duration {
    const USUAL_MS: u64 = 2000;
    const LEAST_MS: u64 = 100;
    let given = given.and_then(|text| text.parse().ok()).unwrap_or(USUAL_MS);
    Duration::from_millis(given.max(LEAST_MS))
}

fn frames_per_second(given: Option<&String>) -> u8 {
    const USUAL: u8 = 15;
    given.and_then(|text| text.parse().ok()).unwrap_or(USUAL).clamp(1, 60)
}
