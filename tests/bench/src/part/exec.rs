//! What a way into a VM costs: the time of the smallest program, and bytes a second of each stream beside those of vsock alone.
//!
//! Streams take turns, so that what disturbs the machine disturbs all of them; what counts is their ratio.
//!
//! | stream | of what |
//! |---|---|
//! | vsock alone | a program in the guest that sends zeros over a vsock port of its own |
//! | vsock behind a pipe | the same, but the zeros come from another program: what a program's output costs the guest anyhow |
//! | exec, cp, forward | the command line of ours, daemon and agent between |
//! | ssh, socat | what one has instead, over vsock, too ([`peers`]); ssh on a connection that stands |

mod cost;
mod peers;
mod streams;
mod trips;
mod vsock;

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, daemon::Options};
use anyhow::{Context as _, Result, ensure};
use peers::Peers;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
pub(crate) use vsock::{HandOver, hand_over};

use crate::report::{Figure, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Round trips.
    #[arg(default_value_t = 100)]
    runs: usize,
    /// How much each stream carries, in MiB.
    #[arg(default_value_t = 64)]
    mib: usize,
}

pub(crate) async fn measure(Arguments { runs, mib }: Arguments) -> Result<Report> {
    let mut report = Report::new("exec");
    let _turn = Turn::take()?;
    let daemon = Daemon::start("bench-exec", "dev", Options::default()).await?;
    let session = daemon.start_session("demo", "bench").await?;
    let vm = daemon.wait_for(&session, &["awaiting_user_auth"]).await?["vm_id"].take();
    let vm = vm.as_str().context("a VM")?.to_owned();
    // What comes up after the desktop would disturb.
    tokio::time::sleep(Duration::from_secs(10)).await;

    let peers = Peers::in_vm(&daemon, &vm, mib << 20).await;
    if let Err(why) = &peers {
        report.note(format!("ssh and socat are left out: {why:#}."));
    }
    let peers = peers.ok();
    trips::measure(&mut report, &daemon, &vm, runs, peers.as_ref()).await?;
    streams::measure(&mut report, &daemon, &vm, mib, peers.as_ref()).await?;
    drop(peers);
    many_at_once(&mut report, &daemon, &vm).await?;
    daemon.stop().await?;
    Ok(report)
}

/// A hundred programs that all wait for the last, and what the agent needs for them.
async fn many_at_once(report: &mut Report, daemon: &Daemon, vm: &str) -> Result<()> {
    let memory = async || {
        let shown = daemon.fetch(&format!("/api/vms/{vm}/diagnostics")).await?;
        shown["memory"]["roles_kib"]["init"].as_f64().context("the agent's memory")
    };
    let before = memory().await?;
    let begin = Instant::now();
    let mut children = Vec::new();
    for _ in 0..100 {
        let mut command = daemon.command(&["exec", vm, "--", "cat"]);
        children.push(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    }
    for child in &mut children {
        child.stdin.as_mut().context("a pipe")?.write_all(b"x").await?;
    }
    for child in &mut children {
        let mut one = [0];
        child.stdout.as_mut().context("a pipe")?.read_exact(&mut one).await?;
    }
    let (all_s, with_all) = (begin.elapsed().as_secs_f64(), memory().await?);
    for mut child in children {
        drop(child.stdin.take());
        ensure!(child.wait().await?.success());
    }
    report.spreads(
        "a hundred programs at once",
        vec![
            Figure::new("until all answer", "s", vec![all_s]),
            Figure::new("the agent before", "KiB", vec![before]),
            Figure::new("the agent with them", "KiB", vec![with_all]),
        ],
    );
    Ok(())
}

/// What a command of ours prints; it must succeed.
async fn run(daemon: &Daemon, arguments: &[&str]) -> Result<String> {
    let output = daemon.cli(arguments).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
