//! One way to a desktop, and what was measured of it, run after run.

use std::{
    collections::BTreeMap,
    fs::DirEntry,
    path::Path,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, daemon::Options, machine};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    original::{self, Image},
    report::Figure,
};

/// Figures by name, one value for each run.
type Samples = BTreeMap<String, Vec<f64>>;
/// The same of one run.
type Values = Vec<(String, f64)>;

/// From the request until the caller knows the session's VM: over HTTP, a round trip for the session's state included.
pub(super) const ASSIGNED: &str = "caller: assigned";
/// Spans within one boot.
pub(super) const TO_8080: &str = "PID 1 → port 8080";
pub(super) const TO_ETH0: &str = "asked for → eth0 up";
const SPANS: [(&str, &str, &str); 2] =
    [(TO_8080, "pid1", "service:oauth"), (TO_ETH0, "network-begun", "network-configured")];

/// A snapshot, and a VM from it, may take so long under emulation.
const PREPARATION: Duration = Duration::from_secs(300);

/// What a VM of ours begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::part) enum Beginning {
    Boot,
    BootOfCustomKernel,
    Snapshot,
    Pool,
}

impl Beginning {
    pub(in crate::part) fn name(self) -> &'static str {
        match self {
            Self::Boot => "a boot",
            Self::BootOfCustomKernel => "a boot, custom kernel",
            Self::Snapshot => "a snapshot",
            Self::Pool => "the pool",
        }
    }

    fn settings(self) -> BTreeMap<String, String> {
        let copies = matches!(self, Self::Snapshot | Self::Pool);
        let kept = u8::from(self == Self::Pool).to_string();
        let mut settings = vec![
            ("ANTEROOM_SNAPSHOT_USE", copies.to_string()),
            ("ANTEROOM_POOL_MIN", kept.clone()),
            ("ANTEROOM_POOL_MAX", kept),
        ];
        if self == Self::BootOfCustomKernel {
            settings.push(("ANTEROOM_IMAGE_KERNEL", "custom".to_owned()));
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The name of the original's lane.
pub(in crate::part) const ORIGINAL: &str = "the original's way";

enum Way {
    Ours { beginning: Beginning, daemon: Box<Daemon> },
    Original(Image),
}

pub(super) struct Lane {
    pub(super) name: &'static str,
    way: Way,
    samples: Samples,
    memory: Samples,
}

impl Lane {
    pub(super) async fn ours(beginning: Beginning, profile: &str, snapshots: &Path) -> Result<Self> {
        let mut environment = beginning.settings();
        environment.insert("ANTEROOM_SNAPSHOT_DIR".to_owned(), snapshots.display().to_string());
        let name = format!("bench-start-{}", beginning.name().replace([' ', ','], "-"));
        let daemon = Daemon::start(&name, profile, Options { environment, ..Options::default() }).await?;
        Ok(Self::of(beginning.name(), Way::Ours { beginning, daemon: Box::new(daemon) }))
    }

    pub(super) fn original(image: Image) -> Self {
        Self::of(ORIGINAL, Way::Original(image))
    }

    fn of(name: &'static str, way: Way) -> Self {
        Self { name, way, samples: Samples::new(), memory: Samples::new() }
    }

    /// From the request, or the start of QEMU, to the end; the first is not counted.
    pub(super) async fn run(&mut self, run: usize, snapshots: &Path) -> Result<()> {
        let (mut marks, memory) = match &self.way {
            Way::Ours { beginning, daemon } => session(*beginning, daemon, run, snapshots).await?,
            Way::Original(image) => boot_of_original(image).await?,
        };
        marks.extend(spans(&marks));
        if run > 0 {
            collect(&mut self.samples, marks);
            collect(&mut self.memory, memory);
        }
        Ok(())
    }

    pub(super) async fn end(self) -> Result<[Vec<Figure>; 2]> {
        if let Way::Ours { daemon, .. } = self.way {
            daemon.stop().await?;
        }
        Ok([figures(self.samples, "ms", self.name), figures(self.memory, "KiB", self.name)])
    }
}

async fn boot_of_original(image: &Image) -> Result<(Values, Values)> {
    let mut vm = original::Vm::launch(image)?;
    let seen = (vm.story().await?, vm.memory_kib().await?);
    vm.end().await?;
    Ok(seen)
}

async fn session(
    beginning: Beginning,
    daemon: &Daemon,
    run: usize,
    snapshots: &Path,
) -> Result<(Values, Values)> {
    if run == 1 && matches!(beginning, Beginning::Snapshot | Beginning::Pool) {
        let is_there = || std::fs::read_dir(snapshots).is_ok_and(|entries| entries.flatten().any(is_whole));
        until(is_there).await?;
    }
    if beginning == Beginning::Pool {
        one_waits(daemon).await?;
    }
    let asked = Instant::now();
    let session = daemon.start_session("demo-auto", &format!("bench-{run}")).await?;
    daemon.until(&session, |session| session["vm_id"].is_string()).await?;
    let assigned = asked.elapsed().as_secs_f64() * 1e3;
    let (mut marks, memory) = one_run(daemon, &session).await?;
    marks.push((ASSIGNED.to_owned(), assigned));
    Ok((marks, memory))
}

/// Whether it is a snapshot, and not one that is being made.
#[expect(clippy::needless_pass_by_value, reason = "as an iterator hands it on")]
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
async fn one_run(daemon: &Daemon, session: &str) -> Result<(Values, Values)> {
    let living = daemon.wait_for(session, &["ready", "awaiting_user_auth", "completed"]).await?;
    let vm = living["vm_id"].as_str().context("the session names its VM")?;
    let told = &daemon.fetch(&format!("/api/vms/{vm}/diagnostics")).await?["memory"];
    let roles = told["roles_kib"].as_object().context("the roles' memory")?;
    let mut memory: Values =
        roles.iter().filter_map(|(name, kib)| Some((name.clone(), kib.as_f64()?))).collect();
    memory.push((ROLES.to_owned(), memory.iter().map(|(_, kib)| kib).sum()));
    let (total, available) =
        told["total_kib"].as_f64().zip(told["available_kib"].as_f64()).context("memory")?;
    memory.push((original::IN_USE.to_owned(), total - available));
    let host = machine::processes_mentioning(vm).into_iter().filter_map(|process| on_the_host(&process));
    memory.extend(host);
    memory.push(("host: the daemon".to_owned(), machine::pss_kib(daemon.pid())?));
    daemon.wait_for(session, &["completed"]).await?;
    let vm = daemon.vm_gone(vm).await?;
    let marks = vm["timeline"].as_array().context("the VM has a timeline")?;
    Ok((marks.iter().filter_map(mark).collect(), memory))
}

/// All of the agent's roles.
pub(super) const ROLES: &str = "the agent's roles together";

/// One process of the host's, and what it takes up, the guest's memory included.
fn on_the_host(process: &str) -> Option<(String, f64)> {
    let (pid, command) = process.split_once(' ')?;
    let program = Path::new(command.split_whitespace().next()?).file_name()?.to_string_lossy().into_owned();
    Some((format!("host: {program}"), machine::pss_kib(pid.parse().ok()?).ok()?))
}

fn mark(mark: &Value) -> Option<(String, f64)> {
    Some((mark["name"].as_str()?.to_owned(), mark["since_request_ms"].as_f64()?))
}

/// Between marks of one boot; a copy of a VM has none of these.
fn spans(marks: &Values) -> Values {
    let at = |name: &str| Some(marks.iter().find(|(mark, _)| mark == name)?.1);
    let span = |(name, from, to): (&str, _, _)| {
        let (from, to) = (at(from)?, at(to)?);
        at("pid1").map(|_| (name.to_owned(), to - from))
    };
    SPANS.into_iter().filter_map(span).collect()
}

fn collect(samples: &mut Samples, run: Values) {
    for (name, value) in run {
        samples.entry(name).or_default().push(value);
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
