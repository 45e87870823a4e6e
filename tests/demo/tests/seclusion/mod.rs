//! A test in a network of its own: only loopback, so that nothing can leave and no port is taken.
//!
//! A process with threads cannot move into a user namespace, so the test starts itself again under `unshare`.
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::process::{Command, Stdio};

/// Set in the process that is inside: the file by which it tells that the test was run to its end.
const INSIDE: &str = "ANTEROOM_TEST_SECLUDED";

/// Runs `test` inside, or says on stderr why it cannot. `name` is the test function's, whose only call this is.
pub(crate) fn secluded(name: &str, test: impl FnOnce()) {
    if let Some(done) = std::env::var_os(INSIDE) {
        test();
        std::fs::write(done, "").unwrap();
        return;
    }
    let possible = unshare().arg("true").stdin(Stdio::null()).output();
    match possible {
        Ok(output) if output.status.success() => {}
        Ok(output) => return skipped(name, &String::from_utf8_lossy(&output.stderr)),
        Err(error) => return skipped(name, &format!("unshare: {error}")),
    }
    let directory = tempfile::tempdir().unwrap();
    let done = directory.path().join("done");
    let status = unshare()
        .args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, &done)
        .status()
        .unwrap();
    assert!(status.success(), "{name} went wrong inside its network namespace, see above");
    // A name that matches no test would end well, too.
    assert!(done.exists(), "{name} was not run");
}

pub(crate) fn skipped(name: &str, reason: &str) {
    eprintln!("skipped: {name}: {}", reason.trim());
}

/// Network, mounts and processes apart; the processes end with it.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--"]);
    command
}
