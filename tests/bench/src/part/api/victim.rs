//! The daemon under test, as a process of its own.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anteroom::{
    config::{Config, Environment, Layers},
    daemon::{Daemon, Machine, Stop},
    images::ResolvedImage,
    vault::KeyTexts,
    vmm::BootFiles,
};
use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use super::guest::Sleepers;

/// The word that makes this program the daemon.
const WORD: &str = "serve-victim";
const SAYS: &str = "serves on ";

/// The daemon, and what is known of it outside.
pub(super) struct Victim {
    pub(super) address: SocketAddr,
    pub(super) key: String,
    pub(super) state: PathBuf,
    child: Child,
    _scratch: tempfile::TempDir,
}

impl Victim {
    pub(super) async fn start() -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let state = scratch.path().join("state");
        let mut child = Command::new(std::env::current_exe()?)
            .arg(WORD)
            .arg(&state)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let line = lines.next_line().await?.context("the daemon does not begin")?;
        let address = line.strip_prefix(SAYS).context("the daemon's address")?.parse()?;
        let key = fs::read_to_string(state.join("api-key"))?.trim().to_owned();
        Ok(Self { address, key, state, child, _scratch: scratch })
    }

    fn proc(&self, name: &str) -> Result<String> {
        let pid = self.child.id().context("the daemon has ended")?;
        Ok(fs::read_to_string(format!("/proc/{pid}/{name}"))?)
    }

    /// What it has in memory.
    pub(super) fn rss_mib(&self) -> Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    /// What it has had of processors (proc_pid_stat(5), fields 14 and 15).
    pub(super) fn processor(&self) -> Result<Duration> {
        let stat = self.proc("stat")?;
        let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id().context("the daemon has ended")?)?;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM)?;
        let ended = tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await??;
        ensure!(ended.success(), "the daemon ended with {ended}");
        Ok(())
    }
}

/// What the daemon's process is told.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeVictim {
    /// Its state directory.
    state: String,
}

/// In the daemon's process.
pub(crate) async fn serve(ServeVictim { state }: &ServeVictim) -> Result<()> {
    let at = |name: &str| format!("{state}/{name}");
    let settings = [
        ("listen", "127.0.0.1:0".to_owned()),
        ("state_dir", state.clone()),
        ("image_dir", at("images")),
        ("providers_dir", at("providers")),
        ("media.listen", "off".to_owned()),
        ("snapshot.use", "false".to_owned()),
        ("pool.max", "0".to_owned()),
        ("pool.min", "0".to_owned()),
        ("vm.disk_mib", "64".to_owned()),
        ("vm.browser.memory_mib", "64".to_owned()),
        ("vm.max", "1000".to_owned()),
        ("vm.max_per_user", "1000".to_owned()),
        ("launch.at_once", "16".to_owned()),
        ("launch.waiting", "1000".to_owned()),
        ("session.idle_limit", "24h".to_owned()),
        ("session.sign_in_limit", "24h".to_owned()),
        // The load is meant to arrive.
        ("rate_limit.requests", "1000000".to_owned()),
        ("rate_limit.starts", "1000000".to_owned()),
        ("rate_limit.window", "1s".to_owned()),
    ];
    let flags: Vec<(String, String)> =
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let config = Config::load(&Layers::gather(&Environment::new(), None, &flags)?)?;
    let image = ResolvedImage {
        profile: "none".into(),
        digest: "sha256:0".into(),
        boot: BootFiles { kernel: "/none".into(), initrd: None, agent: None },
        layers: Vec::new(),
    };
    let vmm = Arc::new(Sleepers { flooding: Path::new(state).join("flood") });
    let programs = BTreeSet::from(["anteroom-demo".to_owned()]);
    let machine =
        Machine { vmm, cli_image: Err("none here".to_owned()), image, programs, leases: Vec::new() };
    let daemon = Daemon::start(&config, machine, KeyTexts::default()).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("{SAYS}{}", daemon.address());
    daemon
        .run(async move {
            terminate.recv().await;
            Stop::End
        })
        .await;
    Ok(())
}
