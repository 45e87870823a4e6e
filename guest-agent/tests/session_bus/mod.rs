//! A session bus as in the guest: the same `dbus-daemon` command, the same service file with other paths in it, and a
//! stand-in for the oauth role's hook.

use std::{
    collections::HashMap,
    fs,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anteroom_protocol::agent::{OpenUrl, Problem};
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use futures_util::StreamExt;
use nix::poll::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::Serialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixListener,
    process::{Child, Command},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use zbus::{
    Connection, DBusError, Message, MessageStream, OwnedObjectPath, Variant, connection, wire::DynamicType,
};

pub(crate) const BUS_NAME: &str = "org.freedesktop.portal.Desktop";
pub(crate) const PORTAL: &str = "/org/freedesktop/portal/desktop";
pub(crate) const OPEN_URI: &str = "org.freedesktop.portal.OpenURI";
pub(crate) const REQUEST: &str = "org.freedesktop.portal.Request";

const PATIENCE_MS: u16 = 20_000;
const IN_THE_GUEST: &str = "Exec=/usr/lib/anteroom/anteroom-agent portal\n";

/// The bus, the directory that it and the portal live in, and the hook.
pub(crate) struct Desk {
    directory: TempDir,
    bus: Child,
    asked: mpsc::UnboundedReceiver<String>,
    hook: Hook,
    serving: JoinHandle<()>,
}

/// Tells what it is asked to open; what it holds waits for a permit.
#[derive(Clone)]
struct Hook {
    asked: mpsc::UnboundedSender<String>,
    held: Arc<Semaphore>,
}

/// A program on the desktop: a connection to the bus.
pub(crate) struct Program {
    pub(crate) bus: Connection,
    messages: MessageStream,
}

/// One that need not be a child of the test.
pub(crate) struct Process(OwnedFd);

impl Desk {
    /// `None`, and a line in the report, where there is no `dbus-daemon`.
    pub(crate) async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let services = directory.path().join("dbus-1/services");
        fs::create_dir_all(&services).unwrap();
        let oauth = directory.path().join("oauth.sock");
        let file = "usr/share/dbus-1/services/org.freedesktop.portal.Desktop.service";
        let service = fs::read_to_string(of_the_image(file)).unwrap();
        assert!(service.contains(IN_THE_GUEST), "{service}");
        let agent = env!("CARGO_BIN_EXE_anteroom-agent");
        let service = service.replace(IN_THE_GUEST, &format!("Exec={agent} portal {}\n", oauth.display()));
        fs::write(services.join("org.freedesktop.portal.Desktop.service"), service).unwrap();

        let (tell, asked) = mpsc::unbounded_channel();
        let hook = Hook { asked: tell, held: Arc::new(Semaphore::new(0)) };
        let router = Router::new().route("/hook/url", post(open)).with_state(hook.clone());
        let listener = UnixListener::bind(oauth).unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let bus = start_bus(directory.path()).await?;
        Some(Self { directory, bus, asked, hook, serving })
    }

    pub(crate) fn address(&self) -> String {
        address(self.directory.path())
    }

    pub(crate) async fn program(&self) -> Program {
        let builder = connection::Builder::address(self.address().as_str());
        let bus = soon(builder.build()).await.unwrap();
        Program { messages: MessageStream::from(&bus), bus }
    }

    /// What the hook is asked to open next.
    pub(crate) async fn asked(&mut self) -> String {
        soon(self.asked.recv()).await.unwrap()
    }

    /// Everything that the hook was asked to open, apart from what was told already.
    pub(crate) fn asked_so_far(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }

    /// Lets the hook answer what it has held so far.
    pub(crate) fn let_go(&self) {
        self.hook.held.add_permits(64);
    }

    /// From here on nobody listens there.
    pub(crate) async fn stop_hook(&mut self) {
        self.serving.abort();
        assert!((&mut self.serving).await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn stop_bus(&mut self) {
        self.bus.kill().await.unwrap();
    }

    /// What the portal and the bus have said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

async fn open(State(hook): State<Hook>, Json(asked): Json<OpenUrl>) -> axum::response::Response {
    hook.asked.send(asked.url.clone()).unwrap();
    if asked.url.starts_with("https://refused.") {
        let problem = Problem { error: "only http and https addresses are opened".into() };
        return (StatusCode::BAD_REQUEST, Json(problem)).into_response();
    }
    if asked.url.starts_with("https://held.") {
        hook.held.acquire().await.unwrap().forget();
    }
    StatusCode::NO_CONTENT.into_response()
}

/// The command of the image's service, with another address.
async fn start_bus(directory: &Path) -> Option<Child> {
    let service = fs::read_to_string(of_the_image("usr/lib/anteroom/services/dbus.toml")).unwrap();
    let service: toml::Table = service.parse().unwrap();
    let command = service["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let (addresses, mut command): (Vec<&str>, Vec<&str>) =
        command.partition(|word| word.starts_with("--address="));
    assert_eq!(addresses, ["--address=unix:path=/run/user/1000/bus"]);
    let program = command.remove(0);
    if !Path::new(program).exists() {
        eprintln!("SKIPPED: {program} is missing (./setup.sh test installs it)");
        return None;
    }
    let mut bus = Command::new(program)
        .args(command)
        .args([format!("--address={}", address(directory)), "--print-address".into()])
        // As in the guest, what the bus starts inherits this and what the bus adds of itself, and nothing else.
        .env_clear()
        .envs([("HOME", directory), ("XDG_RUNTIME_DIR", directory), ("XDG_DATA_DIRS", directory)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(directory.join("log")).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // It listens when it has said where.
    let mut said = BufReader::new(bus.stdout.take().unwrap()).lines();
    let line = soon(said.next_line()).await.unwrap();
    assert!(line.is_some(), "{:?}", fs::read_to_string(directory.join("log")));
    Some(bus)
}

fn address(directory: &Path) -> String {
    format!("unix:path={}", directory.join("bus").display())
}

fn of_the_image(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-image/files/desktop").join(file)
}

impl Program {
    /// `OpenURI`: the handle, or the name of the error.
    pub(crate) async fn open(
        &self,
        uri: &str,
        options: &[(&str, Variant<'_>)],
    ) -> Result<OwnedObjectPath, String> {
        let options: HashMap<&str, &Variant<'_>> =
            options.iter().map(|(name, value)| (*name, value)).collect();
        let answer = self.call(PORTAL, OPEN_URI, "OpenURI", &("", uri, options)).await?;
        Ok(answer.body().deserialize().unwrap())
    }

    /// A call of the portal: its answer, or the name of the error.
    pub(crate) async fn call<B: Serialize + DynamicType>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, String> {
        let answer = self.bus.call_method(Some(BUS_NAME), path, Some(interface), method, body);
        soon(answer).await.map_err(|error| match error {
            zbus::Error::MethodError(name, _, _) => name.to_string(),
            zbus::Error::FDO(error) => error.name().to_string(),
            other => panic!("{other}"),
        })
    }

    /// The next `Response`: of which request, and what. It came without having been subscribed to, so it was sent to this
    /// program.
    pub(crate) async fn response(&mut self) -> (String, u32) {
        loop {
            let message = soon(self.messages.next()).await.expect("the bus is gone").unwrap();
            let header = message.header();
            if header.member().is_some_and(|member| member == "Response") {
                assert_eq!(header.interface().unwrap(), REQUEST);
                let body = message.body();
                let (code, results): (u32, HashMap<String, Variant<'_>>) = body.deserialize().unwrap();
                assert!(results.is_empty());
                return (header.path().unwrap().to_string(), code);
            }
        }
    }

    /// Whether the bus has started the portal.
    pub(crate) async fn portal_runs(&self) -> bool {
        self.ask_bus("NameHasOwner").await.body().deserialize().unwrap()
    }

    /// The portal's process, which must be running now.
    pub(crate) async fn portal(&self) -> Process {
        let pid: u32 = self.ask_bus("GetConnectionUnixProcessID").await.body().deserialize().unwrap();
        let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        Process(pidfd_open(pid, PidfdFlags::empty()).unwrap())
    }

    async fn ask_bus(&self, method: &str) -> Message {
        let bus = "org.freedesktop.DBus";
        let answer = self.bus.call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), method, &BUS_NAME);
        soon(answer).await.unwrap()
    }
}

impl Process {
    /// Waits until it has ended, whether or not anybody has asked how (pidfd_open(2)).
    pub(crate) fn ended(self) {
        let mut ended = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut ended, PATIENCE_MS).unwrap(), 1, "it takes too long");
    }
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_millis(PATIENCE_MS.into()), future).await.expect("it takes too long")
}
