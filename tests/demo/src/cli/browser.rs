//! Opening the sign-in page: `$BROWSER`, else `xdg-open`, as real CLIs do.

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

/// The programs to try, in order. `$BROWSER` is one program name without arguments.
pub(crate) fn candidates(browser: Option<OsString>) -> Vec<OsString> {
    browser.into_iter().filter(|program| !program.is_empty()).chain([OsString::from("xdg-open")]).collect()
}

/// Starts the first candidate that can be started, and says whether there was one. Nobody waits for it: some browsers
/// stay in the foreground until they are closed, and this program ends long before.
pub(crate) fn open(candidates: &[OsString], url: &str) -> bool {
    candidates.iter().any(|program| start(program, url))
}

fn start(program: &OsStr, url: &str) -> bool {
    let quiet = Stdio::null;
    Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().is_ok()
}

#[cfg(test)]
mod tests;
