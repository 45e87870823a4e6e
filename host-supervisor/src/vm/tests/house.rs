//! A place to run VMs in: a store, directories, and an agent whose part the test plays.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use anteroom_protocol::{Event, ProtocolVersion, VmId, desk::Directions, event::Acknowledge};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
    routing::{get, post, put},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};

use crate::{
    host_memory::Source,
    images::ResolvedImage,
    net::{HostNetwork, HostNetworkSettings, Network},
    snapshots::Shelf,
    store::{Store, VmRecord},
    vault::{MasterKey, Vault},
    vm::{
        AckGuard, HibernateAfter, LaunchBounds, Limits, VmEvent, VmHandle, VmKind, VmRequest, VmSettings,
        VmStarter, VmStatus,
    },
    vmm::{
        BootFiles, ProcessId,
        fake::{FakeVmm, Restoring},
    },
};

/// A guest that boots, and powers off when its agent is told to.
pub(super) const LIVES: &str = "echo booting; until [ -e power-off ]; do sleep 0.01; done";

const LIMITS: Limits = Limits {
    boot: Duration::from_millis(1500),
    restore: Duration::from_millis(800),
    desktop: Duration::from_millis(1500),
    silence: Duration::from_millis(800),
    power_off: Duration::from_millis(500),
};

/// Guests that never have a desktop are no hindrance to others.
const MANY_AT_ONCE: LaunchBounds = LaunchBounds { at_once: NonZeroUsize::new(100).unwrap(), most_waiting: 0 };

pub(super) struct House {
    scratch: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) starter: Arc<VmStarter>,
    pub(super) vmm: Arc<FakeVmm>,
    pub(super) agent: Arc<Agent>,
    vault: Arc<Vault>,
    hibernate_after: Option<Duration>,
}

impl House {
    /// Every guest in it is this shell script.
    pub(super) async fn new(script: &str) -> Self {
        Self::built(script, None, MANY_AT_ONCE).await
    }

    /// The same, and so many are launched at once, and may wait for that.
    pub(super) async fn launching(script: &str, at_once: usize, most_waiting: usize) -> Self {
        let at_once = NonZeroUsize::new(at_once).unwrap();
        Self::built(script, None, LaunchBounds { at_once, most_waiting }).await
    }

    /// From now on snapshots turn out to be like this.
    pub(super) fn restoring(&self, restoring: Restoring) {
        *self.vmm.restoring.lock().unwrap() = restoring;
    }

    /// The same, and every guest gets a place in this network.
    pub(super) async fn on_network(script: &str, settings: HostNetworkSettings) -> Self {
        Self::built(script, Some(settings), MANY_AT_ONCE).await
    }

    /// As [`House::new`], and whoever is left alone for so long hibernates.
    pub(super) async fn hibernating_after(script: &str, time: Duration) -> Self {
        Self { hibernate_after: Some(time), ..Self::new(script).await }.with_the_next_daemon()
    }

    /// With another daemon, which knows what is in the store and in the directories only.
    pub(super) fn with_the_next_daemon(self) -> Self {
        let settings = self.settings();
        let starter = VmStarter::new(Arc::clone(&self.vmm) as _, self.store.clone(), None, settings);
        Self { starter: Arc::new(starter), ..self }
    }

    async fn built(script: &str, settings: Option<HostNetworkSettings>, launches: LaunchBounds) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let store = Store::open(scratch.path()).await.unwrap();
        let vms = scratch.path().join("vms");
        let agent = Arc::new(Agent::new());
        let vmm = Arc::new(FakeVmm { agent: Arc::clone(&agent).application(), ..FakeVmm::default() });
        let disk_templates = scratch.path().join("disks");
        let network = match settings {
            Some(settings) => Some(HostNetwork::open(settings, store.clone()).await.unwrap()),
            None => None,
        };
        let snapshots = Some(Arc::new(Shelf::new(scratch.path().join("snapshots"))));
        let limits = Some(LIMITS);
        let vault = Arc::new(Vault::new(&MasterKey::random().unwrap()));
        let settings = VmSettings {
            directory: vms,
            disk_templates,
            snapshots,
            limits,
            launches,
            vault: Some(Arc::clone(&vault)),
            hibernate_after: HibernateAfter::default(),
        };
        let starter = Arc::new(VmStarter::new(Arc::clone(&vmm) as _, store.clone(), network, settings));
        std::fs::write(scratch.path().join("kernel"), script).unwrap();
        Self { scratch, store, starter, vmm, agent, vault, hibernate_after: None }
    }

    /// As the kernel of the machine tells it that this house stands on; at first it tells nothing.
    pub(super) fn host_memory(&self) -> Source {
        Source(self.scratch.path().join("proc"))
    }

    pub(super) fn has_memory(&self, available_mib: u64, stalls_percent: f64) {
        let Source(proc) = self.host_memory();
        std::fs::create_dir_all(proc.join("pressure")).unwrap();
        let meminfo = format!("MemAvailable: {} kB\n", available_mib * 1024);
        std::fs::write(proc.join("meminfo"), meminfo).unwrap();
        let pressure = format!("some avg10={stalls_percent:.2} avg60=0.00 avg300=0.00 total=0\n");
        std::fs::write(proc.join("pressure/memory"), pressure).unwrap();
    }

    pub(super) fn kernel(&self) -> PathBuf {
        self.scratch.path().join("kernel")
    }

    pub(super) fn settings(&self) -> VmSettings {
        let (directory, disk_templates) =
            (self.scratch.path().join("vms"), self.scratch.path().join("disks"));
        let limits = Some(LIMITS);
        VmSettings {
            directory,
            disk_templates,
            snapshots: None,
            limits,
            launches: MANY_AT_ONCE,
            vault: Some(Arc::clone(&self.vault)),
            hibernate_after: HibernateAfter { browser: self.hibernate_after, cli: self.hibernate_after },
        }
    }

    pub(super) async fn start(&self) -> Tenant {
        let (sender, events) = mpsc::channel(8);
        Tenant { handle: self.starter.start(self.request(), sender), events }
    }

    pub(super) fn request(&self) -> VmRequest {
        let image = ResolvedImage {
            profile: "test".into(),
            digest: "sha256:0".into(),
            boot: BootFiles { kernel: self.kernel(), initrd: None, agent: Some(self.kernel()) },
            layers: Vec::new(),
        };
        VmRequest {
            id: VmId::random(),
            session: None,
            user: None,
            kind: VmKind::Browser,
            vcpus: 1,
            memory_mib: 512,
            disk_mib: 64,
            image,
            network: Network::None,
            clipboard: Directions::BOTH,
            golden: false,
        }
    }

    /// What is in the directory of VMs.
    pub(super) fn directories(&self) -> Vec<String> {
        names(&self.settings().directory)
    }

    pub(super) fn files_of(&self, vm: VmId) -> Vec<String> {
        names(&self.settings().directory.join(vm.to_string()))
    }

    /// As a daemon that is killed leaves a VM in which nothing is amiss.
    pub(super) async fn leave_alive(&self) -> VmRecord {
        let process = self.leave_behind(true).await;
        process.kill();
        let [record] = &mut self.store.vm_living().await.unwrap()[..] else { panic!("one VM") };
        let output = |kind: &str| {
            let path = record.directory.join(format!("sh.{kind}"));
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
            std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap()
        };
        let mut child = std::process::Command::new("/bin/sh")
            .arg(self.kernel())
            .current_dir(&record.directory)
            .stdout(output("out"))
            .stderr(output("err"))
            .spawn()
            .unwrap();
        let process = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        std::thread::spawn(move || child.wait());
        std::fs::write(record.directory.join("console.log"), "BIOS\n").unwrap();
        // Of the daemon that is gone.
        std::fs::write(record.directory.join("v.sock_1025"), "").unwrap();
        self.store.vm_set_processes(record.id, &[process]).await.unwrap();
        record.processes = vec![process];
        record.clone()
    }

    /// As a daemon that is killed leaves a VM: in the store, with its directory and its process, which is in the store
    /// too unless the daemon died a moment earlier.
    pub(super) async fn leave_behind(&self, written_down: bool) -> ProcessId {
        let id = VmId::random();
        let directory = self.settings().directory.join(id.to_string());
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("disk.img"), "").unwrap();
        let record = VmRecord {
            id,
            session_id: None,
            user_id: None,
            kind: VmKind::Browser,
            status: VmStatus::Running,
            directory: directory.clone(),
            vcpus: 1,
            memory_mib: 512,
            image_digest: String::new(),
            created_at: OffsetDateTime::now_utc(),
            ended_at: None,
            failure: None,
            processes: Vec::new(),
            timeline: None,
            machine: None,
            used_at: None,
        };
        self.store.vm_create(&record).await.unwrap();
        let elsewhere = self.scratch.path();
        let working_directory = if written_down { elsewhere } else { &directory };
        let mut child =
            std::process::Command::new("sleep").arg("600").current_dir(working_directory).spawn().unwrap();
        let process = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        std::thread::spawn(move || child.wait());
        if written_down {
            self.store.vm_set_processes(id, &[process]).await.unwrap();
        }
        process
    }
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Who has asked for a VM.
pub(super) struct Tenant {
    pub(super) handle: VmHandle,
    pub(super) events: mpsc::Receiver<VmEvent>,
}

impl Tenant {
    pub(super) async fn until(&mut self, status: VmStatus) {
        let mut state = self.handle.state();
        let reached = state.wait_for(|state| state.status == status || state.failure.is_some());
        let failure = within(reached).await.unwrap().failure.clone();
        assert_eq!(failure, None);
    }

    pub(super) async fn event(&mut self) -> (Event, AckGuard) {
        let VmEvent { event, guard, .. } = within(self.events.recv()).await.unwrap();
        (event, guard)
    }
}

pub(super) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what).await.expect("it takes too long")
}

pub(super) fn mark(name: &str, uptime_ns: u64) -> Value {
    json!({ "type": "mark", "name": name, "uptime_ns": uptime_ns })
}

/// The agent of all guests of a house.
#[derive(Debug)]
pub(super) struct Agent {
    version: Mutex<ProtocolVersion>,
    silent: watch::Sender<bool>,
    events: watch::Sender<Vec<Value>>,
    streams: watch::Sender<u64>,
    acknowledged: watch::Sender<u64>,
    powered_off: watch::Sender<bool>,
    /// Which VM its guest takes itself for.
    pub(super) vm: Mutex<Option<VmId>>,
    /// As whom clones were told to go on.
    pub(super) resumed: Mutex<Vec<Value>>,
    /// What guests were told that came from the disk.
    pub(super) woken: Mutex<Vec<Value>>,
}

impl Agent {
    fn new() -> Self {
        Self {
            version: Mutex::new(ProtocolVersion::CURRENT),
            silent: watch::Sender::default(),
            events: watch::Sender::default(),
            streams: watch::Sender::default(),
            acknowledged: watch::Sender::default(),
            powered_off: watch::Sender::default(),
            vm: Mutex::default(),
            resumed: Mutex::default(),
            woken: Mutex::default(),
        }
    }

    /// An event; its number is its place.
    pub(super) fn say(&self, mut event: Value) {
        self.events.send_modify(|events| {
            event["number"] = (events.len() + 1).into();
            event.as_object_mut().unwrap().entry("uptime_ns").or_insert(0.into());
            events.push(event);
        });
    }

    pub(super) fn speak(&self, version: ProtocolVersion) {
        *self.version.lock().unwrap() = version;
    }

    pub(super) fn fall_silent(&self) {
        self.silent.send_replace(true);
    }

    pub(super) fn break_streams(&self) {
        self.streams.send_modify(|streams| *streams += 1);
    }

    pub(super) fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    pub(super) async fn until_acknowledged(&self, through: u64) {
        self.acknowledged.subscribe().wait_for(|acknowledged| *acknowledged == through).await.unwrap();
    }

    pub(super) fn was_powered_off(&self) -> bool {
        *self.powered_off.borrow()
    }

    fn application(self: Arc<Self>) -> Router {
        Router::new()
            .route("/hello", get(hello))
            .route("/clock", put(|| async { StatusCode::NO_CONTENT }))
            .route("/freeze", post(|| async { StatusCode::NO_CONTENT }))
            .route("/resume", put(resume))
            .route("/doze", post(|| async { StatusCode::NO_CONTENT }))
            .route("/wake", put(wake))
            .route("/events", get(events))
            .route("/events/ack", post(acknowledge))
            .route("/power-off", post(power_off))
            .with_state(self)
    }
}

async fn resume(State(agent): State<Arc<Agent>>, Json(body): Json<Value>) -> Json<Value> {
    agent.resumed.lock().unwrap().push(body);
    hello(State(agent)).await
}

async fn wake(State(agent): State<Arc<Agent>>, Json(body): Json<Value>) -> Json<Value> {
    agent.woken.lock().unwrap().push(body);
    hello(State(agent)).await
}

async fn hello(State(agent): State<Arc<Agent>>) -> Json<Value> {
    if *agent.silent.borrow() {
        std::future::pending::<()>().await;
    }
    let (version, vm) = (*agent.version.lock().unwrap(), *agent.vm.lock().unwrap());
    Json(
        json!({ "protocol": version, "agent_version": "1", "vm": vm, "boot_id": "b", "uptime_ns": 5_000_000 }),
    )
}

#[derive(serde::Deserialize)]
struct After {
    after: usize,
}

async fn events(State(agent): State<Arc<Agent>>, Query(After { after }): Query<After>) -> Body {
    let (news, mut streams) = (agent.events.subscribe(), agent.streams.subscribe());
    streams.mark_unchanged();
    let lines =
        futures_util::stream::unfold((news, streams, after), |(mut news, mut streams, after)| async move {
            let said = tokio::select! {
                said = news.wait_for(|events| events.len() > after) => said.ok()?[after].to_string(),
                // The end of the stream.
                _ = streams.changed() => return None,
            };
            Some((Ok::<_, std::io::Error>(said + "\n"), (news, streams, after + 1)))
        });
    Body::from_stream(lines)
}

async fn acknowledge(State(agent): State<Arc<Agent>>, Json(body): Json<Acknowledge>) -> StatusCode {
    agent.acknowledged.send_replace(body.through);
    StatusCode::NO_CONTENT
}

async fn power_off(State(agent): State<Arc<Agent>>, Extension(directory): Extension<PathBuf>) -> StatusCode {
    agent.powered_off.send_replace(true);
    std::fs::write(directory.join("power-off"), "").unwrap();
    StatusCode::ACCEPTED
}
