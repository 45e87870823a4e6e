//! A service manager: hands the daemon a listening socket, listens to what it tells, and outlives it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    net::UnixDatagram,
    process::{Child, Command},
    time::timeout,
};

use crate::{
    artefact,
    daemon::{binary, guest_binary},
};

/// For a daemon that starts without anything to build.
const PATIENCE: Duration = Duration::from_secs(60);

/// The shell puts the socket where sd_listen_fds(3) has it, and becomes the daemon, so that it knows its process id.
const HAND_DOWN: &str = r#"exec 3<&0 </dev/null; export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$0" serve"#;

/// What outlives a daemon: its socket, its state directory, and the place where it tells how it is.
#[derive(Debug)]
pub struct ServiceManager {
    pub address: SocketAddr,
    socket: TcpListener,
    heard: UnixDatagram,
    scratch: tempfile::TempDir,
    log: PathBuf,
}

impl ServiceManager {
    /// # Errors
    /// When there is no free port, or no room for files.
    pub fn new(test: &str) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("anteroom-test-").tempdir()?;
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let heard = UnixDatagram::bind(scratch.path().join("notify"))?;
        let log = artefact(&format!("{test}.log"));
        // What daemons of an earlier run have logged is no answer.
        std::fs::write(&log, "")?;
        std::fs::write(scratch.path().join("anteroom.toml"), "")?;
        Ok(Self { address: socket.local_addr()?, socket, heard, scratch, log })
    }

    /// Starts `anteroom serve`, which is to give a sign of life within `watchdog`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, watchdog: Duration) -> Result<Child> {
        let output = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        Ok(Command::new("sh")
            .args(["-c", HAND_DOWN])
            .arg(binary())
            .env("LISTEN_FDS", "1")
            .env("LISTEN_FDNAMES", "api")
            .env("NOTIFY_SOCKET", self.scratch.path().join("notify"))
            .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
            .envs([
                ("ANTEROOM_SNAPSHOT_USE", "false"),
                ("ANTEROOM_POOL_MIN", "0"),
                ("ANTEROOM_POOL_MAX", "0"),
            ])
            .env("ANTEROOM_STATE_DIR", self.scratch.path().join("state"))
            .env("ANTEROOM_CONFIG", self.settings())
            .env("ANTEROOM_IMAGE_PROFILE", "test")
            .env("ANTEROOM_AGENT", guest_binary("anteroom-agent"))
            .env("ANTEROOM_QEMU_ACCEL", "tcg")
            // The socket that is handed down counts; here nobody can listen.
            .env("ANTEROOM_LISTEN", "192.0.2.1:4000")
            .env("ANTEROOM_MEDIA_LISTEN", "127.0.0.1:0")
            .stdin(OwnedFd::from(self.socket.try_clone()?))
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()?)
    }

    /// Waits until the daemon has told this line, and returns all that it told up to then.
    ///
    /// # Errors
    /// When it ends, or tells nothing of the kind within a minute.
    pub async fn hears(&self, daemon: &mut Child, line: &str) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let listening = async {
            let mut buffer = [0; 1000];
            while !lines.iter().any(|heard| heard == line) {
                let count = self.heard.recv(&mut buffer).await?;
                lines.extend(String::from_utf8_lossy(&buffer[..count]).lines().map(str::to_owned));
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::select! {
            // What it told before it ended counts.
            biased;
            heard = timeout(PATIENCE, listening) => heard.with_context(|| format!("{line} is never told"))??,
            ended = daemon.wait() => bail!("the daemon ended with {}:\n{}", ended?, self.log()),
        }
        Ok(lines)
    }

    /// Asks the daemon to stop, and waits until it has.
    ///
    /// # Errors
    /// When it does not end, or not with success.
    pub async fn stop(&self, mut daemon: Child) -> Result<()> {
        let pid = daemon.id().context("a living daemon")?;
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
        self.hears(&mut daemon, "STOPPING=1").await?;
        let status = timeout(PATIENCE, daemon.wait()).await.context("the daemon does not end")??;
        ensure!(status.success(), "the daemon ended with {status}:\n{}", self.log());
        Ok(())
    }

    /// Tells the daemon to read its settings again.
    ///
    /// # Errors
    /// When there is none.
    pub fn reload(&self, daemon: &Child) -> Result<()> {
        let pid = daemon.id().context("a living daemon")?;
        Ok(kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGHUP)?)
    }

    /// The daemon's file of settings.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.scratch.path().join("anteroom.toml")
    }

    /// What the daemon has noted of its settings for `anteroom doctor`.
    ///
    /// # Errors
    /// When it has not.
    pub fn noted(&self) -> Result<serde_json::Value> {
        let note = std::fs::read(self.scratch.path().join("state/settings.json"))?;
        Ok(serde_json::from_slice(&note)?)
    }

    /// Waits until the daemon has logged this.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn logs(&self, text: &str) -> Result<()> {
        let looking = async {
            while !self.log().contains(text) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, looking).await.with_context(|| format!("{text} is never logged:\n{}", self.log()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
