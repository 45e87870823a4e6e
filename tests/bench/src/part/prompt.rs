//! How long somebody waits for the first word of an answer, by where the user's VM is: not there yet, on the disk, awake. The CLI is
//! the demo's, whose own time is the least there is.
//!
//! Where the VMM makes snapshots, the VMs that are not there yet begin
//! with one.

use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::sleep,
};

use super::Runs;
use crate::report::{Figure, Report};

/// Where the user's VM is when the prompt comes.
const PLACES: [&str; 3] = ["none", "hibernated", "awake"];

pub(crate) async fn measure(Runs { runs, profile }: Runs) -> Result<Report> {
    let mut report = Report::new("prompt");
    let _turn = Turn::take()?;
    let mut samples: BTreeMap<(String, &str), Vec<f64>> = BTreeMap::new();
    for snapshots in [false, true] {
        let environment = BTreeMap::from([
            ("ANTEROOM_SNAPSHOT_USE".to_owned(), snapshots.to_string()),
            ("ANTEROOM_POOL_MIN".to_owned(), "0".to_owned()),
            ("ANTEROOM_POOL_MAX".to_owned(), "0".to_owned()),
        ]);
        let daemon = Daemon::start("bench-prompt", &profile, Options { environment, config: None }).await?;
        let session = daemon.start_session("demo-auto", "bench").await?;
        daemon.wait_for(&session, &["completed"]).await?;
        if snapshots {
            // The first prompt shows that there is somebody, and the snapshot is made.
            ask(&daemon).await?;
            daemon_has_snapshot(&daemon).await?;
            remove(&daemon).await?;
        }
        for _ in 0..runs {
            for place in PLACES {
                let vm = match place {
                    "hibernated" => {
                        call(&daemon, Method::POST, &format!("/api/vms/{}/hibernate", vm(&daemon).await?))
                            .await?;
                        "hibernated".to_owned()
                    }
                    "none" if snapshots => "none, a snapshot is there".to_owned(),
                    other => other.to_owned(),
                };
                if place != "none" && snapshots {
                    continue;
                }
                let (first, end) = ask(&daemon).await?;
                samples.entry((format!("VM {vm}: to the first word"), "ms")).or_default().push(first);
                samples.entry((format!("VM {vm}: to the end"), "ms")).or_default().push(end);
            }
            let id = vm(&daemon).await?;
            samples
                .entry(("memory of an idle VM's processes".to_owned(), "MiB"))
                .or_default()
                .push(machine::resident_mib(&id));
            remove(&daemon).await?;
        }
        daemon.stop().await?;
    }
    let figure = |((name, unit), values)| Figure::new(name, unit, values);
    report.spreads("a prompt", samples.into_iter().map(figure).collect());
    Ok(report)
}

/// As a caller of the command line waits: milliseconds to the first word, and to the end.
async fn ask(daemon: &Daemon) -> Result<(f64, f64)> {
    let arguments = ["prompt", "--json", "--user", "bench", "--provider", "demo-auto", "hello"];
    let mut command = daemon.command(&arguments);
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let (mut first, mut last) = (None, Value::Null);
    while let Some(line) = lines.next_line().await? {
        last = serde_json::from_str(&line)?;
        if last["text"].is_string() {
            first.get_or_insert_with(|| began.elapsed());
        }
    }
    ensure!(child.wait().await?.success(), "{last}");
    Ok((milliseconds(first.context("a word")?), milliseconds(began.elapsed())))
}

/// The user's VM without a desktop.
async fn vm(daemon: &Daemon) -> Result<String> {
    let list = daemon.fetch("/api/vms").await?;
    let lives = |vm: &&Value| vm["user_id"] == "bench" && vm["ended_at"].is_null();
    let vm = list["vms"].as_array().and_then(|list| list.iter().find(lives)).context("a VM")?;
    Ok(vm["id"].as_str().context("an id")?.to_owned())
}

async fn remove(daemon: &Daemon) -> Result<()> {
    call(daemon, Method::DELETE, &format!("/api/vms/{}", vm(daemon).await?)).await
}

async fn call(daemon: &Daemon, method: Method, path: &str) -> Result<()> {
    let (status, answer): (_, Value) = daemon.call(method, path, None).await?;
    ensure!(status.is_success(), "{path}: {status}: {answer}");
    Ok(())
}

/// Waits for the daemon's word that both kinds of VMs have one, which may be there from before.
async fn daemon_has_snapshot(daemon: &Daemon) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(300);
    let began = Instant::now();
    loop {
        let listed = daemon.cli(&["snapshot", "ls", "--json"]).await?;
        let list: Value = serde_json::from_slice(&listed.stdout)?;
        let of_cli = |snapshot: &Value| snapshot["conditions"]["kind"] == "cli";
        let made = list.as_array().is_some_and(|snapshots| snapshots.iter().any(of_cli));
        // It is tried out, and the other kind's is made, in VMs that are nobody's.
        let vms = daemon.fetch("/api/vms").await?;
        let works = |vm: &Value| vm["user_id"].is_null() && vm["ended_at"].is_null();
        if made && !vms["vms"].as_array().is_some_and(|vms| vms.iter().any(works)) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "no snapshot was made: {list}");
        sleep(Duration::from_millis(500)).await;
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
