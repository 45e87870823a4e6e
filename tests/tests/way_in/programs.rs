//! Programs: what goes in, what comes out, how they end, and that none of it costs memory.

use std::{process::Stdio, time::Duration};

use anteroom_tests::Daemon;
use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    time::timeout,
};

use super::{PATIENCE, exec};

pub(super) async fn end_as_they_would_here(daemon: &Daemon) -> Result<()> {
    let every_byte: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let (out, err, code) =
        exec(daemon, &["--", "sh", "-c", "cat; echo oops >&2; exit 7"], &every_byte).await?;
    ensure!(out == every_byte, "{} bytes came back", out.len());
    assert_eq!((err.as_str(), code), ("oops\n", 7));

    let said = async |arguments: &[&str]| {
        let (out, err, code) = exec(daemon, arguments, b"").await?;
        anyhow::Ok((String::from_utf8_lossy(&out).trim().to_owned(), err, code))
    };
    assert_eq!(
        said(&["-e", "WHO=me", "--cwd", "/tmp", "--", "sh", "-c", "echo $WHO $PWD $(id -un)"]).await?.0,
        "me /tmp desktop"
    );
    assert_eq!(said(&["-u", "root", "--", "id", "-un"]).await?.0, "root");
    assert_eq!(said(&["--", "sh", "-c", "kill -9 $$"]).await?.2, 137);
    assert_eq!(said(&["--timeout", "1", "--", "sleep", "60"]).await?.2, 124);
    assert_eq!(said(&["--", "no-such-program"]).await?.2, 127);
    assert_eq!(said(&["--", "/etc/passwd"]).await?.2, 126);
    let refused = said(&["-u", "nobody-here", "--", "true"]).await?;
    assert_eq!(refused.2, 125);
    ensure!(refused.1.contains("no user"), "{}", refused.1);
    assert_eq!(daemon.cli(&["exec", "ffffffff", "--", "true"]).await?.status.code(), Some(125));

    // Its processes are a session and a control group of their own, and are the guest's, not the agent's.
    let (group, _, _) =
        said(&["--", "sh", "-c", "cat /proc/self/cgroup; ps -o sid= -p $$ 2>/dev/null"]).await?;
    ensure!(group.starts_with("0::/exec-"), "{group}");

    let (groups, _, _) = said(&["-u", "root", "--", "sh", "-c", "ls -d /sys/fs/cgroup/exec-*"]).await?;
    assert_eq!(groups.lines().count(), 1, "the groups of others are left: {groups}");

    // A signal to the command is one to the program.
    let mut command = daemon.command(&[
        "exec",
        "@last",
        "-n",
        "--",
        "sh",
        "-c",
        "trap 'echo heard; exit 9' TERM; echo ready; while :; do sleep 0.1; done",
    ]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("ready"));
    let pid = i32::try_from(child.id().context("a process")?)?;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM)?;
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("heard"));
    assert_eq!(timeout(PATIENCE, child.wait()).await??.code(), Some(9));
    Ok(())
}

pub(super) async fn go_on_alone(daemon: &Daemon, vm: &str) -> Result<()> {
    let said = async |arguments: &[&str]| {
        let output = daemon.command(arguments).stdin(Stdio::null()).output().await?;
        anyhow::Ok((String::from_utf8_lossy(&output.stdout).trim().to_owned(), output.status.code()))
    };
    let script = "echo begun; read line; echo got $line; exit 6";
    let (id, code) = said(&["exec", vm, "--detach", "--", "sh", "-c", script]).await?;
    assert_eq!((id.len(), code), (32, Some(0)));
    let (list, _) = said(&["ps", vm]).await?;
    ensure!(list.contains(&id[..8]) && list.contains("desktop"), "{list}");
    let mut attached = daemon.command(&["attach", vm, &id[..6]]);
    let mut attached = attached.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(attached.stdout.take().context("a pipe")?).lines();
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("begun"));
    attached.stdin.take().context("a pipe")?.write_all(b"it\n").await?;
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("got it"));
    assert_eq!(timeout(PATIENCE, attached.wait()).await??.code(), Some(6));
    // Its end was seen.
    assert_eq!(said(&["attach", vm, &id]).await?.1, Some(125));

    // A command that dies leaves a program that goes on, and can be followed again with what was missed.
    let mut command =
        daemon.command(&["exec", vm, "--", "sh", "-c", "echo one; read line; echo $line; exit 8"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("one"));
    child.kill().await?;
    let mut attached = daemon.command(&["attach", vm]);
    let mut attached = attached.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    attached.stdin.as_mut().context("a pipe")?.write_all(b"two\n").await?;
    let output = timeout(PATIENCE, attached.wait_with_output()).await??;
    assert_eq!((output.stdout.as_slice(), output.status.code()), (&b"one\ntwo\n"[..], Some(8)));

    Ok(())
}

/// 64 MiB through the agent of a VM, to somebody who reads slowly at first.
pub(super) async fn cost_no_memory(daemon: &Daemon, vm: &str) -> Result<()> {
    let memory = async || {
        let shown = daemon.fetch(&format!("/api/vms/{vm}/diagnostics")).await?;
        shown["memory"]["roles_kib"]["init"].as_u64().context("the agent's memory")
    };
    let before = memory().await?;
    let arguments = ["exec", "@last", "-n", "--", "head", "-c", "67108864", "/dev/zero"];
    let mut child = daemon.command(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let meanwhile = memory().await?;
    let mut out = child.stdout.take().context("a pipe")?;
    let carried = timeout(PATIENCE, tokio::io::copy(&mut out, &mut tokio::io::sink())).await??;
    assert_eq!(carried, 64 << 20);
    ensure!(child.wait().await?.success());
    let after = memory().await?;
    // The window is 1 MiB; buffers on the way and the allocator's own have their part.
    for kib in [meanwhile, after] {
        ensure!(kib < before + 6 * 1024, "the agent has grown from {before} to {kib} KiB");
    }
    Ok(())
}
