//! What it costs to put a VM to disk and to wake it: a `demo` sign-in that waits for its person, put there and woken again and again.
//!
//! The first run is not counted.

use std::{collections::BTreeMap, time::Instant};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::Value;

use super::Runs;
use crate::report::{Figure, Report};

pub(crate) async fn measure(Runs { runs, profile }: Runs) -> Result<Report> {
    let _turn = Turn::take()?;
    let mut report = Report::new("hibernation");
    let daemon = Daemon::start("bench-hibernation", &profile, Options::default()).await?;
    let session = daemon.start_session("demo", "bench").await?;
    let shown = daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    let vm = shown["vm_id"].as_str().context("a VM")?.to_owned();
    let mut samples: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for run in 0..=runs {
        let memory_mib = machine::resident_mib(&vm);
        let hibernated = call(&daemon, &vm, "hibernate").await?;
        let file = daemon.state_dir().join("vms").join(&vm).join("memory.sealed");
        let disk_mib = mib(std::fs::metadata(file)?.len());
        let woken = call(&daemon, &vm, "wake").await?;
        if run > 0 {
            for (name, unit, value) in [
                ("memory of the VM's processes before", "MiB", memory_mib),
                ("to the disk", "ms", hibernated),
                ("on the disk", "MiB", disk_mib),
                ("from the disk until the agent answers", "ms", woken),
            ] {
                samples.entry((name, unit)).or_default().push(value);
            }
        }
    }
    daemon.stop().await?;
    let figure = |((name, unit), values)| Figure::new(name, unit, values);
    report.spreads("a `demo` sign-in that waits for its person", samples.into_iter().map(figure).collect());
    Ok(report)
}

/// How long it takes, in milliseconds.
async fn call(daemon: &Daemon, vm: &str, what: &str) -> Result<f64> {
    let begin = Instant::now();
    let (status, answer): (_, Value) =
        daemon.call(Method::POST, &format!("/api/vms/{vm}/{what}"), None).await?;
    ensure!(status.is_success(), "{what}: {status}: {answer}");
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
