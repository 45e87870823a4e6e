//! How long a person waits: starts `demo-auto` sessions one after another in real VMs and prints, for every mark of
//! the VM's timeline, the spread over the runs, as a table in Markdown: for VMs that boot, that begin with a snapshot, and that
//! were ready before. And what a VM takes up while it waits: the agent's roles in the guest, and the processes of the host that
//! stand for it.
//!
//! `make bench` runs it; `bench-start [RUNS [PROFILE]]`, five and `dev` by default. The first run of each kind warms the page
//! cache, or makes the snapshot, and is not counted.

use std::{
    collections::BTreeMap,
    fs::DirEntry,
    path::Path,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine, spread::Spread};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Milliseconds since the request, by mark, one value for each run.
type Samples = BTreeMap<String, Vec<f64>>;

/// What the VMs begin with.
const BEGINNINGS: [(&str, [(&str, &str); 2]); 3] = [
    ("a boot", [("ANTEROOM_SNAPSHOT_USE", "false"), ("ANTEROOM_POOL_MAX", "0")]),
    ("a snapshot", [("ANTEROOM_SNAPSHOT_USE", "true"), ("ANTEROOM_POOL_MAX", "0")]),
    ("the pool", [("ANTEROOM_SNAPSHOT_USE", "true"), ("ANTEROOM_POOL_MAX", "1")]),
];

/// A snapshot, and a VM from it, may take so long under emulation.
const PREPARATION: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let runs: usize = arguments.next().map_or(Ok(5), |count| count.parse()).context("a number of runs")?;
    let profile = arguments.next().unwrap_or_else(|| "dev".to_owned());
    let _turn = Turn::take()?;
    let snapshots = tempfile::tempdir()?;
    for (beginning, settings) in BEGINNINGS {
        let mut environment: BTreeMap<String, String> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.insert("ANTEROOM_SNAPSHOT_DIR".to_owned(), snapshots.path().display().to_string());
        let is_pool = environment["ANTEROOM_POOL_MAX"] == "1";
        environment.insert("ANTEROOM_POOL_MIN".to_owned(), environment["ANTEROOM_POOL_MAX"].clone());
        let daemon =
            Daemon::start("bench-start", &profile, Options { environment, ..Options::default() }).await?;
        let (mut samples, mut memory) = (Samples::new(), Samples::new());
        for run in 0..=runs {
            if run == 1 && beginning != "a boot" {
                until(|| {
                    std::fs::read_dir(snapshots.path()).is_ok_and(|entries| entries.flatten().any(is_whole))
                })
                .await?;
            }
            if is_pool {
                one_waits(&daemon).await?;
            }
            let session = daemon.start_session("demo-auto", &format!("bench-{run}")).await?;
            let (timeline, roles) = one_run(&daemon, &session).await?;
            if run > 0 {
                collect(&mut samples, &timeline);
                collect(&mut memory, &roles);
            }
        }
        daemon.stop().await?;
        print_table(&format!("ms since the request, from {beginning}"), &samples);
        print_table("KiB resident; of the host, PSS", &memory);
    }
    Ok(())
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
    roles.push(("host: the daemon".to_owned(), pss_kib(daemon.pid())?));
    daemon.wait_for(session, &["completed"]).await?;
    let vm = daemon.vm_gone(vm).await?;
    let marks = vm["timeline"].as_array().context("the VM has a timeline")?;
    Ok((marks.iter().filter_map(mark).collect(), roles))
}

/// One process of the host's, and what it takes up, the guest's memory included.
fn on_the_host(process: &str) -> Option<(String, f64)> {
    let (pid, command) = process.split_once(' ')?;
    let program = Path::new(command.split_whitespace().next()?).file_name()?.to_string_lossy().into_owned();
    Some((format!("host: {program}"), pss_kib(pid.parse().ok()?).ok()?))
}

/// What is shared counts in parts (proc_pid_smaps(5): `Pss`).
fn pss_kib(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("its memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn mark(mark: &Value) -> Option<(String, f64)> {
    Some((mark["name"].as_str()?.to_owned(), mark["since_request_ms"].as_f64()?))
}

fn collect(samples: &mut Samples, run: &[(String, f64)]) {
    for (name, value) in run {
        samples.entry(name.clone()).or_default().push(*value);
    }
}

fn print_table(unit: &str, samples: &Samples) {
    let mut rows: Vec<_> = samples.iter().map(|(name, values)| (name, Spread::of(values))).collect();
    rows.sort_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    println!("\n| {unit} | min | median | p95 | max | n |\n|---|---:|---:|---:|---:|---:|");
    for (name, Spread { min, median, p95, max, count, .. }) in rows {
        println!("| {name} | {min:.0} | {median:.0} | {p95:.0} | {max:.0} | {count} |");
    }
}
