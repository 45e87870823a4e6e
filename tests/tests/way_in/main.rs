//! The ways into a VM, as a developer uses them: programs, files, ports, logs and pictures; a shell, and a terminal in the page.

mod files;
mod film;
mod page;
mod ports;
mod programs;
mod shell;
mod sights;

use std::{process::Stdio, time::Duration};

use anteroom_tests::{Daemon, Turn, daemon::Options};
use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use tokio::{io::AsyncWriteExt as _, process::Child, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with one VM whose desktop stands.
async fn with_vm(test: &str) -> Result<(Daemon, String)> {
    let daemon = Daemon::start(test, "test", Options::default()).await?;
    let session = daemon.start_session("demo", "alice").await?;
    let shown = daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    let vm = shown["vm_id"].as_str().context("a VM")?.to_owned();
    Ok((daemon, vm))
}

/// Standard output, standard error and exit code of a program in the VM that reads this.
async fn exec(daemon: &Daemon, arguments: &[&str], input: &[u8]) -> Result<(Vec<u8>, String, i32)> {
    let arguments: Vec<&str> = ["exec", "@last"].into_iter().chain(arguments.iter().copied()).collect();
    let mut command = daemon.command(&arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    let feed = async {
        // Who reads nothing closes it.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (output, ()) = timeout(PATIENCE, async { tokio::join!(child.wait_with_output(), feed) })
        .await
        .with_context(|| format!("{arguments:?} does not end"))?;
    let output = output?;
    let code = output.status.code().context("no signal has ended the command")?;
    Ok((output.stdout, String::from_utf8_lossy(&output.stderr).into_owned(), code))
}

/// As Ctrl+C.
fn interrupt(child: &Child) -> Result<()> {
    let pid = i32::try_from(child.id().context("a process")?)?;
    Ok(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGINT)?)
}

#[tokio::test]
async fn programs_files_ports_and_logs_of_a_vm_are_within_reach() -> Result<()> {
    let _turn = Turn::take()?;
    let (daemon, vm) = with_vm("way-in").await?;
    programs::end_as_they_would_here(&daemon).await?;
    programs::go_on_alone(&daemon, &vm).await?;
    programs::cost_no_memory(&daemon, &vm).await?;
    files::travel_as_they_are(&daemon).await?;
    ports::lead_in_and_out(&daemon, &vm).await?;
    ports::show_the_desktop(&daemon).await?;
    sights::show_what_is_going_on(&daemon, &vm).await?;
    film::plays_and_shows_the_desktop(&daemon, &vm).await?;
    daemon.stop().await
}
