//! A daemon of the test's own: `anteroom serve` with a fresh state directory and port, and a client of its API.
//!
//! Whatever happens to the test, the daemon is asked to end (SIGTERM) and its state directory is removed.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::{artefact, workspace};

/// A sign-in in a VM under emulation takes tens of seconds; this is when a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How a test wants its daemon, beyond what is always the same.
#[derive(Debug, Default)]
pub struct Options {
    /// More environment: settings as `ANTEROOM_...`.
    pub environment: BTreeMap<String, String>,
    /// A configuration file.
    pub config: Option<String>,
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    pub address: SocketAddr,
    pub key: String,
    process: Child,
    state: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    http: Client,
    log: PathBuf,
}

impl Daemon {
    /// Starts a daemon on the image profile `profile` and waits until it answers.
    ///
    /// # Errors
    /// When it does not answer within half a minute; the error ends with its log.
    pub async fn start(test: &str, profile: &str, options: Options) -> Result<Self> {
        let state = tempfile::Builder::new().prefix("anteroom-test-").tempdir()?;
        let address = free_address()?;
        // Tests see VMs boot, unless they are about something else.
        let mut environment = BTreeMap::from([
            ("ANTEROOM_SNAPSHOT_USE".to_owned(), "false".to_owned()),
            ("ANTEROOM_POOL_MIN".to_owned(), "0".to_owned()),
            ("ANTEROOM_POOL_MAX".to_owned(), "0".to_owned()),
        ]);
        environment.extend(options.environment);
        environment.insert("ANTEROOM_STATE_DIR".into(), state.path().join("state").display().to_string());
        environment.insert("ANTEROOM_LISTEN".into(), address.to_string());
        environment.insert("ANTEROOM_IMAGE_PROFILE".into(), profile.into());
        environment.insert("ANTEROOM_AGENT".into(), guest_binary("anteroom-agent").display().to_string());
        if let Some(config) = options.config {
            let path = state.path().join("anteroom.toml");
            std::fs::write(&path, config)?;
            environment.insert("ANTEROOM_CONFIG".into(), path.display().to_string());
        }
        let log = artefact(&format!("{test}.log"));
        std::fs::File::create(&log)?;
        let process = serve(&environment, &log)?;
        let mut daemon =
            Self { address, key: String::new(), process, state, environment, http: Client::new(), log };
        daemon.answers().await?;
        daemon.key = std::fs::read_to_string(daemon.state_dir().join("api-key"))?.trim().to_owned();
        Ok(daemon)
    }

    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.state.path().join("state")
    }

    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// The daemon's log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// One call of the API, with the key; the body is read as JSON, `null` when it is none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self.http.request(method, self.url(path)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| path.to_owned())?;
        let status = answer.status();
        Ok((status, serde_json::from_slice(&answer.bytes().await?).unwrap_or(Value::Null)))
    }

    /// What a call answers, whatever that is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn text(&self, path: &str) -> Result<String> {
        let answer = self.http.get(self.url(path)).bearer_auth(&self.key).send().await?;
        Ok(answer.text().await?)
    }

    /// # Errors
    /// When there is no answer or it is not a success.
    pub async fn fetch(&self, path: &str) -> Result<Value> {
        let (status, body) = self.call(Method::GET, path, None).await?;
        ensure!(status.is_success(), "GET {path} answered {status}: {body}");
        Ok(body)
    }

    /// Runs the command line against this daemon.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn cli(&self, arguments: &[&str]) -> Result<Output> {
        Ok(self.command(arguments).output().await?)
    }

    /// The same with this program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn cli_of(&self, program: &Path, arguments: &[&str]) -> Result<Output> {
        Ok(self.command_of(program, arguments).output().await?)
    }

    /// The command line against this daemon, to be run.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(&binary(), arguments)
    }

    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).envs(self.client_environment()).kill_on_drop(true);
        // What tells the tests where programs are is no setting, and the command line would say so.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ANTEROOM_TEST_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// What makes a command line one of this daemon's.
    #[must_use]
    pub fn client_environment(&self) -> BTreeMap<String, String> {
        let url = ("ANTEROOM_URL".to_owned(), self.url(""));
        self.environment.clone().into_iter().chain([url]).collect()
    }

    /// Starts a session and returns its id.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub async fn start_session(&self, provider: &str, user: &str) -> Result<String> {
        self.begin(&json!({"userId": user, "provider": provider})).await
    }

    /// Starts a session in another way than by default, and returns its id.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub async fn start_session_by(&self, launch: &str, provider: &str, user: &str) -> Result<String> {
        self.begin(&json!({"userId": user, "provider": provider, "launch": launch})).await
    }

    async fn begin(&self, body: &Value) -> Result<String> {
        let (status, answer) = self.call(Method::POST, "/api/auth/start", Some(body)).await?;
        ensure!(status.is_success(), "start answered {status}: {answer}");
        Ok(answer["sessionId"].as_str().context("a session id")?.to_owned())
    }

    /// Waits until the session has one of these statuses, and returns the session.
    ///
    /// # Errors
    /// When it ends in another status, an attempt fails, or [`PATIENCE`] ends; with the session's own error.
    pub async fn wait_for(&self, session: &str, statuses: &[&str]) -> Result<Value> {
        let status = |session: &Value| session["status"].as_str().unwrap_or_default().to_owned();
        let reached = |session: &Value| statuses.contains(&status(session).as_str());
        let session =
            self.watch(session, |session| reached(session) || !session["attempt_failure"].is_null()).await?;
        ensure!(reached(&session), "the session is {}, not {statuses:?}: {session:#}", status(&session));
        Ok(session)
    }

    /// Waits until an attempt to sign in has failed, and returns the session.
    ///
    /// # Errors
    /// When the session ends first, or [`PATIENCE`] ends; with the session's own error.
    pub async fn until_attempt_failed(&self, session: &str) -> Result<Value> {
        let failed = |session: &Value| !session["attempt_failure"].is_null();
        let session = self.watch(session, failed).await?;
        ensure!(failed(&session), "no attempt has failed: {session:#}");
        Ok(session)
    }

    /// Waits until the session is as wanted, and returns it.
    ///
    /// # Errors
    /// When an attempt fails or the session ends first, or [`PATIENCE`] ends; with the session's own error. After a closed
    /// terminal another attempt begins by itself.
    pub async fn until(&self, session: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let failed = |session: &Value| {
            session["attempt_failure"]["code"].as_str().is_some_and(|code| code != "terminal_closed")
        };
        let session = self.watch(session, |session| wanted(session) || failed(session)).await?;
        ensure!(wanted(&session), "the session does not become as wanted: {session:#}");
        Ok(session)
    }

    /// Waits until the VM is gone with all that it had, and returns it: its timeline is whole then.
    ///
    /// # Errors
    /// When it is still there after ten seconds.
    pub async fn vm_gone(&self, vm: &str) -> Result<Value> {
        for _ in 0..200 {
            let now = self.fetch(&format!("/api/vms/{vm}")).await?["vm"].take();
            if matches!(now["phase"].as_str(), Some("destroyed" | "failed")) {
                return Ok(now);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("VM {vm} is not gone after 10 s")
    }

    /// The session when it is as wanted, has ended, or [`PATIENCE`] has; at once when there is news.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn watch(&self, session: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut path = format!("/api/auth/session/{session}");
        loop {
            let now = self.fetch(&path).await?["session"].take();
            let Some(revision) = now["revision"].as_u64() else { return Ok(now) };
            if wanted(&now) || Instant::now() > deadline {
                return Ok(now);
            }
            // Answered as soon as there is news.
            path = format!("/api/auth/session/{session}?revision={revision}&wait=20");
        }
    }

    /// Asks the daemon to end and waits for it.
    ///
    /// # Errors
    /// When it has not ended within half a minute, or not with exit code 0.
    pub async fn stop(mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        let status = tokio::time::timeout(Duration::from_secs(30), self.process.wait())
            .await
            .context("the daemon does not end")??;
        ensure!(status.success(), "the daemon ended with {status}:\n{}", self.log());
        Ok(())
    }

    /// Ends the daemon by this signal, and starts another one in its place as soon as it is gone.
    ///
    /// # Errors
    /// When it does not end within half a minute, or the other one does not answer.
    pub async fn replace_after(&mut self, signal: Signal) -> Result<()> {
        self.end_by(signal).await?;
        self.start_again().await
    }

    /// Ends the daemon by this signal: SIGKILL ends it as a power cut would.
    ///
    /// # Errors
    /// When it does not end within half a minute.
    pub async fn end_by(&mut self, signal: Signal) -> Result<()> {
        self.signal(signal)?;
        tokio::time::timeout(Duration::from_secs(30), self.process.wait())
            .await
            .context("the daemon does not end")??;
        Ok(())
    }

    /// Starts a daemon that has ended again, with the same state.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn start_again(&mut self) -> Result<()> {
        self.process = serve(&self.environment, &self.log)?;
        self.answers().await
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        // Without a number it would be this process's whole group.
        let pid = self.process.id().context("the daemon has ended already")?;
        Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
    }

    async fn answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if self
                .http
                .get(self.url("/health"))
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the daemon ended with {status}:\n{}", self.log());
            }
            ensure!(Instant::now() < deadline, "the daemon does not answer:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Daemon {
    /// A test that failed leaves its VMs to the daemon: it gets the time to remove them.
    fn drop(&mut self) {
        let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) else { return };
        if kill(Pid::from_raw(pid), Signal::SIGTERM).is_err() {
            return;
        }
        for _ in 0..200 {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What it says is added to the log.
fn serve(environment: &BTreeMap<String, String>, log: &Path) -> Result<Child> {
    let output = std::fs::OpenOptions::new().append(true).open(log)?;
    Command::new(binary())
        .arg("serve")
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .context("anteroom serve")
}

/// The `anteroom` binary that `make test` has built, or the one that `ANTEROOM_BIN` names.
#[must_use]
pub fn binary() -> PathBuf {
    std::env::var_os("ANTEROOM_BIN").map_or_else(|| workspace().join("target/debug/anteroom"), PathBuf::from)
}

/// A static binary for the VM, built by `make guest`.
#[must_use]
pub fn guest_binary(name: &str) -> PathBuf {
    workspace().join("target/x86_64-unknown-linux-gnu/guest").join(Path::new(name))
}

/// An address on loopback that nobody listens on now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Where the images are that `make test` has built.
///
/// # Errors
/// When there is no home directory.
pub fn image_dir() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("ANTEROOM_IMAGE_DIR") {
        return Ok(directory.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Ok(cache.or_else(home).context("neither XDG_CACHE_HOME nor HOME is set")?.join("anteroom/images"))
}

/// `anteroom image build --profile PROFILE`.
///
/// # Errors
/// When it cannot be started.
pub async fn image_build(profile: &str, environment: &BTreeMap<String, String>) -> Result<Output> {
    Ok(Command::new(binary())
        .args(["image", "build", "--profile", profile])
        .envs(environment)
        .output()
        .await?)
}
