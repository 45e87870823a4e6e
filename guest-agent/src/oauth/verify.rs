//! Asking the CLI itself whether it finds itself signed in.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anteroom_protocol::provider::Verify;
use nix::sys::signal::Signal;
use tokio::time::{sleep, timeout};

use crate::{
    console,
    process::{Children, Limits, Output, Program},
};

/// A check loads a whole CLI; on an emulated processor that takes its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Some CLIs write their last file a moment after the first.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Runs the check, again after a pause when it says no.
///
/// # Errors
/// What to tell a person.
pub(super) async fn verify(
    children: &Children,
    check: &Verify,
    environment: &BTreeMap<String, String>,
) -> Result<(), String> {
    let mut result = once(children, check, environment).await;
    for pause in PAUSES {
        if result.is_ok() {
            break;
        }
        sleep(pause).await;
        result = once(children, check, environment).await;
    }
    result
}

async fn once(
    children: &Children,
    check: &Verify,
    environment: &BTreeMap<String, String>,
) -> Result<(), String> {
    let program = Program {
        argv: check.argv.clone(),
        environment: environment.clone(),
        account: None,
        directory: environment.get("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
        limits: Limits::default(),
        cgroup: None,
        output: Output::Null,
    };
    let name = check.argv.join(" ");
    let child = children.spawn(&program).map_err(|error| console::chain(&error))?;
    match timeout(PATIENCE, child.exit).await {
        Ok(Ok(exit)) if exit.code() == check.ok_rc => Ok(()),
        Ok(Ok(exit)) => Err(format!("the files are complete, but `{name}` {exit}")),
        Ok(Err(_)) => Err(format!("`{name}` is lost")),
        Err(_) => {
            children.signal(child.pid, Signal::SIGKILL);
            Err(format!("`{name}` did not end within {} s", PATIENCE.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, ok_rc: i32) -> Verify {
        Verify { argv: ["/bin/sh", "-c", script].map(String::from).to_vec(), ok_rc }
    }

    #[tokio::test]
    async fn the_expected_code_counts_and_a_late_yes_is_a_yes() {
        let children = Children::watch().unwrap();
        let environment = BTreeMap::new();
        assert_eq!(verify(&children, &check("exit 3", 3), &environment).await, Ok(()));
        let directory = tempfile::tempdir().unwrap();
        let been = directory.path().join("been");
        let late = format!("test -e {0} || {{ : > {0}; exit 1; }}", been.display());
        assert_eq!(verify(&children, &check(&late, 0), &environment).await, Ok(()));
    }

    #[tokio::test]
    async fn a_no_names_the_command_and_its_end() {
        let children = Children::watch().unwrap();
        let error = once(&children, &check("exit 1", 0), &BTreeMap::new()).await.unwrap_err();
        assert_eq!(error, "the files are complete, but `/bin/sh -c exit 1` ended with code 1");
    }
}
