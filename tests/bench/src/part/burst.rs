//! How long people wait who come at the same moment: when the desktops of `demo-auto` sessions that start at once stand and their
//! credentials are stored, with one launch at a time, with as many as there are processors, and with no queue.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    thread,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, daemon::Options};
use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use serde_json::Value;

use crate::report::{Figure, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many come at once.
    #[arg(default_value_t = 6)]
    count: usize,
    /// The image profile of their VMs.
    #[arg(default_value = "test")]
    profile: String,
    /// VMs begin with a snapshot instead of a boot.
    #[arg(long)]
    snapshots: bool,
}

/// What became of one of them, in milliseconds since everybody came.
struct Outcome {
    /// When its turn came: at once where the timeline does not say.
    turn: f64,
    desktop: Option<f64>,
    stored: Option<f64>,
    failure: Option<String>,
}

pub(crate) async fn measure(arguments: Arguments) -> Result<Report> {
    let Arguments { count, profile, snapshots: with_snapshots } = arguments;
    let (mut report, mut figures) = (Report::new("burst"), Vec::new());
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let _turn = Turn::take()?;
    let snapshots = tempfile::tempdir()?;
    let mut limits = vec![1, processors, count];
    limits.sort_unstable();
    limits.dedup();
    for at_once in limits {
        let settings = [
            ("ANTEROOM_LAUNCH_AT_ONCE", at_once.to_string()),
            // The one that is not counted may still be ending.
            ("ANTEROOM_VM_MAX", (count + 1).to_string()),
            ("ANTEROOM_VM_MAX_PER_USER", count.to_string()),
            ("ANTEROOM_VM_BROWSER_MEMORY_MIB", "1024".to_owned()),
            ("ANTEROOM_SNAPSHOT_USE", with_snapshots.to_string()),
            ("ANTEROOM_SNAPSHOT_DIR", snapshots.path().display().to_string()),
        ];
        let environment: BTreeMap<String, String> =
            settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let daemon =
            Daemon::start("bench-burst", &profile, Options { environment, ..Options::default() }).await?;
        while with_snapshots && !has_snapshot(snapshots.path()) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // The page cache is warm after one that is not counted.
        one(&daemon, "warm", Instant::now()).await?;
        let began = Instant::now();
        let users: Vec<String> = (0..count).map(|number| format!("user-{number}")).collect();
        let outcomes = join_all(users.iter().map(|user| one(&daemon, user, began))).await;
        let outcomes = outcomes.into_iter().collect::<Result<Vec<Outcome>>>()?;
        figures.extend(shown(&outcomes, &format!("{at_once} launched at once")));
        let failures: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome.failure.as_deref()).collect();
        if !failures.is_empty() {
            report.note(format!("with {at_once} launched at once failed: {}", failures.join(", ")));
        }
        daemon.stop().await?;
    }
    report.spreads(format!("{count} starts at once, of each since all came"), figures);
    Ok(report)
}

fn has_snapshot(directory: &std::path::Path) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
}

async fn one(daemon: &Daemon, user: &str, began: Instant) -> Result<Outcome> {
    let asked_ms = began.elapsed().as_secs_f64() * 1e3;
    let session = daemon.start_session("demo-auto", user).await?;
    let end = daemon.watch(&session, |session| session["completed_at"].is_string()).await?;
    let vm = end["vm_id"].as_str().context("the session names its VM")?;
    let timeline = daemon.fetch(&format!("/api/vms/{vm}")).await?["vm"]["timeline"].take();
    let mark = |name: &str| {
        let marks = timeline.as_array().into_iter().flatten();
        let found = marks.into_iter().find(|mark| mark["name"] == name);
        found.and_then(|mark| mark["since_request_ms"].as_f64()).map(|ms| asked_ms + ms)
    };
    Ok(Outcome {
        turn: mark("turn-came").unwrap_or_default(),
        desktop: mark("desktop-ready"),
        stored: (end["status"] == "completed").then(|| began.elapsed().as_secs_f64() * 1e3),
        failure: end["failure"]["code"].as_str().or(failed(&end)).map(str::to_owned),
    })
}

fn failed(session: &Value) -> Option<&str> {
    session["status"].as_str().filter(|status| *status != "completed")
}

fn shown(outcomes: &[Outcome], of: &str) -> [Figure; 3] {
    let figure =
        |name: &str, ms: Vec<f64>| Figure::new(name, "s", ms.iter().map(|ms| ms / 1e3).collect()).of(of);
    [
        figure("its turn came", outcomes.iter().map(|outcome| outcome.turn).collect()),
        figure("desktop", outcomes.iter().filter_map(|outcome| outcome.desktop).collect()),
        figure("credentials stored", outcomes.iter().filter_map(|outcome| outcome.stored).collect()),
    ]
}
