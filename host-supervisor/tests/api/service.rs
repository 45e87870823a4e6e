//! A whole daemon in the test's process, on a port of its own, with a [`Stage`] for a VMM; and a client of its API.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use anteroom::{
    config::{Changes, Config, Environment, Layers},
    daemon::{Daemon, Machine, ReloadError, Reloader, ServiceManager, Stop},
    images::ResolvedImage,
    vault::KeyTexts,
    vmm::BootFiles,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::guest::{self, Guest, Stage};

/// Longer than anything here takes, so that a test that hangs says where.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running daemon.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) key: String,
    pub(crate) stage: Arc<Stage>,
    pub(crate) http: Client,
    pub(crate) state: Arc<tempfile::TempDir>,
    reloader: Mutex<Reloader>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// What an answer was.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings beside the usual ones.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::in_directory(Arc::new(tempfile::tempdir().unwrap()), settings).await
    }

    pub(crate) async fn in_directory(state: Arc<tempfile::TempDir>, settings: &[(&str, &str)]) -> Self {
        Self::under(ServiceManager::default(), state, settings).await
    }

    pub(crate) async fn under(
        manager: ServiceManager,
        state: Arc<tempfile::TempDir>,
        settings: &[(&str, &str)],
    ) -> Self {
        log();
        let config = config(state.path(), settings);
        let stage = Arc::new(Stage::default());
        let machine = machine(stage.clone());
        let daemon = Daemon::start_under(manager, &config, machine, KeyTexts::default()).await.unwrap();
        let (address, admin) = (daemon.address(), daemon.admin_address());
        let reloader = Mutex::new(daemon.reloader(&config));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
                Stop::End
            };
            daemon.run(stopped).await;
        });
        let key = std::fs::read_to_string(state.path().join("api-key")).unwrap().trim().to_owned();
        let http =
            Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { address, admin, key, stage, http, state, reloader, stop: Some(stop), serving }
    }

    /// The configuration of another daemon in the same state directory.
    pub(crate) fn config(&self, settings: &[(&str, &str)]) -> Config {
        config(self.state.path(), settings)
    }

    /// As SIGHUP does when these settings are found then.
    pub(crate) fn reload(&self, settings: &[(&str, &str)]) -> Result<Changes, ReloadError> {
        self.reloader.lock().unwrap().apply(self.config(settings))
    }

    pub(crate) fn machine(&self) -> Machine {
        machine(self.stage.clone())
    }

    /// As SIGTERM does.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        tokio::time::timeout(PATIENCE, &mut self.serving).await.expect("the daemon stops").unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without any key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth(&self.key)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).bearer_auth(&self.key).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path).bearer_auth(&self.key)).await
    }

    /// Starts a session of the demo provider; returns its id and its guest.
    pub(crate) async fn session(&self, user: &str) -> (String, Arc<Guest>) {
        let started = self.post("/api/auth/start", &json!({ "userId": user, "provider": "demo" })).await;
        assert_eq!(started.status, StatusCode::OK, "{}", started.text);
        let id = started.body["sessionId"].as_str().unwrap().to_owned();
        let guest = self.guest_of(&id).await;
        (id, guest)
    }

    /// The guest of a session that somebody else has started.
    pub(crate) async fn guest_of(&self, session: &str) -> Arc<Guest> {
        let vm = self.get(&format!("/api/auth/session/{session}")).await.body["session"]["vm_id"].take();
        self.stage.guest_of(vm.as_str().expect("a VM")).await
    }

    /// Waits for a status and returns the session.
    pub(crate) async fn until(&self, session: &str, status: &str) -> Value {
        let wait = async {
            let mut known = "initializing".to_owned();
            loop {
                let path = format!("/api/auth/session/{session}?status={known}&wait=10");
                let session = self.get(&path).await.body["session"].take();
                known = session["status"].as_str().expect("a session").to_owned();
                if known == status {
                    return session;
                }
                let over = ["completed", "failed", "timeout", "cancelled"].contains(&known.as_str());
                assert!(!over, "{session:#}");
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("the session is never {status}"))
    }

    /// Waits until an attempt to sign in has failed, and returns the session.
    pub(crate) async fn attempt_failed(&self, session: &str) -> Value {
        let wait = async {
            let mut revision = 0;
            loop {
                let path = format!("/api/auth/session/{session}?revision={revision}&wait=10");
                let session = self.get(&path).await.body["session"].take();
                revision = session["revision"].as_u64().expect("a living session");
                if !session["attempt_failure"].is_null() {
                    return session;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("no attempt fails")
    }

    /// Waits until the VM is gone, and returns it.
    pub(crate) async fn vm_gone(&self, vm: &str) -> Value {
        let wait = async {
            loop {
                let vm = self.get(&format!("/api/vms/{vm}")).await.body["vm"].take();
                if vm["status"] == "destroyed" || vm["status"] == "failed" {
                    return vm;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the VM goes")
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

fn machine(stage: Arc<Stage>) -> Machine {
    let image = ResolvedImage {
        profile: "test".into(),
        digest: "sha256:0".into(),
        boot: BootFiles {
            kernel: "/none/vmlinuz".into(),
            initrd: Some("/none/initrd".into()),
            agent: Some("/none/agent.erofs".into()),
        },
        layers: vec![PathBuf::from("/none/debian.erofs")],
    };
    Machine {
        vmm: stage,
        cli_image: Ok(image.clone()),
        image,
        programs: guest::programs(),
        leases: Vec::new(),
    }
}

fn config(state: &std::path::Path, settings: &[(&str, &str)]) -> Config {
    let at = |name: &str| state.join(name).display().to_string();
    let usual = [
        ("listen", "127.0.0.1:0".to_owned()),
        ("state_dir", state.display().to_string()),
        ("image_dir", at("images")),
        ("providers_dir", at("providers")),
        ("vm.disk_mib", "64".to_owned()),
        ("vm.max", "4".to_owned()),
        ("launch.at_once", "4".to_owned()),
    ];
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let flags: Vec<(String, String)> = usual
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(settings.iter().map(owned))
        .collect();
    Config::load(&Layers::gather(&Environment::new(), None, &flags).unwrap()).unwrap()
}

/// Everything that is logged in this process, at the most talkative level.
pub(crate) fn log() -> String {
    static LOG: OnceLock<Log> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    });
    String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
