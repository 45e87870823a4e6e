//! How long a person waits: `demo-auto` sessions one after another, by turns one whose VM boots, one that begins with a
//! snapshot, and one that was ready before; every mark of the VM's timeline. And what a VM takes up while it waits: the agent's
//! roles in the guest, and the processes of the host that stand for it. The first run of each kind warms the page
//! cache, or makes the snapshot, and is not counted.

use std::{
    collections::BTreeMap,
    fs::DirEntry,
    path::Path,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::report::{Figure, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many are counted; one of each kind before them is not.
    #[arg(default_value_t = 5)]
    runs: usize,
    /// The image profile of their VMs.
    #[arg(default_value = "dev")]
    profile: String,
}

/// Milliseconds since the request, by mark, one value for each run.
type Samples = BTreeMap<String, Vec<f64>>;

/// What the VMs begin with.
const BEGINNINGS: [(&str, [(&str, &str); 2]); 3] = [
    ("a boot", [("ANTEROOM_SNAPSHOT_USE", "false"), ("ANTEROOM_POOL_MAX", "0")]),
    ("a snapshot", [("ANTEROOM_SNAPSHOT_USE", "true"), ("ANTEROOM_POOL_MAX", "0")]),
    ("the pool", [("ANTEROOM_SNAPSHOT_USE", "true"), ("ANTEROOM_POOL_MAX", "1")]),
];

/// From the request until the caller knows the session's VM: over HTTP, a round trip for the session's state included.
const ASSIGNED: &str = "caller: assigned";

/// A snapshot, and a VM from it, may take so long under emulation.
const PREPARATION: Duration = Duration::from_secs(300);

/// One kind of beginning, and what was measured of it.
struct Lane {
    beginning: &'static str,
    daemon: Daemon,
    samples: Samples,
    memory: Samples,
}

pub(crate) async fn measure(Arguments { runs, profile }: Arguments) -> Result<Report> {
    let mut report = Report::new("start");
    let _turn = Turn::take()?;
    let snapshots = tempfile::tempdir()?;
    let mut lanes = Vec::new();
    for (beginning, settings) in BEGINNINGS {
        let daemon = serve(beginning, &settings, &profile, snapshots.path()).await?;
        lanes.push(Lane { beginning, daemon, samples: Samples::new(), memory: Samples::new() });
    }
    for run in 0..=runs {
        for lane in &mut lanes {
            lane.run(run, snapshots.path())
                .await
                .with_context(|| format!("run {run}, {}", lane.beginning))?;
        }
    }
    for lane in lanes {
        report.spreads(
            format!("since the request, from {}", lane.beginning),
            figures(lane.samples, "ms", lane.beginning),
        );
        report.spreads("resident; of the host, PSS", figures(lane.memory, "KiB", lane.beginning));
        lane.daemon.stop().await?;
    }
    compare(&mut report);
    Ok(report)
}

async fn serve(
    beginning: &str,
    settings: &[(&str, &str)],
    profile: &str,
    snapshots: &Path,
) -> Result<Daemon> {
    let mut environment: BTreeMap<String, String> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    environment.insert("ANTEROOM_SNAPSHOT_DIR".to_owned(), snapshots.display().to_string());
    environment.insert("ANTEROOM_POOL_MIN".to_owned(), environment["ANTEROOM_POOL_MAX"].clone());
    let name = format!("bench-start-{}", beginning.replace(' ', "-"));
    Daemon::start(&name, profile, Options { environment, ..Options::default() }).await
}

impl Lane {
    /// A session from its request to its end; the first is not counted.
    async fn run(&mut self, run: usize, snapshots: &Path) -> Result<()> {
        let daemon = &self.daemon;
        if run == 1 && self.beginning != "a boot" {
            let is_there =
                || std::fs::read_dir(snapshots).is_ok_and(|entries| entries.flatten().any(is_whole));
            until(is_there).await?;
        }
        if self.beginning == "the pool" {
            one_waits(daemon).await?;
        }
        let asked = Instant::now();
        let session = daemon.start_session("demo-auto", &format!("bench-{run}")).await?;
        daemon.until(&session, |session| session["vm_id"].is_string()).await?;
        let assigned = asked.elapsed();
        let (timeline, roles) = one_run(daemon, &session).await?;
        if run > 0 {
            collect(&mut self.samples, &timeline);
            collect(&mut self.samples, &[(ASSIGNED.to_owned(), assigned.as_secs_f64() * 1e3)]);
            collect(&mut self.memory, &roles);
        }
        Ok(())
    }
}

/// Whether it is a snapshot, and not one that is being made.
fn is_whole(entry: DirEntry) -> bool {
    !entry.file_name().to_string_lossy().starts_with('.')
}

async fn until(is_so: impl Fn() -> bool) -> Result<()> {
    let begin = Instant::now();
    while !is_so() {
        ensure!(begin.elapsed() < PREPARATION, "it takes too long");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Until a VM is ready that belongs to nobody.
async fn one_waits(daemon: &Daemon) -> Result<()> {
    let begin = Instant::now();
    loop {
        let vms = daemon.fetch("/api/vms").await?;
        let waits = |vm: &Value| vm["phase"] == "ready" && vm["session_id"].is_null();
        if vms["vms"].as_array().context("a list of VMs")?.iter().any(waits) {
            return Ok(());
        }
        ensure!(begin.elapsed() < PREPARATION, "no VM is kept ready: {}", daemon.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for the end; returns the timeline, and the memory of the agent's roles while the VM lived.
async fn one_run(daemon: &Daemon, session: &str) -> Result<(Vec<(String, f64)>, Vec<(String, f64)>)> {
    let living = daemon.wait_for(session, &["ready", "awaiting_user_auth", "completed"]).await?;
    let vm = living["vm_id"].as_str().context("the session names its VM")?;
    let roles = daemon.fetch(&format!("/api/vms/{vm}/diagnostics")).await?;
    let roles = roles["memory"]["roles_kib"].as_object().cloned().unwrap_or_default();
    let mut roles: Vec<(String, f64)> =
        roles.iter().filter_map(|(name, kib)| Some((name.clone(), kib.as_f64()?))).collect();
    let host = machine::processes_mentioning(vm).into_iter().filter_map(|process| on_the_host(&process));
    roles.extend(host);
    roles.push(("host: the daemon".to_owned(), machine::pss_kib(daemon.pid())?));
    daemon.wait_for(session, &["completed"]).await?;
    let vm = daemon.vm_gone(vm).await?;
    let marks = vm["timeline"].as_array().context("the VM has a timeline")?;
    Ok((marks.iter().filter_map(mark).collect(), roles))
}

/// One process of the host's, and what it takes up, the guest's memory included.
fn on_the_host(process: &str) -> Option<(String, f64)> {
    let (pid, command) = process.split_once(' ')?;
    let program = Path::new(command.split_whitespace().next()?).file_name()?.to_string_lossy().into_owned();
    Some((format!("host: {program}"), machine::pss_kib(pid.parse().ok()?).ok()?))
}

fn mark(mark: &Value) -> Option<(String, f64)> {
    Some((mark["name"].as_str()?.to_owned(), mark["since_request_ms"].as_f64()?))
}

fn collect(samples: &mut Samples, run: &[(String, f64)]) {
    for (name, value) in run {
        samples.entry(name.clone()).or_default().push(*value);
    }
}

/// In the order in which they come.
fn figures(samples: Samples, unit: &'static str, of: &str) -> Vec<Figure> {
    let mut figures: Vec<Figure> =
        samples.into_iter().map(|(name, values)| Figure::new(name, unit, values).of(of)).collect();
    figures.sort_by(|a, b| {
        let median = |figure: &Figure| figure.spread().map_or(0.0, |spread| spread.median);
        median(a).total_cmp(&median(b))
    });
    figures
}

/// What a person waits for, and how many times sooner it is there than after a boot.
fn compare(report: &mut Report) {
    let [boot, others @ ..] = BEGINNINGS.map(|(name, _)| name);
    let mut times = Vec::new();
    for mark in
        [ASSIGNED, "agent-answered", "desktop-painted", "sign-in-started", "sign-in-url", "credentials"]
    {
        for other in others {
            let pair = report.median(boot, mark).zip(report.median(other, mark));
            if let Some((after_boot, now)) = pair.filter(|(_, now)| *now > 0.0) {
                times.push(Figure::new(mark, "times", vec![after_boot / now]).of(other));
            }
        }
    }
    report.side_by_side("sooner than after a boot", times);
}
