//! How long a person waits: starts `demo-auto` sessions one after another in real VMs and prints, for every mark of
//! the VM's timeline, the minimum, median and maximum over the runs, as a table in Markdown. And what a VM takes up while it
//! waits: the agent's roles in the guest, and the processes of the host that stand for it.
//!
//! `make bench` runs it; `bench-start [RUNS]`, five by default. The first run warms the page cache and is not counted.

use std::{collections::BTreeMap, path::Path};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine, spread::Spread};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// Milliseconds since the request, by mark, one value for each run.
type Samples = BTreeMap<String, Vec<f64>>;

#[tokio::main]
async fn main() -> Result<()> {
    let runs: usize =
        std::env::args().nth(1).map_or(Ok(5), |count| count.parse()).context("a number of runs")?;
    let _turn = Turn::take()?;
    let daemon = Daemon::start("bench-start", "dev", Options::default()).await?;
    let (mut samples, mut memory) = (Samples::new(), Samples::new());
    for run in 0..=runs {
        let session = daemon.start_session("demo-auto", &format!("bench-{run}")).await?;
        let (timeline, roles) = one_run(&daemon, &session).await?;
        if run > 0 {
            collect(&mut samples, &timeline);
            collect(&mut memory, &roles);
        }
    }
    daemon.stop().await?;
    print_table("ms since the request", &samples);
    print_table("KiB resident; of the host, PSS", &memory);
    Ok(())
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
    println!("\n| {unit} | min | median | max | n |\n|---|---:|---:|---:|---:|");
    for (name, Spread { min, median, max, count, .. }) in rows {
        println!("| {name} | {min:.0} | {median:.0} | {max:.0} | {count} |");
    }
}
