//! Firecracker: the backend for production. It needs KVM, and no helper beside it.
//!
//! ```text
//!  anteroom ──┬─ firecracker.sock (its API) ──▶ firecracker      one for each VM, with the VM's directory
//!             ├─ v.sock (CONNECT 1024) ───────▶    │  │          as working directory
//!             ├─ v.sock_1025 (the guest's knock) ◀─┘  │
//!             └─ stdout: the serial console ◀─────────┘
//! ```
//! Works with v1.13; what newer versions can do besides is used by nobody yet.

mod api;
mod body;
mod exit;
mod fault;
mod hibernate;
mod jail;
mod names;
mod plan;
mod request;
mod surroundings;
mod suspend;
#[cfg(test)]
mod tests;
mod version;
mod vm;

use std::{
    fs::OpenOptions,
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use anteroom_protocol::VmId;
use async_trait::async_trait;
use nix::sys::utsname::uname;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Acceleration, AgentAddress, Capabilities, KernelFile, LaunchError, Rate, SnapshotFiles, Survivor,
    Version, Vm, VmSpec, Vmm, confine::group, process::find_program, processor,
};
use jail::Jailer;
pub use plan::Transport;
pub use version::{OLDEST, version_of};
use vm::{Begin, FirecrackerVm};

/// Where it is and what is wanted of it.
#[derive(Debug, Clone)]
pub struct FirecrackerSettings {
    /// A path, or a name to be found in `PATH`.
    pub program: String,
    pub transport: Transport,
    pub jailer: JailerChoice,
    /// As fast as the host when unset.
    pub rates: Rates,
    /// What a VM may read and write of the host's disk, all its drives together; where the daemon is root.
    pub host_disk: Rate,
}

/// What a VM's devices may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// Each of its drives.
    pub disk: Rate,
    /// Its network, each way.
    pub network: Rate,
}

/// Whether Firecracker is confined by its jailer, which takes root to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JailerChoice {
    /// Where this process is root.
    Auto,
    Never,
    /// By this one: a path, or a name to be found in `PATH`.
    Program(String),
}

impl FirecrackerSettings {
    pub const PROGRAM: &str = "firecracker";
    pub const JAILER: &str = "jailer";
}

/// The backend.
#[derive(Debug)]
pub struct Firecracker {
    settings: FirecrackerSettings,
    program: PathBuf,
    jailer: Option<Jailer>,
    version: Version,
    /// Of its snapshots.
    format: Version,
}

impl Firecracker {
    /// Finds the program and reads its version.
    ///
    /// # Errors
    /// When it is missing, older than what is known to work, or does not say its version; and without KVM.
    pub async fn open(settings: FirecrackerSettings) -> Result<Self, LaunchError> {
        let program = find(&settings.program, &[], "firecracker.program")?;
        let jailer = find_jailer(&settings.jailer, &program)?;
        let jailer = jailer.map(|jailer| Jailer::new(jailer, settings.host_disk));
        let kvm = OpenOptions::new().read(true).write(true).open("/dev/kvm");
        kvm.map_err(|error| LaunchError::NoAcceleration(format!("/dev/kvm cannot be opened: {error}")))?;
        let version = version_of(&program).await?;
        if version < OLDEST {
            return Err(LaunchError::NoAcceleration(format!(
                "firecracker {version} is older than {}",
                OLDEST
            )));
        }
        let format = version::snapshot_format_of(&program).await?;
        Ok(Self { settings, program, jailer, version, format })
    }

    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Firecracker itself says no more than a warning when a snapshot comes from another processor.
    fn conditions(&self) -> Option<Value> {
        let host_kernel = uname().map(|name| name.release().to_string_lossy().into_owned());
        let conditions = json!({
            "firecracker": self.version.to_string(),
            "format": self.format.to_string(),
            "transport": self.settings.transport,
            // Written in it with the devices.
            "rates": self.settings.rates,
            // Who may read its files.
            "jailed": self.jailer.is_some(),
            "processor": processor::identity(),
            // Which features and registers KVM knows.
            "host_kernel": host_kernel.unwrap_or_default(),
        });
        version::can_restore(self.version).then_some(conditions)
    }

    /// `None` when VMs run as this process's user, in its root.
    #[must_use]
    pub fn jailer(&self) -> Option<&Path> {
        self.jailer.as_ref().map(Jailer::program)
    }
}

fn find(name: &str, more: &[PathBuf], setting: &str) -> Result<PathBuf, LaunchError> {
    let found = find_program(name, more).and_then(|path| path.canonicalize().ok());
    found.ok_or_else(|| LaunchError::Missing {
        what: "the program",
        path: name.into(),
        remedy: format!("install a release of Firecracker and name it by the setting {setting}"),
    })
}

/// A release has it beside Firecracker.
fn find_jailer(choice: &JailerChoice, firecracker: &Path) -> Result<Option<PathBuf>, LaunchError> {
    let beside: Vec<PathBuf> = firecracker.parent().map(Path::to_owned).into_iter().collect();
    let name = match choice {
        JailerChoice::Never => return Ok(None),
        JailerChoice::Auto if !nix::unistd::geteuid().is_root() => return Ok(None),
        JailerChoice::Auto => FirecrackerSettings::JAILER,
        JailerChoice::Program(name) => name,
    };
    find(name, &beside, "firecracker.jailer").map(Some)
}

#[async_trait]
impl Vmm for Firecracker {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            backend: "firecracker",
            version: self.version.to_string(),
            acceleration: Some(Acceleration::Kvm),
            kernel: KernelFile::Elf,
            user_network: false,
            snapshots: version::can_restore(self.version),
            // A tmpfs in a VM's mount namespace takes root.
            hibernation: version::can_restore(self.version) && nix::unistd::geteuid().is_root(),
        }
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: plan::GUEST_SOCKET.to_owned() }
    }

    async fn clear(&self, id: VmId) {
        group::clear(id).await;
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        spec.check_files()?;
        Ok(Box::new(FirecrackerVm::start(self, spec, Begin::Boot).await?))
    }

    async fn snapshot_conditions(&self, _spec: &VmSpec) -> Result<Option<Value>, LaunchError> {
        Ok(self.conditions())
    }

    async fn restore(&self, spec: &VmSpec, files: &SnapshotFiles) -> Result<Box<dyn Vm>, LaunchError> {
        spec.check_files()?;
        files.check()?;
        Ok(Box::new(FirecrackerVm::start(self, spec, Begin::Restore(files)).await?))
    }

    async fn wake(&self, spec: &VmSpec, from: OwnedFd) -> Result<Box<dyn Vm>, LaunchError> {
        spec.check_files()?;
        Ok(Box::new(FirecrackerVm::start(self, spec, Begin::Wake(from.as_fd())).await?))
    }

    async fn adopt(&self, survivor: &Survivor) -> io::Result<Box<dyn Vm>> {
        Ok(Box::new(FirecrackerVm::adopt(self, survivor).await?))
    }
}
