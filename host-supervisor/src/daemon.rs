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
pub(crate) mod golden;
mod listener;
mod lock;
mod machine;
pub mod remnants;
pub mod rotation;
mod service_manager;

use std::{
    fs, io,
    net::SocketAddr,
    num::NonZeroUsize,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use anteroom_guest_image::Lease;
use anteroom_protocol::{VmId, agent::Surroundings};
use axum::serve::ListenerExt as _;
use tokio::{net::TcpListener, sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    agent,
    api::{
        self, Api, ApiSettings, ApiState,
        access::{Access, AccessError},
    },
    audit::{self, AuditWriter},
    config::{Config, Environment, NetworkSettings},
    host_memory,
    images::ResolvedImage,
    media::{Media, MediaError},
    metrics,
    net::{HostNetwork, HostNetworkError, Network},
    providers::{Providers, ProvidersError},
    session::{Admission, Resumed, SessionSettings, Sessions, VmTemplate},
    snapshots::Shelf,
    store::{Store, StoreError},
    vault::{KeyError, KeyRing, KeyTexts, Vault},
    vm::{LaunchBounds, VmSettings, VmStarter, keeper::Keeper},
    vmm::Capabilities,
    webhook::{Courier, Schedule, Tidy, Webhook, WebhookError},
};
pub use listener::{ListenError, reachable};
pub use lock::LockError;
pub use machine::{Machine, MachineError, layer_inputs, recipe};
pub(crate) use machine::{find_image, image_programs, kernel_file, qemu_settings};
use service_manager::State;
pub use service_manager::{ServiceManager, ServiceManagerError, SocketError};

/// How long sessions and their VMs may take to end when the daemon is stopped.
const END_PATIENCE: Duration = Duration::from_secs(20);
/// How long requests that are being answered may take then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// Everything is built and the socket is bound; nothing is served yet.
#[derive(Debug)]
pub struct Daemon {
    listener: TcpListener,
    address: SocketAddr,
    api: Api,
    sessions: Sessions,
    store: Store,
    audit_writer: AuditWriter,
    courier: Option<Courier>,
    tidy: Tidy,
    keeper: Keeper,
    manager: ServiceManager,
    // Given back last.
    _image: Option<Lease>,
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

/// Serves until `shutdown`, and says how that was. `ready` hears where as soon as it serves.
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
) -> Result<Stop, DaemonError> {
    let daemon = Daemon::start_under(manager, config, machine, KeyTexts::of(environment)).await?;
    ready(daemon.address());
    daemon.manager.tell(&[State::Ready]);
    daemon.run(shutdown).await
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
        let written = Arc::new(Notify::new());
        let mut store = Store::open(&config.state_dir).await?;
        if webhook.is_some() {
            store = store.announcing(Arc::clone(&written));
        }
        let ring = KeyRing::load(&config.state_dir, key_texts)?;
        let listener = listener::open(manager.socket.take(), config.listen).await?;
        let address = listener.local_addr().map_err(DaemonError::Serve)?;
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
        let settings = session_settings(config, machine.image.clone(), network)?;
        let keeper = keeper(config, &settings, Arc::clone(&vms));
        let sessions = Sessions::new(store.clone(), Arc::clone(&vault), Arc::clone(&vms), settings);
        let resumed = sessions.take_over(recovered.taken).await?;
        if resumed != Resumed::default() {
            let Resumed { sessions, ended } = resumed;
            tracing::warn!(sessions, ended, "sessions of a daemon that is gone go on, or have been ended");
        }
        let courier = webhook.clone().map(|webhook| Courier {
            store: store.clone(),
            vault: Arc::clone(&vault),
            webhook,
            written,
            schedule: Schedule::USUAL,
        });
        let without_receiver = courier.is_none().then_some(Schedule::USUAL.give_up_after);
        let tidy = Tidy { store: store.clone(), without_receiver };
        let keep = Duration::from_secs(u64::from(config.audit_keep_days) * 24 * 3600);
        let (audit, audit_writer) = audit::audit(store.clone(), keep);
        let api = Api {
            sessions: sessions.clone(),
            store: store.clone(),
            vault,
            vms,
            providers,
            image: machine.image,
            access,
            media,
            webhook,
            audit,
            settings: ApiSettings::of(config),
            started: Instant::now(),
            state: ApiState::default(),
        };
        let (_image, _lock) = (machine.lease, lock);
        Ok(Self {
            listener,
            address,
            api,
            sessions,
            store,
            audit_writer,
            courier,
            tidy,
            keeper,
            manager,
            _image,
            _lock,
        })
    }

    /// Where the API is, with the real port when the configuration asked for any.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then ends every session and waits until their VMs are gone, unless they are handed over.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn run(
        self,
        shutdown: impl Future<Output = Stop> + Send + 'static,
    ) -> Result<Stop, DaemonError> {
        let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
        let stopped = async {
            // An error means that the sender is gone, which is a reason to stop as well.
            let _ = stopping.await;
        };
        let access = Arc::clone(&self.api.access);
        // What is said in small pieces (a stream's first words behind the 101, a program's last behind its output) would each wait
        // for the caller's delayed acknowledgement, 40 ms.
        let listener = self.listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let served = axum::serve(listener, api::router(self.api)).with_graceful_shutdown(stopped);
        let mut server = tokio::spawn(served.into_future());
        let stop_outbox = CancellationToken::new();
        let audit_writer = tokio::spawn(self.audit_writer.run(stop_outbox.clone()));
        let note_uses = tokio::spawn(access.note_uses(stop_outbox.clone()));
        let courier = self.courier.map(|courier| tokio::spawn(courier.run(stop_outbox.clone())));
        let keep_small = tokio::spawn(metrics::keep_small());
        let tidy = tokio::spawn(self.tidy.run(stop_outbox.clone()));
        let keeper = tokio::spawn(self.keeper.run(stop_outbox.clone()));
        let pulse = self.manager.pulse(self.store.clone(), self.sessions.clone());
        let pulse = pulse.map(|pulse| tokio::spawn(pulse.run(stop_outbox.clone())));
        tracing::info!(address = %self.address, "serving");
        let (how, early) = tokio::select! {
            how = shutdown => (how, None),
            ended = &mut server => (Stop::End, Some(ended)),
        };
        self.manager.tell(&[State::Stopping]);
        match how {
            Stop::End => {
                tracing::info!("stopping");
                self.sessions.shut_down(END_PATIENCE).await;
            }
            Stop::HandOver => tracing::info!("handing over: the VMs stay for the next daemon"),
        }
        let ended = match early {
            Some(ended) => Ok(ended),
            None => {
                let _ = stop.send(());
                tokio::time::timeout(ANSWER_PATIENCE, &mut server).await
            }
        };
        server.abort();
        keep_small.abort();
        stop_outbox.cancel();
        for task in courier.into_iter().chain([tidy, keeper, audit_writer, note_uses]).chain(pulse) {
            // It stops at once; a panic of its own has been logged.
            let _ = task.await;
        }
        match how {
            Stop::End => self.store.close().await,
            Stop::HandOver => {
                // For ever: whoever hands over ends its process next. One that is late is not waited for.
                if let Ok(guard) = tokio::time::timeout(ANSWER_PATIENCE, agent::hold_still()).await {
                    std::mem::forget(guard);
                }
            }
        }
        match ended {
            // Who hands over ends without an error, whatever the last answers came to: an error would end the VMs.
            Ok(Ok(Err(error))) if how == Stop::End => Err(DaemonError::Serve(error)),
            _ => Ok(how),
        }
    }
}

fn vm_settings(config: &Config) -> VmSettings {
    VmSettings {
        directory: config.state_dir.join("vms"),
        disk_templates: config.image_dir.join("disks"),
        snapshots: config.snapshots.is_some().then(|| Arc::new(shelf(config))),
        limits: None,
        launches: launch_bounds(config),
        vault: None,
        hibernate_after: config.hibernate_after,
    }
}

fn launch_bounds(config: &Config) -> LaunchBounds {
    let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    LaunchBounds {
        at_once: capacity::launches_at_once(config.launch.at_once, processors),
        most_waiting: config.launch.waiting as usize,
    }
}

/// Beside the images: a snapshot holds nothing of anybody, and daemons of one user may share it.
pub(crate) fn shelf(config: &Config) -> Shelf {
    let beside_images = || config.image_dir.join("snapshots");
    Shelf::new(config.snapshot_dir.clone().unwrap_or_else(beside_images))
}

/// What guests can have of what is configured.
fn guest_network(config: &Config, vmm: &Capabilities) -> Network {
    match &config.network.guest {
        Network::User(_) if !vmm.user_network => {
            tracing::warn!("the guests have no network: {} makes none for them", vmm.backend);
            Network::None
        }
        network => network.clone(),
    }
}

fn keeper(config: &Config, settings: &SessionSettings, starter: Arc<VmStarter>) -> Keeper {
    Keeper {
        template: settings.vm.request(VmId::random(), None),
        snapshots: starter.shelf().zip(config.snapshots),
        pool: config.pool,
        most_vms: settings.admission.most.get() as usize,
        starter,
    }
}

fn session_settings(
    config: &Config,
    image: ResolvedImage,
    network: Network,
) -> Result<SessionSettings, DaemonError> {
    Ok(SessionSettings {
        limits: config.session,
        admission: Admission {
            most: capacity::most_vms(config.vm_limit, config.browser_vm, host_memory::total_mib()),
            most_per_user: config.vm_limit_per_user,
            vm_mib: config.browser_vm.memory_mib,
        },
        vm: vm_template(config, image, network),
        surroundings: surroundings(&config.network)?,
    })
}

pub(crate) fn vm_template(config: &Config, image: ResolvedImage, network: Network) -> VmTemplate {
    VmTemplate {
        shape: config.browser_vm,
        disk_mib: config.vm_disk_mib,
        image,
        network,
        clipboard: config.clipboard,
    }
}

fn surroundings(network: &NetworkSettings) -> Result<Surroundings, DaemonError> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|source| DaemonError::ExtraCa { path: path.clone(), source })
    };
    let extra_ca_pem = network.extra_ca.as_ref().map(read).transpose()?;
    Ok(Surroundings { hosts: network.hosts.clone(), extra_ca_pem })
}

fn make_private_directory(path: &Path) -> Result<(), DaemonError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DaemonError::Directory { path: path.to_owned(), source })
}
