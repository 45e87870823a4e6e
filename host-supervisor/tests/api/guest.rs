//! What stands for a guest: a real child process as its VMM, a console, and an agent behind the real handshake on a
//! Unix socket. Only what the guest's kernel and desktop would do is played by the test.

use std::{
    collections::BTreeSet,
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anteroom::vmm::{
    AgentAddress, Capabilities, KernelFile, LaunchError, ProcessId, Vm, VmExit, VmSpec, Vmm, console::Console,
};
use anteroom_protocol::{
    EventBody, ProtocolVersion, SessionId,
    agent::{CallbackVerdict, Hello, PastedCallback, PastedCode, SignInSpec},
    ports::HOST_KNOCK,
};
use async_trait::async_trait;
use axum::{
    Json, Router,
    body::Body,
    extract::{Query, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post, put},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    net::{UnixListener, UnixStream},
    process::{Child, Command},
    sync::watch,
};

use crate::{
    chatter::{self, Chatter},
    programs::{self, Home},
    stream::{self, Stream},
};

/// A VMM whose guests are played by the test.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    guests: Mutex<Vec<Arc<Guest>>>,
    arrived: watch::Sender<usize>,
    most_starting: AtomicUsize,
}

/// One guest: what it says when asked, and what it was told.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) spec: VmSpec,
    events: watch::Sender<Vec<Value>>,
    acknowledged: watch::Sender<u64>,
    sign_in: watch::Sender<Option<SignInSpec>>,
    pub(crate) credentials: Mutex<Value>,
    pub(crate) stream: Stream,
    pub(crate) chatter: Chatter,
    /// Where its programs run.
    pub(crate) home: Home,
    pub(crate) opened: Mutex<Vec<String>>,
    pub(crate) refuses_sign_in: Mutex<Option<String>>,
    /// What was typed.
    pub(crate) codes: Mutex<Vec<String>>,
    takes_codes: watch::Sender<bool>,
    /// What its agent was asked as part of a trace: the path, and `traceparent`.
    pub(crate) traced: Mutex<Vec<(String, String)>>,
    attempts: watch::Sender<usize>,
    console: tokio::sync::Mutex<DuplexStream>,
    pub(crate) pid: i32,
}

impl Stage {
    /// The guests so far, in the order in which they were launched.
    pub(crate) fn guests(&self) -> Vec<Arc<Guest>> {
        self.guests.lock().unwrap().clone()
    }

    /// Waits until so many have been launched.
    pub(crate) async fn launched(&self, count: usize) {
        self.arrived.subscribe().wait_for(|arrived| *arrived >= count).await.unwrap();
    }

    /// The most guests that there have ever been at once without a desktop.
    pub(crate) fn most_starting(&self) -> usize {
        self.most_starting.load(Ordering::Relaxed)
    }

    /// The guest of this VM, as soon as it is launched.
    pub(crate) async fn guest_of(&self, vm: &str) -> Arc<Guest> {
        let here =
            || self.guests.lock().unwrap().iter().find(|guest| guest.spec.id.to_string() == vm).cloned();
        self.arrived.subscribe().wait_for(|_| here().is_some()).await.unwrap();
        here().unwrap()
    }
}

#[async_trait]
impl Vmm for Stage {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            backend: "stage",
            version: "1".into(),
            acceleration: None,
            kernel: KernelFile::BzImage,
            user_network: true,
            snapshots: false,
            hibernation: false,
        }
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: "v.sock".into() }
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        let child = Command::new("sleep")
            .arg("600")
            .current_dir(&spec.directory)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| LaunchError::Start { program: "sleep".into(), source })?;
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        let (console_in, console_out) = tokio::io::duplex(64 * 1024);
        let console = Console::capture(console_out, &spec.directory).await.unwrap();
        let guest = Arc::new(Guest {
            spec: spec.clone(),
            events: watch::Sender::default(),
            acknowledged: watch::Sender::default(),
            sign_in: watch::Sender::default(),
            credentials: Mutex::new(Value::Null),
            stream: Stream::default(),
            chatter: Chatter::default(),
            home: Home::default(),
            opened: Mutex::default(),
            refuses_sign_in: Mutex::default(),
            codes: Mutex::default(),
            takes_codes: watch::Sender::default(),
            traced: Mutex::default(),
            attempts: watch::Sender::default(),
            console: console_in.into(),
            pid,
        });
        let listener = UnixListener::bind(spec.directory.join("v.sock")).unwrap();
        let server = tokio::spawn(serve(listener, guest.clone()));
        let knock = self.agent_address(&spec.directory).host_socket(HOST_KNOCK);
        drop(UnixStream::connect(spec.directory.join(knock)).await);
        let mut guests = self.guests.lock().unwrap();
        guests.push(guest.clone());
        let starting = guests.iter().filter(|guest| guest.is_running() && !guest.has_desktop()).count();
        drop(guests);
        self.most_starting.fetch_max(starting, Ordering::Relaxed);
        self.arrived.send_modify(|count| *count += 1);
        Ok(Box::new(Running { child, console, guest, server }))
    }
}

#[derive(Debug)]
struct Running {
    child: Child,
    console: Arc<Console>,
    guest: Arc<Guest>,
    server: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn exit(&mut self, by_guest: bool) -> VmExit {
        let status = self.child.wait().await.unwrap();
        self.server.abort();
        self.guest.console.lock().await.shutdown().await.unwrap();
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        let code = status.code().unwrap_or(128 + signal.unwrap_or_default());
        VmExit {
            program: "sleep".into(),
            code: Some(code),
            stderr: Vec::new(),
            by_guest,
            out_of_memory: None,
        }
    }
}

#[async_trait]
impl Vm for Running {
    fn console(&self) -> Arc<Console> {
        self.console.clone()
    }

    fn processes(&self) -> Vec<ProcessId> {
        vec![ProcessId { pid: self.guest.pid, start_ticks: 0 }]
    }

    async fn wait(&mut self) -> VmExit {
        self.exit(true).await
    }

    async fn kill(&mut self) -> VmExit {
        let _ = self.child.start_kill();
        self.exit(false).await
    }
}

impl Guest {
    /// How often the CLI was started again.
    pub(crate) fn attempts(&self) -> usize {
        *self.attempts.borrow()
    }

    /// From now on the terminal asks for codes.
    pub(crate) fn takes_codes(&self) {
        self.takes_codes.send_replace(true);
    }

    /// The agent tells the host something.
    pub(crate) fn tells(&self, body: EventBody) {
        self.events.send_modify(|events| {
            let mut event = serde_json::to_value(body).unwrap();
            event["number"] = (events.len() + 1).into();
            event["uptime_ns"] = 1.into();
            events.push(event);
        });
    }

    fn has_desktop(&self) -> bool {
        self.events.borrow().iter().any(|event| event["type"] == "desktop_ready")
    }

    /// The number of the last event that the host has said is safe, once it is at least this.
    pub(crate) async fn acknowledged(&self, number: u64) {
        self.acknowledged.subscribe().wait_for(|through| *through >= number).await.unwrap();
    }

    /// What the host asked to be signed in, once it has asked.
    pub(crate) async fn sign_in(&self) -> SignInSpec {
        self.sign_in.subscribe().wait_for(Option::is_some).await.unwrap().clone().unwrap()
    }

    /// Puts files where the host fetches them, and says so.
    pub(crate) fn captures(&self, session: SessionId, provider: &str, files: &[(&str, &str)]) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let file = |(path, contents): &(&str, &str)| {
            json!({ "path": path, "mode": 0o600, "modified_unix_ms": 1_800_000_000_000_u64,
                    "contents": STANDARD.encode(contents) })
        };
        let files: Vec<Value> = files.iter().map(file).collect();
        *self.credentials.lock().unwrap() =
            json!({ "session": session, "provider": provider, "generation": 1, "files": files });
        self.tells(EventBody::CredentialsCaptured { session, generation: 1 });
    }

    pub(crate) async fn prints(&self, text: &str) {
        self.console.lock().await.write_all(text.as_bytes()).await.unwrap();
    }

    /// The guest ends by itself.
    pub(crate) fn dies(&self) {
        let pid = nix::unistd::Pid::from_raw(self.pid);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }

    pub(crate) fn is_running(&self) -> bool {
        Path::new(&format!("/proc/{}", self.pid)).exists()
    }
}

async fn serve(listener: UnixListener, guest: Arc<Guest>) {
    let app = agent(guest.clone());
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, app.clone(), guest.clone()));
    }
}

async fn answer(mut stream: UnixStream, app: Router, guest: Arc<Guest>) {
    let mut line = [0; 13];
    if stream.read_exact(&mut line).await.is_err() {
        return;
    }
    match &line {
        b"CONNECT 1024\n" => {}
        b"CONNECT 1026\n" => return guest.stream.pipe(stream).await,
        _ => return,
    }
    if stream.write_all(b"OK 1\n").await.is_err() {
        return;
    }
    let service = TowerToHyperService::new(app);
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = connection.with_upgrades().await;
}

fn agent(guest: Arc<Guest>) -> Router {
    Router::new()
        .route("/hello", get(hello))
        .route("/clock", put(|| async { StatusCode::NO_CONTENT }))
        .route("/events", get(events))
        .route("/events/ack", post(acknowledge))
        .route("/sign-in", post(sign_in))
        .route("/sign-in/again", post(again))
        .route("/sign-in/callback", post(callback))
        .route("/sign-in/code", post(code))
        .route("/sign-in/credentials", get(credentials))
        .route("/sign-in/open-url", post(open_url))
        .route("/connect/{port}", get(connect))
        .route("/exec", get(programs::exec))
        .merge(stream::routes())
        .merge(chatter::routes())
        .layer(middleware::from_fn_with_state(guest.clone(), note_trace))
        .with_state(guest)
}

async fn note_trace(State(guest): State<Arc<Guest>>, request: Request, next: Next) -> Response {
    if let Some(parent) = request.headers().get("traceparent") {
        let (path, parent) = (request.uri().path().to_owned(), parent.to_str().unwrap().to_owned());
        guest.traced.lock().unwrap().push((path, parent));
    }
    next.run(request).await
}

async fn hello(State(guest): State<Arc<Guest>>) -> Json<Hello> {
    Json(Hello {
        protocol: ProtocolVersion::CURRENT,
        agent_version: "stage".into(),
        vm: Some(guest.spec.id),
        boot_id: String::new(),
        uptime_ns: 1,
    })
}

async fn events(State(guest): State<Arc<Guest>>, Query(query): Query<Vec<(String, usize)>>) -> Body {
    let after = query.first().map_or(0, |(_, after)| *after);
    let events = guest.events.subscribe();
    let stream = futures_util::stream::unfold((events, after), |(mut events, told)| async move {
        let event = events.wait_for(|events| events.len() > told).await.ok()?[told].clone();
        Some((Ok::<_, std::io::Error>(format!("{event}\n")), (events, told + 1)))
    });
    Body::from_stream(stream)
}

async fn acknowledge(State(guest): State<Arc<Guest>>, Json(body): Json<Value>) -> StatusCode {
    guest.acknowledged.send_replace(body["through"].as_u64().unwrap());
    StatusCode::NO_CONTENT
}

async fn sign_in(State(guest): State<Arc<Guest>>, Json(spec): Json<SignInSpec>) -> Response {
    if let Some(problem) = guest.refuses_sign_in.lock().unwrap().clone() {
        return (StatusCode::CONFLICT, Json(json!({ "error": problem }))).into_response();
    }
    guest.sign_in.send_replace(Some(spec));
    StatusCode::ACCEPTED.into_response()
}

/// Takes only the code `good`, as a CLI whose provider refuses every other one.
async fn callback(Json(pasted): Json<PastedCallback>) -> Response {
    let url = pasted.url.expose_str().unwrap_or_default().to_owned();
    if url.contains("state=other") {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "its state differs" }))).into_response();
    }
    let accepted = url.contains("code=good");
    Json(CallbackVerdict { accepted, status: if accepted { 302 } else { 400 } }).into_response()
}

async fn code(State(guest): State<Arc<Guest>>, Json(pasted): Json<PastedCode>) -> Response {
    if !*guest.takes_codes.borrow() {
        return (StatusCode::CONFLICT, Json(json!({ "error": "no code is asked for" }))).into_response();
    }
    guest.codes.lock().unwrap().push(pasted.code.expose_str().unwrap().trim().to_owned());
    StatusCode::NO_CONTENT.into_response()
}

async fn again(State(guest): State<Arc<Guest>>) -> StatusCode {
    guest.attempts.send_modify(|attempts| *attempts += 1);
    StatusCode::ACCEPTED
}

async fn credentials(State(guest): State<Arc<Guest>>) -> Json<Value> {
    Json(guest.credentials.lock().unwrap().clone())
}

async fn open_url(State(guest): State<Arc<Guest>>, Json(body): Json<Value>) -> StatusCode {
    guest.opened.lock().unwrap().push(body["url"].as_str().unwrap().to_owned());
    StatusCode::NO_CONTENT
}

/// A VNC server that greets and then gives every byte back.
async fn connect(request: Request) -> Response {
    if request.uri().path() != "/connect/5900" {
        return (StatusCode::BAD_GATEWAY, Json(json!({ "error": "nothing listens there" }))).into_response();
    }
    tokio::spawn(async {
        let mut stream = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        stream.write_all(b"RFB 003.008\n").await.unwrap();
        let (mut read, mut write) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "tcp")]).into_response()
}

/// Programs that an image would have.
pub(crate) fn programs() -> BTreeSet<String> {
    ["codex", "claude", "anteroom-demo"].map(str::to_owned).into()
}
