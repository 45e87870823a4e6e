//! The composition root: builds everything from the configuration, serves, and takes everything down again.
//!
//! ```text
//!  state directory ─▶ lock ─▶ store, keys ─▶ sockets bound ─▶ what a dead daemon left: VMs taken over, the rest swept ─▶ serving
//!                                                                                          │ SIGTERM
//!                              everything given back ◀─ VMs gone ◀─ sessions ended ◀───────┤
//!                                   nothing touched: the next daemon takes the VMs over ◀──┘ SIGUSR2
//! ```
//! What can be wrong is found before the first VM: a port that is taken, a key that others can read, an image that is
//! not built.

pub(crate) mod backend;
mod capacity;
mod chosen;
mod doors;
pub(crate) mod golden;
mod listener;
mod lock;
mod machine;
mod prompts;
pub mod remnants;
pub mod rotation;
mod server;
mod service_manager;
mod settings;
pub(crate) mod tls;

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anteroom_guest_image::Lease;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    agent,
    api::{
        Api, ApiSettings, ApiState, Decisions, RateLimit,
        access::{Access, AccessError},
    },
    audit::{self, AuditWriter},
    config::{Config, Environment},
    live::Live,
    media::{Media, MediaError},
    metrics,
    net::{HostNetwork, HostNetworkError},
    prompt::Prompts,
    providers::{Providers, ProvidersError},
    session::{Resumed, Sessions},
    store::{Store, StoreError},
    traces::{ExporterError, Traces},
    vault::{KeyError, KeyRing, KeyTexts, Vault},
    vm::{TakenOver, VmSettings, VmStarter, keeper::Keeper},
    webhook::{Courier, Schedule, Tidy, Webhook, WebhookError},
};
use chosen::{
    admission, audit_keep, guest_network, hibernate_after, keepers, launch_bounds, session_settings,
    vm_settings,
};
pub(crate) use chosen::{shelf, vm_template};
use doors::Doors;
pub use listener::{ListenError, own_address, reachable};
pub use lock::LockError;
pub use machine::{Machine, MachineError, layer_inputs, recipe};
pub(crate) use machine::{find_image, image_programs, qemu_settings};
use service_manager::State;
pub use service_manager::{ServiceManager, ServiceManagerError, SocketError};
pub use settings::{Note, ReloadError, Reloader, Rereading};
pub use tls::TlsError;
pub(crate) use tls::chain as certificates;

/// How long sessions and their VMs may take to end when the daemon is stopped.
const END_PATIENCE: Duration = Duration::from_secs(20);
/// How long requests that are being answered may take then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// Everything is built and the socket is bound; nothing is served yet.
#[derive(Debug)]
pub struct Daemon {
    doors: Doors,
    api: Arc<Api>,
    sessions: Sessions,
    store: Store,
    audit_writer: AuditWriter,
    audit_keep: Arc<Live<Duration>>,
    courier: Option<Courier>,
    tidy: Tidy,
    keepers: Vec<Keeper>,
    prompts: Prompts,
    manager: ServiceManager,
    // Given back last.
    _images: Vec<Lease>,
    _lock: lock::Lock,
}

#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("{path}")]
    Directory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Traces(#[from] ExporterError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Providers(#[from] ProvidersError),
    #[error("the setting network.extra_ca names {path}")]
    ExtraCa {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the image {profile} has the programs of no provider")]
    NothingToOffer { profile: String },
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("the guests' network")]
    HostNetwork(#[from] HostNetworkError),
    #[error("serving the API")]
    Serve(#[source] io::Error),
}

/// How a daemon is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its sessions end, and their VMs with them.
    End,
    /// Everything stays as it is, for the next daemon. The process has to be ended without any further ado, because its VMs end
    /// with the values that stand for them.
    HandOver,
}

/// Serves until `shutdown`, and says how that was. `ready` hears where as soon as it serves. Where `rereading` says how, other
/// settings are taken meanwhile.
///
/// # Errors
/// With what is in the way.
pub async fn run(
    config: &Config,
    environment: &Environment,
    manager: ServiceManager,
    machine: Machine,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = Stop> + Send + 'static,
    rereading: Option<Rereading>,
) -> Result<Stop, DaemonError> {
    let daemon = Daemon::start_under(manager, config, machine, KeyTexts::of(environment)).await?;
    let stop = CancellationToken::new();
    let rereading =
        rereading.map(|rereading| tokio::spawn(rereading.run(daemon.reloader(config), stop.clone())));
    ready(daemon.address());
    daemon.manager.tell(&[State::Ready]);
    let how = daemon.run(shutdown).await;
    stop.cancel();
    if let Some(rereading) = rereading {
        // A panic of its own has been logged.
        let _ = rereading.await;
    }
    Ok(how)
}

impl Daemon {
    /// Builds everything and removes what a daemon that was killed has left.
    ///
    /// # Errors
    /// With what is in the way; nothing is left running.
    pub async fn start(
        config: &Config,
        machine: Machine,
        key_texts: KeyTexts<'_>,
    ) -> Result<Self, DaemonError> {
        Self::start_under(ServiceManager::default(), config, machine, key_texts).await
    }

    /// The same under a service manager, on the socket that it hands down: that one counts, whatever is configured.
    ///
    /// # Errors
    /// With what is in the way; nothing is left running.
    pub async fn start_under(
        mut manager: ServiceManager,
        config: &Config,
        machine: Machine,
        key_texts: KeyTexts<'_>,
    ) -> Result<Self, DaemonError> {
        metrics::start();
        make_private_directory(&config.state_dir)?;
        let lock = lock::Lock::take(&config.state_dir, &format!("listens on {}", config.listen))?;
        let webhook = config.webhook.as_ref().map(Webhook::new).transpose()?.map(Arc::new);
        let traces = Traces::open(config.otlp.as_ref())?;
        let written = Arc::new(Notify::new());
        let mut store = Store::open(&config.state_dir).await?;
        if webhook.is_some() {
            store = store.announcing(Arc::clone(&written));
        }
        let ring = KeyRing::load(&config.state_dir, key_texts)?;
        let doors = Doors::open(config, manager.socket.take()).await?;
        let address = doors.address;
        let media = Media::open(config, address).await?;
        let access = Arc::new(Access::open(config, address.port(), &ring.present, store.clone()).await?);
        let providers = Providers::load(&config.providers_dir)?.offered_by(&machine.programs);
        if providers.offered().is_empty() {
            return Err(DaemonError::NothingToOffer { profile: machine.image.profile });
        }
        let vault = Arc::new(Vault::of(&ring));
        let network = guest_network(config, &machine.vmm.capabilities());
        let host_network = match config.network.host.clone() {
            Some(settings) => Some(HostNetwork::open(settings, store.clone()).await?),
            None => None,
        };
        let vm_settings = VmSettings { vault: Some(Arc::clone(&vault)), ..vm_settings(config) };
        let vms = Arc::new(VmStarter::new(machine.vmm, store.clone(), host_network, vm_settings));
        let recovered = vms.recover().await?;
        let session_settings = session_settings(config, machine.image.clone(), network.clone())?;
        let prompt_settings = prompts::settings(config, machine.cli_image, network, &session_settings);
        let keepers = keepers(config, &session_settings, &prompt_settings, &vms);
        let sessions = Sessions::new(store.clone(), Arc::clone(&vault), Arc::clone(&vms), session_settings);
        let prompts = Prompts::new(store.clone(), Arc::clone(&vault), Arc::clone(&vms), prompt_settings);
        take_over(recovered.taken, &sessions, &prompts).await?;
        let (courier, tidy) = outbox(&store, &vault, webhook.clone(), written);
        let keep = Arc::new(Live::new(audit_keep(config)));
        let settings = Arc::new(Live::new(ApiSettings::of(config)));
        let (audit, audit_writer) = audit::audit(store.clone(), Arc::clone(&keep));
        let api = Api {
            sessions: sessions.clone(),
            prompts: prompts.clone(),
            store: store.clone(),
            vault,
            vms,
            providers,
            image: machine.image,
            access,
            media,
            webhook,
            audit,
            traces,
            rate: RateLimit::new(Arc::clone(&settings)),
            settings,
            started: Instant::now(),
            state: ApiState::default(),
        };
        api.rate.tidy();
        let (_images, _lock) = (machine.leases, lock);
        Ok(Self {
            doors,
            api: Arc::new(api),
            sessions,
            store,
            audit_writer,
            audit_keep: keep,
            courier,
            tidy,
            keepers,
            prompts,
            manager,
            _images,
            _lock,
        })
    }

    /// What brings it other settings than these, with which it was started.
    #[must_use]
    pub fn reloader(&self, config: &Config) -> Reloader {
        Reloader {
            started: config.clone(),
            current: config.clone(),
            waiting: Vec::new(),
            decisions: Decisions::of(&self.api),
            sessions: self.sessions.clone(),
            prompts: self.prompts.clone(),
            vms: Arc::clone(&self.api.vms),
            audit_keep: Arc::clone(&self.audit_keep),
            webhook: self.api.webhook.clone(),
            tls: self.doors.tls.clone(),
        }
    }

    /// Where the API is, with the real port when the configuration asked for any.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.doors.address
    }

    /// Where the operators' routes are, when they are not with the others.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.doors.admin_address()
    }

    /// Serves until `shutdown`, then ends every session and waits until their VMs are gone, unless they are handed over.
    pub async fn run(self, shutdown: impl Future<Output = Stop> + Send + 'static) -> Stop {
        let stop = CancellationToken::new();
        let (access, address) = (Arc::clone(&self.api.access), self.doors.address);
        let api_over = self.api.state.over();
        let traces = self.api.traces.clone();
        let mut servers = self.doors.serve(&self.api, &stop);
        drop(self.api);
        let stop_outbox = CancellationToken::new();
        let audit_writer = tokio::spawn(self.audit_writer.run(stop_outbox.clone()));
        let note_uses = tokio::spawn(access.note_uses(stop_outbox.clone()));
        let courier = self.courier.map(|courier| tokio::spawn(courier.run(stop_outbox.clone())));
        let keep_small = tokio::spawn(metrics::keep_small());
        let tidy = tokio::spawn(self.tidy.run(stop_outbox.clone()));
        let keepers = self.keepers.into_iter().map(|keeper| tokio::spawn(keeper.run(stop_outbox.clone())));
        let keepers: Vec<_> = keepers.collect();
        let tidy_prompts = tokio::spawn(self.prompts.clone().tidy(stop_outbox.clone()));
        let pulse = self.manager.pulse(self.store.clone(), self.sessions.clone());
        let pulse = pulse.map(|pulse| tokio::spawn(pulse.run(stop_outbox.clone())));
        tracing::info!(%address, "serving");
        let how = shutdown.await;
        self.manager.tell(&[State::Stopping]);
        match how {
            Stop::End => {
                tracing::info!("stopping");
                self.prompts.shut_down(END_PATIENCE).await;
                self.sessions.shut_down(END_PATIENCE).await;
            }
            Stop::HandOver => tracing::info!("handing over: the VMs stay for the next daemon"),
        }
        stop.cancel();
        api_over.cancel();
        // Who is late with a request, or reads too slowly, gets no answer.
        let _ = tokio::time::timeout(ANSWER_PATIENCE, async { while servers.join_next().await.is_some() {} })
            .await;
        servers.shutdown().await;
        keep_small.abort();
        stop_outbox.cancel();
        let others = [tidy, tidy_prompts, audit_writer, note_uses];
        for task in courier.into_iter().chain(others).chain(keepers).chain(pulse) {
            // It stops at once; a panic of its own has been logged.
            let _ = task.await;
        }
        traces.close().await;
        match how {
            Stop::End => self.store.close().await,
            Stop::HandOver => {
                // For ever: whoever hands over ends its process next. One that is late is not waited for.
                if let Ok(guard) = tokio::time::timeout(ANSWER_PATIENCE, agent::hold_still()).await {
                    std::mem::forget(guard);
                }
            }
        }
        how
    }
}

/// Who delivers what is in it, where somebody is told, and who keeps it small.
fn outbox(
    store: &Store,
    vault: &Arc<Vault>,
    webhook: Option<Arc<Webhook>>,
    written: Arc<Notify>,
) -> (Option<Courier>, Tidy) {
    let (store, vault, schedule) = (store.clone(), Arc::clone(vault), Schedule::USUAL);
    let without_receiver = webhook.is_none().then_some(schedule.give_up_after);
    let tidy = Tidy { store: store.clone(), without_receiver };
    (webhook.map(|webhook| Courier { store, vault, webhook, written, schedule }), tidy)
}

/// To whoever goes on with them.
async fn take_over(vms: Vec<TakenOver>, sessions: &Sessions, prompts: &Prompts) -> Result<(), StoreError> {
    let (without_desktop, with_desktop) = vms.into_iter().partition(|taken| taken.record.user_id.is_some());
    prompts.take_over(without_desktop).await?;
    let resumed = sessions.take_over(with_desktop).await?;
    if resumed != Resumed::default() {
        let Resumed { sessions, ended } = resumed;
        tracing::warn!(sessions, ended, "sessions of a daemon that is gone go on, or have been ended");
    }
    Ok(())
}

fn make_private_directory(path: &Path) -> Result<(), DaemonError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DaemonError::Directory { path: path.to_owned(), source })
}
