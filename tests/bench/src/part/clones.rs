//! What clones of one snapshot take up of this machine's memory while they wait: keeps 1, 2, 4 and 8 of them ready, one after
//! another.
//!
//! A guest's memory is a file without a name, filled by the daemon: what of it nobody maps is in no process's figures, so that its
//! blocks are counted, and of the processes what is not that file (proc_pid_smaps(5)).

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};

use crate::report::{Figure, Report};

const COUNTS: [usize; 4] = [1, 2, 4, 8];
/// To a snapshot and so many VMs, under emulation.
const PREPARATION: Duration = Duration::from_secs(600);
/// What has just been restored goes on a little.
const REST: Duration = Duration::from_secs(5);

/// In MiB.
#[derive(Debug, Default, Clone, Copy)]
struct Taken {
    guest: f64,
    processes: f64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The image profile of their VMs.
    #[arg(default_value = "test")]
    profile: String,
    /// The memory of each, in MiB.
    #[arg(default_value_t = 1024)]
    memory_mib: u32,
}

pub(crate) async fn measure(Arguments { profile, memory_mib }: Arguments) -> Result<Report> {
    let (mut report, mut figures) = (Report::new("clones"), Vec::new());
    let _turn = Turn::take()?;
    let snapshots = tempfile::tempdir()?;
    for count in COUNTS {
        let taken = with_clones(count, &profile, memory_mib, &snapshots.path().display().to_string()).await?;
        let all = taken.guest + taken.processes;
        #[expect(clippy::cast_precision_loss, reason = "eight at most")]
        let each = all / count as f64;
        for (name, value) in
            [("guests' memory", taken.guest), ("processes", taken.processes), ("all", all), ("each", each)]
        {
            figures.push(Figure::new(name, "MiB", vec![value]).of(format!("{count} clones")));
        }
    }
    report.side_by_side("what clones take up", figures);
    Ok(report)
}

async fn with_clones(count: usize, profile: &str, memory_mib: u32, snapshots: &str) -> Result<Taken> {
    let settings = [
        ("ANTEROOM_SNAPSHOT_USE", "true".to_owned()),
        ("ANTEROOM_SNAPSHOT_DIR", snapshots.to_owned()),
        ("ANTEROOM_POOL_MIN", count.to_string()),
        ("ANTEROOM_POOL_MAX", count.to_string()),
        ("ANTEROOM_VM_MAX", "16".to_owned()),
        ("ANTEROOM_VM_BROWSER_MEMORY_MIB", memory_mib.to_string()),
    ];
    let environment: BTreeMap<String, String> =
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let daemon =
        Daemon::start("bench-clones", profile, Options { environment, ..Options::default() }).await?;
    let begin = Instant::now();
    // The VM that becomes the snapshot, and the clone that tries it out, are ready for a moment, too, and not in the pool.
    loop {
        let ready =
            daemon.fetch("/api/admin/snapshots").await?["pool"]["ready"].as_u64().context("a pool")?;
        if ready == count as u64 {
            break;
        }
        ensure!(begin.elapsed() < PREPARATION, "{ready} of {count} are ready: {}", daemon.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let vms = daemon.fetch("/api/vms").await?["vms"].take();
    let ready = vms.as_array().into_iter().flatten().filter(|vm| vm["phase"] == "ready");
    let vms: Vec<String> = ready.filter_map(|vm| vm["id"].as_str().map(str::to_owned)).collect();
    ensure!(vms.len() == count, "{} VMs are ready, not {count}", vms.len());
    tokio::time::sleep(REST).await;
    let mut taken = Taken::default();
    for vm in &vms {
        let shown = daemon.fetch(&format!("/api/vms/{vm}")).await?;
        ensure!(shown["vm"]["origin"]["from"] == "snapshot", "it has booted: {shown:#}");
        let of_vm = of(vm)?;
        taken.guest += of_vm.guest;
        taken.processes += of_vm.processes;
    }
    daemon.stop().await?;
    Ok(taken)
}

/// Of its processes, and of the guest's memory, which all of them have open.
fn of(vm: &str) -> Result<Taken> {
    let (mut guest, mut processes) = (None, 0.0);
    for process in machine::processes_mentioning(vm) {
        let pid: u32 = process.split(' ').next().context("a pid")?.parse()?;
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        processes +=
            ["Pss_Anon:", "Pss_File:"].iter().filter_map(|name| kib(&text, name)).sum::<f64>() / 1024.0;
        guest = guest.or(memory_of(pid));
    }
    Ok(Taken { guest: guest.with_context(|| format!("no memory of {vm} is found"))?, processes })
}

fn kib(smaps: &str, name: &str) -> Option<f64> {
    let line = smaps.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The blocks of the file without a name, in MiB.
fn memory_of(pid: u32) -> Option<f64> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let is_memory = |path: &std::path::PathBuf| {
        fs::read_link(path).is_ok_and(|link| link.to_string_lossy().contains("memfd:guest-memory"))
    };
    let path = files.map(|entry| entry.path()).find(is_memory)?;
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let mib = fs::metadata(path).ok()?.blocks() as f64 * 512.0 / 1_048_576.0;
    Some(mib)
}
