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
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use crate::{Outcome, guest::Sleepers};

/// What makes this program the daemon.
pub(crate) const WORD: &str = "daemon";
const SAYS: &str = "serves on ";

/// The daemon, and what is known of it outside.
pub(crate) struct Victim {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) state: PathBuf,
    child: Child,
    _scratch: tempfile::TempDir,
}

impl Victim {
    pub(crate) async fn start() -> Outcome<Self> {
        let scratch = tempfile::tempdir()?;
        let state = scratch.path().join("state");
        let mut child = Command::new(std::env::current_exe()?)
            .arg(WORD)
            .arg(&state)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("its output")?).lines();
        let line = lines.next_line().await?.ok_or("the daemon does not begin")?;
        let address = line.strip_prefix(SAYS).ok_or("the daemon's address")?.parse()?;
        let key = fs::read_to_string(state.join("api-key"))?.trim().to_owned();
        Ok(Self { address, key, state, child, _scratch: scratch })
    }

    fn proc(&self, name: &str) -> Outcome<String> {
        let pid = self.child.id().ok_or("the daemon has ended")?;
        Ok(fs::read_to_string(format!("/proc/{pid}/{name}"))?)
    }

    /// What it has in memory.
    pub(crate) fn rss_mib(&self) -> Outcome<u64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
    }

    /// What it has had of processors (proc_pid_stat(5), fields 14 and 15).
    pub(crate) fn processor(&self) -> Outcome<Duration> {
        let stat = self.proc("stat")?;
        let fields: Vec<&str> = stat.rsplit_once(')').ok_or("stat")?.1.split_whitespace().collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    pub(crate) async fn stop(mut self) -> Outcome {
        let pid = i32::try_from(self.child.id().ok_or("the daemon has ended")?)?;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM)?;
        let ended = tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await??;
        println!("the daemon ended with {ended}");
        Ok(())
    }
}

/// In the daemon's process.
pub(crate) async fn serve(state: &str) -> Outcome {
    let at = |name: &str| format!("{state}/{name}");
    let settings = [
        ("listen", "127.0.0.1:0".to_owned()),
        ("state_dir", state.to_owned()),
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
