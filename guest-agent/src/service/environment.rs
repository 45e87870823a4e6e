//! What every process of a user finds in its environment: written down here, never inherited.

use std::collections::BTreeMap;

use crate::account::{Account, DESKTOP};

/// What users work in.
pub(crate) const SHELL: &str = "/bin/bash";
/// The X display of the desktop.
const DISPLAY: &str = ":1";

/// The environment of the user's processes.
///
/// `BROWSER` is one bare path, because some CLIs take its whole value for a program's name. `CI`, `SSH_CONNECTION` and
/// `DEBIAN_FRONTEND` are absent on purpose: each makes some CLI believe that nobody can see a browser.
pub(crate) fn of_account(account: &Account) -> BTreeMap<String, String> {
    let home = account.home.to_string_lossy().into_owned();
    let common = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("HOME", home),
        ("USER", account.name.clone()),
        ("LOGNAME", account.name.clone()),
        ("SHELL", SHELL.to_owned()),
    ];
    let runtime = format!("/run/user/{}", account.uid);
    let desktop = [
        ("DISPLAY", DISPLAY.to_owned()),
        ("BROWSER", "/usr/local/bin/anteroom-browser".to_owned()),
        ("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={runtime}/bus")),
        ("XDG_RUNTIME_DIR", runtime),
        ("XDG_SESSION_TYPE", "x11".to_owned()),
    ];
    let desktop = desktop.into_iter().filter(|_| account.name == DESKTOP);
    common.into_iter().chain(desktop).map(|(name, value)| (name.to_owned(), value)).collect()
}
