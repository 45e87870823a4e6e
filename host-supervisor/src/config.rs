//! What the operator decided: defaults < file < environment < flags, one typed value.
//!
//! Every setting has one line in `keys.rs`, one text form in `value.rs`, and the same name everywhere: `vm.disk_mib` in a
//! file is `ANTEROOM_VM_DISK_MIB` in the environment and `--set vm.disk_mib=...` as a flag. Unknown names are refused
//! with the name that was probably meant. A setting that is a secret is never shown and cannot be a flag; the master key
//! is no setting.

mod change;
mod directories;
mod keys;
mod launch;
mod layer;
mod media;
mod otlp;
mod prompt;
mod ready;
mod sources;
#[cfg(test)]
mod tests;
mod tls;
mod value;
mod webhook;

use std::{
    collections::BTreeMap, net::Ipv4Addr, net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration,
};

use anteroom_guest_image::KernelKind;
use anteroom_protocol::desk::Directions;
use url::Url;

pub use change::Changes;
pub use keys::{KEYS, Key};
pub use launch::LaunchSettings;
pub use layer::{ConfigError, FileRead, Layers, Source};
pub use media::{IceServer, MediaChoices, MediaListen, PublicAddress};
pub use otlp::{HeadersSource, OtlpChoices, OtlpHeaders};
pub use prompt::PromptChoices;
pub use ready::{PoolSettings, SnapshotSettings};
pub use sources::Sources;
pub use tls::TlsChoices;
pub use value::{Backend, BackendChoice, ImageRecipe, LogFormat, VmLimit};
pub use webhook::{Enclosure, SecretSource, WebhookChoices};

use crate::{
    net::{HostNetworkSettings, Network, UserNetwork},
    vmm::{
        Rate,
        firecracker::{FirecrackerSettings, Rates},
        qemu::Wanted,
    },
};

/// The names and values of the process's environment.
pub type Environment = BTreeMap<String, String>;

#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where the operators' routes answer; at [`Self::listen`], with the others, when unset.
    pub admin_listen: Option<SocketAddr>,
    /// Without it the API speaks plain HTTP.
    pub tls: Option<TlsChoices>,
    pub public_url: Option<Url>,
    pub allowed_hosts: Vec<String>,
    pub trusted_proxies: Vec<std::net::IpAddr>,
    pub frame_ancestors: Vec<String>,
    /// Origins of pages elsewhere that may call.
    pub cors_origins: Vec<String>,
    /// How long it is known who did what, in days.
    pub audit_keep_days: u32,
    pub state_dir: PathBuf,
    pub cache_dir: PathBuf,
    pub image_dir: PathBuf,
    pub image_recipe: ImageRecipe,
    pub image_profile: String,
    pub image_kernel: KernelKind,
    /// The guest's agent; found beside the daemon when unset.
    pub agent: Option<PathBuf>,
    pub providers_dir: PathBuf,
    pub browser_vm: VmShape,
    pub cli_vm: VmShape,
    pub prompt: PromptChoices,
    pub vm_disk_mib: u32,
    /// What a VM may read and write of the host's disk.
    pub vm_disk_rate: Rate,
    /// How long nobody has to be in a VM before it hibernates; it never does by itself when unset.
    pub hibernate_after: Option<Duration>,
    pub vm_limit: VmLimit,
    /// Most VMs of one user at once.
    pub vm_limit_per_user: NonZeroU32,
    pub launch: LaunchSettings,
    /// `None`: beside the images.
    pub snapshot_dir: Option<PathBuf>,
    /// `None` when every VM boots.
    pub snapshots: Option<SnapshotSettings>,
    pub pool: PoolSettings,
    pub session: SessionLimits,
    pub vmm: BackendChoice,
    pub qemu: QemuChoices,
    pub firecracker: FirecrackerSettings,
    pub network: NetworkSettings,
    pub rate_limit: RateLimit,
    pub media: MediaChoices,
    /// Which ways text may travel between the clipboards of desktop and person.
    pub clipboard: Directions,
    /// Whom to tell of credentials; nobody when unset.
    pub webhook: Option<WebhookChoices>,
    /// Whom to tell of traces; nobody when unset.
    pub otlp: Option<OtlpChoices>,
    /// Whether a crash may leave what was in memory in a file.
    pub core_files: bool,
    pub log_format: LogFormat,
    pub log_filter: String,
    shown: Vec<Shown>,
    layers: Layers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmShape {
    pub vcpus: u8,
    pub memory_mib: u32,
}

/// How long a session may take; all of them end it with the status `timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// From the request to a usable desktop.
    pub start: Duration,
    /// From the usable desktop to the credentials.
    pub sign_in: Duration,
    /// Without a heartbeat or a viewer's input.
    pub idle: Duration,
    /// From a failed attempt to the next.
    pub retry: Duration,
}

impl SessionLimits {
    /// From the request to the end, at most.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.start.saturating_add(self.sign_in)
    }
}

/// Which QEMU runs the VMs, and how.
#[derive(Debug, Clone)]
pub struct QemuChoices {
    pub program: String,
    pub vsock_device: String,
    pub machine: String,
    pub acceleration: Wanted,
}

/// What the guests need to know of the network around the host.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    pub hosts: BTreeMap<String, Ipv4Addr>,
    /// A PEM file.
    pub extra_ca: Option<PathBuf>,
    pub guest: Network,
    /// Set when the guests are on a bridge of the host; [`Self::guest`] is [`Network::None`] then.
    pub host: Option<HostNetworkSettings>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: u32,
    /// Of those, the ones that start a session.
    pub starts: u32,
    pub window: Duration,
    /// Calls for a desktop's connection, in a minute.
    pub signalling: u32,
}

/// One line of `anteroom config show`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Shown {
    pub key: &'static str,
    pub value: String,
    pub source: Source,
    pub variable: String,
    /// Whether a daemon that runs takes another value of it, when it is told to read its settings again.
    pub reloadable: bool,
    pub meaning: &'static str,
}

impl Config {
    /// Reads every layer.
    ///
    /// # Errors
    /// Names the setting, where its value came from and what is expected there.
    pub fn load(layers: &Layers) -> Result<Self, ConfigError> {
        let read = Reader { layers };
        let vm_disk_rate = read.rate("vm.disk_mib_per_second", "vm.disk_operations_per_second")?;
        let image_profile = read.value("image_profile", value::image_name)?;
        Ok(Self {
            listen: read.value("listen", value::socket_address)?,
            admin_listen: read.option("admin.listen", value::socket_address)?,
            tls: tls::read(&read)?,
            public_url: read.option("public_url", value::http_url)?,
            allowed_hosts: read.list("allowed_hosts", value::host_name)?,
            trusted_proxies: read.list("trusted_proxies", value::ip_address)?,
            frame_ancestors: read.list("frame_ancestors", value::frame_ancestor)?,
            cors_origins: read.list("cors_origins", value::origin)?,
            audit_keep_days: read.value("audit.keep_days", value::number(1..=3650))?,
            state_dir: read.value("state_dir", value::path)?,
            cache_dir: read.value("cache_dir", value::path)?,
            image_dir: read.value("image_dir", value::path)?,
            image_recipe: read.value("image_recipe", value::image_recipe)?,
            prompt: prompt::read(&read, &image_profile)?,
            image_profile,
            image_kernel: read.value("image_kernel", value::image_kernel)?,
            agent: read.option("agent", value::path)?,
            providers_dir: read.value("providers_dir", value::path)?,
            browser_vm: read.shape("vm.browser.vcpus", "vm.browser.memory_mib", 64)?,
            cli_vm: read.shape("vm.cli.vcpus", "vm.cli.memory_mib", LEAST_CLI_MIB)?,
            vm_disk_mib: read.value("vm.disk_mib", value::number(64..=1_048_576))?,
            vm_disk_rate,
            hibernate_after: read.option("vm.hibernate_after", value::duration)?,
            vm_limit: read.value("vm.max", value::vm_limit)?,
            vm_limit_per_user: read.value("vm.max_per_user", value::count)?,
            launch: launch::read(&read)?,
            snapshot_dir: read.option("snapshot.dir", value::path)?,
            snapshots: read.snapshots()?,
            pool: read.pool()?,
            session: read.session()?,
            vmm: read.value("vmm", value::backend)?,
            qemu: QemuChoices {
                program: read.value("qemu.program", value::program)?,
                vsock_device: read.value("qemu.vsock_device", value::program)?,
                machine: read.value("qemu.machine", value::machine)?,
                acceleration: read.value("qemu.accel", value::acceleration)?,
            },
            firecracker: FirecrackerSettings {
                program: read.value("firecracker.program", value::program)?,
                transport: read.value("firecracker.transport", value::transport)?,
                jailer: read.value("firecracker.jailer", value::jailer)?,
                rates: Rates {
                    disk: read
                        .rate("firecracker.disk_mib_per_second", "firecracker.disk_operations_per_second")?,
                    network: read.rate(
                        "firecracker.network_mib_per_second",
                        "firecracker.network_packets_per_second",
                    )?,
                },
                host_disk: vm_disk_rate,
            },
            network: NetworkSettings {
                hosts: read.list("network.hosts", value::host_entry)?.into_iter().collect(),
                extra_ca: read.option("network.extra_ca", value::path)?,
                guest: read.guest_network()?,
                host: read.host_network()?,
            },
            rate_limit: RateLimit {
                requests: read.value("rate_limit.requests", value::number(1..=1_000_000))?,
                starts: read.value("rate_limit.starts", value::number(1..=1_000_000))?,
                window: read.value("rate_limit.window", value::duration)?,
                signalling: read.value("rate_limit.signalling", value::number(1..=1_000_000))?,
            },
            media: media::read(&read)?,
            clipboard: Directions {
                to_desktop: read.value("desktop.clipboard_in", value::yes_or_no)?,
                from_desktop: read.value("desktop.clipboard_out", value::yes_or_no)?,
            },
            webhook: webhook::read(&read)?,
            otlp: otlp::read(&read)?,
            core_files: read.value("core_files", value::yes_or_no)?,
            log_format: read.value("log.format", value::log_format)?,
            log_filter: read.value("log.filter", value::log_filter)?,
            shown: read.shown(),
            layers: layers.clone(),
        })
    }

    /// Every setting with its value and where that came from, in the order of [`KEYS`].
    #[must_use]
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// What is probably a mistake but stops nothing: unknown `ANTEROOM_` variables.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        self.layers.warnings()
    }

    /// The file that settings were read from, if there was one.
    #[must_use]
    pub fn file(&self) -> Option<&FileRead> {
        self.layers.file.as_ref()
    }
}

/// Of a VM without a desktop, in MiB: its kernel takes 100, and the CLIs up to 250.
const LEAST_CLI_MIB: u32 = 512;

/// Stands where a secret is.
const NOT_SHOWN: &str = "(set)";

fn is_secret(key: &str) -> bool {
    layer::find(key).is_some_and(|key| key.kind == keys::Kind::Secret)
}

/// Turns the winning text of a setting into its type, or into an error that says whose text it was.
struct Reader<'a> {
    layers: &'a Layers,
}

impl Reader<'_> {
    fn value<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let (text, source) = self.layers.winner(key);
        parse(text).map_err(|expected| ConfigError::Value {
            key,
            text: if is_secret(key) && !text.is_empty() {
                NOT_SHOWN.to_owned()
            } else {
                text.chars().take(80).collect()
            },
            source_of_value: source.clone(),
            expected,
        })
    }

    /// An empty text stands for "not set".
    fn option<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        self.value(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// A number of MiB, in bytes.
    fn mib(&self, key: &'static str) -> Result<Option<u64>, ConfigError> {
        let mib = self.option(key, value::number(1..=1_048_576_u64))?;
        Ok(mib.map(|mib| mib * 1024 * 1024))
    }

    fn rate(&self, mib: &'static str, operations: &'static str) -> Result<Rate, ConfigError> {
        let operations = self.option(operations, value::number(1..=100_000_000_u64))?;
        Ok(Rate { bytes: self.mib(mib)?, operations })
    }

    fn list<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, ConfigError> {
        let items =
            |text: &str| text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(&parse).collect();
        self.value(key, items)
    }

    fn shape(
        &self,
        vcpus: &'static str,
        memory_mib: &'static str,
        least_mib: u32,
    ) -> Result<VmShape, ConfigError> {
        Ok(VmShape {
            vcpus: self.value(vcpus, value::number(1..=64))?,
            memory_mib: self.value(memory_mib, value::number(least_mib..=1_048_576))?,
        })
    }

    fn session(&self) -> Result<SessionLimits, ConfigError> {
        Ok(SessionLimits {
            start: self.value("session.start_limit", value::duration)?,
            sign_in: self.value("session.sign_in_limit", value::duration)?,
            idle: self.value("session.idle_limit", value::duration)?,
            retry: self.value("session.retry_limit", value::duration)?,
        })
    }

    fn snapshots(&self) -> Result<Option<SnapshotSettings>, ConfigError> {
        let settings = SnapshotSettings {
            keep: self.value("snapshot.keep", value::count)?,
            max_age: self.value("snapshot.max_age", value::duration)?,
        };
        Ok(self.value("snapshot.use", value::yes_or_no)?.then_some(settings))
    }

    fn pool(&self) -> Result<PoolSettings, ConfigError> {
        let max = self.value("pool.max", value::number(0..=1000))?;
        let min = self.value("pool.min", value::number(0..=max))?;
        Ok(PoolSettings { min, max })
    }

    fn is_bridged(&self) -> Result<bool, ConfigError> {
        self.value("network.mode", value::is_bridged)
    }

    fn host_network(&self) -> Result<Option<HostNetworkSettings>, ConfigError> {
        let settings = HostNetworkSettings {
            bridge: self.value("network.bridge", |text| Ok(text.to_owned()))?,
            ipv4: self.value("network.ipv4", value::network)?,
            ipv6: self.option("network.ipv6", value::network)?,
            dns: self.option("network.dns", value::ipv4_address)?,
            allow: self.list("network.allow", value::network)?,
            host_services: self.list("network.host_services", value::host_service)?,
            ..HostNetworkSettings::default()
        };
        self.value("network.bridge", |_| {
            settings.check().map_err(|error| format!("something else: {error}"))
        })?;
        Ok(self.is_bridged()?.then_some(settings))
    }

    fn guest_network(&self) -> Result<Network, ConfigError> {
        if self.is_bridged()? {
            return Ok(Network::None);
        }
        let network = UserNetwork {
            reach: self.value("network.reach", value::reach)?,
            forwards: self.list("network.forwards", value::forward)?,
            dns: self.option("network.dns", value::ipv4_address)?,
        };
        self.value("network.forwards", |_| {
            network.check().map_err(|error| format!("something else: {error}"))
        })?;
        Ok(Network::User(network))
    }

    fn shown(&self) -> Vec<Shown> {
        let show = |key: &Key| {
            let (value, source) = self.layers.winner(key.name);
            Shown {
                key: key.name,
                value: if is_secret(key.name) && !value.is_empty() { NOT_SHOWN } else { value }.to_owned(),
                source: source.clone(),
                variable: key.variable(),
                reloadable: keys::counts_at_once(key.name),
                meaning: key.meaning,
            }
        };
        KEYS.iter().map(show).collect()
    }
}
