//! Sign-ins during which something is killed at a random moment, and what must hold whatever it was.
//!
//! ```text
//!  round:  start sessions ──▶ strike (daemon, hand-over, a process of a VM) ──▶ until every session has ended ──▶ look
//! ```
//! Each session ends with credentials or with a failure that has a name. Afterwards nothing of their VMs is left: no process, no
//! socket, no directory, no control group, no mount, and where the daemon has a network of its own ([`Seclusion`]), no device, no
//! element of a rule, no address; and whatever was told to be captured can be fetched.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    Seclusion,
    daemon::{Daemon, PATIENCE},
    machine, seclusion, workspace,
};

/// How long what is being removed may take.
const GONE_PATIENCE: Duration = Duration::from_secs(30);
/// How the daemon's guests are named elsewhere.
const GROUP_OF_VMS: &str = "anteroom";
/// Where control groups of the second version are.
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strike {
    Daemon,
    HandOver,
    /// Some process of some VM: its VMM, a helper of that, or, where they are processes of this machine, what runs in the guest.
    Part,
}

impl Strike {
    fn random(rng: &mut Rng) -> Self {
        match rng.u8(0..20) {
            0..10 => Self::Daemon,
            10..13 => Self::HandOver,
            _ => Self::Part,
        }
    }
}

/// What came of the rounds.
#[derive(Debug, Default)]
pub struct Tally {
    pub rounds: usize,
    /// Sessions by how they ended: `completed`, or the code of their failure.
    pub ends: BTreeMap<String, usize>,
}

/// One round: so many sessions, struck within `span`; tells what was done and what came of it.
///
/// # Errors
/// With what does not hold.
pub async fn round(
    daemon: &mut Daemon,
    seclusion: Option<&Seclusion>,
    rng: &mut Rng,
    sessions: usize,
    span: Duration,
    tally: &mut Tally,
) -> Result<String> {
    let mut started = Vec::new();
    for number in 0..sessions {
        started.push(daemon.start_session("demo-auto", &format!("user-{number}")).await?);
    }
    let mut story = Vec::new();
    for _ in 0..rng.usize(1..3) {
        let after = span.mul_f64(rng.f64());
        tokio::time::sleep(after).await;
        let strike = Strike::random(rng);
        let what = match strike {
            Strike::Daemon => {
                daemon.replace_after(Signal::SIGKILL).await?;
                "daemon".to_owned()
            }
            Strike::HandOver => {
                daemon.replace_after(Signal::SIGUSR2).await?;
                "hand-over".to_owned()
            }
            Strike::Part => kill_a_part(daemon, rng)?,
        };
        story.push(format!("+{} ms {what}", after.as_millis()));
    }
    let mut ends = Vec::new();
    for session in &started {
        let end = ended(daemon, session).await.with_context(|| story.join(", "))?;
        *tally.ends.entry(end.clone()).or_default() += 1;
        ends.push(end);
    }
    nothing_is_left(daemon, seclusion).await.with_context(|| story.join(", "))?;
    tally.rounds += 1;
    Ok(format!("{} -> {}", story.join(", "), ends.join(", ")))
}

/// How the session ended. Credentials of one that has completed can be fetched.
async fn ended(daemon: &Daemon, session: &str) -> Result<String> {
    let is_final = |session: &Value| {
        ["completed", "failed", "timeout", "cancelled"].iter().any(|end| session["status"] == *end)
    };
    let now = daemon.watch(session, is_final).await?;
    ensure!(is_final(&now), "the session has not ended: {now:#}");
    if now["status"] != "completed" {
        let code = now["failure"]["code"].as_str().context("a failure without a name")?;
        return Ok(code.to_owned());
    }
    let path = format!("/api/auth/session/{session}/credentials/status");
    let captured = daemon.fetch(&path).await?;
    ensure!(captured["status"] == "ready", "credentials are lost: {captured}");
    Ok("completed".to_owned())
}

/// Kills one process, and tells which.
fn kill_a_part(daemon: &Daemon, rng: &mut Rng) -> Result<String> {
    let mut parts: Vec<(i32, String)> = Vec::new();
    for vm in directories(&daemon.state_dir().join("vms")) {
        let own = daemon.pid().to_string();
        for process in machine::processes_mentioning(&vm) {
            let (pid, command) = process.split_once(' ').unwrap_or((&process, ""));
            if pid != own {
                parts.push((pid.parse()?, command.to_owned()));
            }
        }
        for pid in group_of(&vm).iter().flat_map(|group| processes_in(group)) {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            parts.push((pid, command.replace('\0', " ")));
        }
    }
    if parts.is_empty() {
        return Ok("nothing there to kill".to_owned());
    }
    let (pid, command) = &parts[rng.usize(..parts.len())];
    // It may have ended meanwhile.
    let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    let words: Vec<&str> = command.split_whitespace().take(2).collect();
    Ok(words.join(" "))
}

/// Of a guest that is no VM.
fn group_of(vm: &str) -> Option<PathBuf> {
    let name = format!("anteroom-bare-{}", vm.get(..8)?);
    GROUPS.iter().map(|root| Path::new(root).join(&name)).find(|group| group.exists())
}

fn processes_in(group: &Path) -> Vec<i32> {
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut found: Vec<i32> = own.lines().filter_map(|line| line.parse().ok()).collect();
    for child in directories(group) {
        found.extend(processes_in(&group.join(child)));
    }
    found
}

fn directories(of: &Path) -> Vec<String> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Waits until nothing of any VM is left but the logs of those that failed.
async fn nothing_is_left(daemon: &Daemon, seclusion: Option<&Seclusion>) -> Result<()> {
    let deadline = Instant::now() + GONE_PATIENCE.min(PATIENCE);
    loop {
        let left = left_behind(daemon, seclusion).await?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("left behind: {left:#?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn left_behind(daemon: &Daemon, seclusion: Option<&Seclusion>) -> Result<BTreeSet<String>> {
    let state = daemon.state_dir();
    let (vms, own) = (state.join("vms"), format!("{} ", daemon.pid()));
    let mut left: BTreeSet<String> = machine::processes_mentioning(&vms.display().to_string())
        .into_iter()
        .filter(|line| !line.starts_with(&own))
        .collect();
    left.extend(machine::unix_sockets_mentioning(&vms.display().to_string()));
    left.extend(seclusion::mounts_below(&state, daemon.pid()));
    for vm in directories(&vms) {
        let files = fs::read_dir(vms.join(&vm)).into_iter().flatten().flatten();
        let others = files.filter(|file| file.file_name() != "console.log");
        left.extend(others.map(|file| file.path().display().to_string()));
    }
    for vm in vms_of(daemon).await? {
        left.extend(groups_of(&vm).iter().map(|group| group.display().to_string()));
    }
    let groups = GROUPS.iter().flat_map(|root| {
        directories(Path::new(root)).into_iter().filter(|name| name.starts_with("anteroom-bare-"))
    });
    left.extend(groups);
    if let Some(seclusion) = seclusion {
        left.extend(seclusion.left_behind(daemon.pid())?);
        left.extend(addresses(daemon).await?);
    }
    Ok(left)
}

/// Every VM that the daemon has had.
///
/// # Errors
/// When the daemon does not answer.
pub async fn vms_of(daemon: &Daemon) -> Result<Vec<String>> {
    let vms = daemon.fetch("/api/vms").await?["vms"].take();
    Ok(vms.as_array().into_iter().flatten().filter_map(|vm| vm["id"].as_str().map(str::to_owned)).collect())
}

fn groups_of(vm: &str) -> Vec<PathBuf> {
    let of_a_vm = GROUPS.iter().map(|root| Path::new(root).join(GROUP_OF_VMS).join(vm));
    of_a_vm.filter(|group| group.exists()).chain(group_of(vm)).collect()
}

/// Addresses that the store takes for those of VMs. The daemon that guests without VMs have does not tell.
async fn addresses(daemon: &Daemon) -> Result<Vec<String>> {
    let anteroom = workspace().join("target/debug/anteroom");
    let told = daemon.cli_of(&anteroom, &["gc", "--dry-run", "--json"]).await?;
    ensure!(told.status.success(), "anteroom gc: {}", String::from_utf8_lossy(&told.stderr));
    let remnants: Value = serde_json::from_slice(&told.stdout)?;
    let with_address = remnants.as_array().into_iter().flatten().filter(|remnant| remnant["address"] == true);
    Ok(with_address.map(|remnant| format!("the address of {}", remnant["vm"])).collect())
}

/// Ends what came to nothing in the middle of a round: whatever a daemon has left that may be gone itself, the next one takes over,
/// and ends it. Returns the VMs that there were.
///
/// # Errors
/// When no daemon can be started that would do that; `anteroom gc` with the state directory is left then.
pub async fn clear_away(mut daemon: Daemon) -> Result<Vec<String>> {
    // One that has ended has no number any more, and one that does not end in time is ended.
    if daemon.end_by(Signal::SIGTERM).await.is_err() {
        let _ = daemon.end_by(Signal::SIGKILL).await;
    }
    daemon.start_again().await?;
    let vms = vms_of(&daemon).await?;
    daemon.stop().await?;
    Ok(vms)
}

/// After the end of a daemon whose VMs were these: whether anything of them is left outside of its state directory, which is gone.
///
/// # Errors
/// With what is left.
pub fn nothing_outlives(vms: &[String], seclusion: Option<&Seclusion>) -> Result<()> {
    let mut left: BTreeSet<String> =
        vms.iter().flat_map(|vm| groups_of(vm)).map(|group| group.display().to_string()).collect();
    if let Some(seclusion) = seclusion {
        left.extend(seclusion.left_behind(0)?);
    }
    ensure!(left.is_empty(), "left behind at the end: {left:#?}");
    Ok(())
}
