//! Opening the sign-in page: `$BROWSER`, else `xdg-open`, as real CLIs do; or by the desktop portal, as programs in a
//! sandbox do.

use std::ffi::OsString;
use std::process::{Command, Stdio};

/// A program that opens pages, and what stands before and after the address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Way {
    program: OsString,
    before: &'static [&'static str],
    after: &'static [&'static str],
}

/// `OpenURI(parent_window, uri, options)` of the session bus.
const PORTAL: (&str, &[&str], &[&str]) = (
    "gdbus",
    &[
        "call",
        "--session",
        "--dest=org.freedesktop.portal.Desktop",
        "--object-path=/org/freedesktop/portal/desktop",
        "--method=org.freedesktop.portal.OpenURI.OpenURI",
        "",
    ],
    &["{}"],
);

/// The ways to try, in order. `$BROWSER` is one program name without arguments; if `portal` is set to anything, the portal is
/// the only way.
pub(crate) fn ways(portal: Option<OsString>, browser: Option<OsString>) -> Vec<Way> {
    let given = |value: &OsString| !value.is_empty();
    if portal.is_some_and(|value| given(&value)) {
        let (program, before, after) = PORTAL;
        return vec![Way { program: program.into(), before, after }];
    }
    let plain = |program| Way { program, before: &[], after: &[] };
    browser.into_iter().filter(given).chain([OsString::from("xdg-open")]).map(plain).collect()
}

/// Starts the first that can be started, and says whether there was one. Nobody waits for it: some browsers stay in the
/// foreground until they are closed, and this program ends long before.
pub(crate) fn open(ways: &[Way], url: &str) -> bool {
    ways.iter().any(|way| start(way, url))
}

fn start(way: &Way, url: &str) -> bool {
    let quiet = Stdio::null;
    let mut command = Command::new(&way.program);
    command.args(way.before).arg(url).args(way.after);
    command.stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().is_ok()
}

#[cfg(test)]
mod tests;
