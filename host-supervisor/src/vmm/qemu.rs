//! QEMU: the backend for development, for CI and for hosts without Firecracker.
//!
//! ```text
//!  anteroom ──┬─▶ vhost-device-vsock ◀── vhost.sock ──┐         one of each for every VM, both with the VM's
//!             │     ▲ v.sock (CONNECT 1024),          │         directory as working directory
//!             │     │ v.sock_1025 (the guest's knock) │
//!             └─────┼────────────▶ qemu-system-x86_64 ┘
//!                   └── agent client                  └─ stdout: the serial console
//! ```
//! Where the daemon is root, both run as a user of the VM's own in a cell (`vmm/confine`), and the sockets are in its
//! lodging, `run`.
//!
//! KVM is used where a probe boot has shown that it works, the translator (TCG) elsewhere. Works with QEMU 7.2
//! (Debian 12) to 10.

mod accelerator;
mod argv;
mod confined;
mod control;
mod hibernate;
mod memory;
mod probe;
mod qmp;
mod suspend;
mod tsc;
mod verdict;
mod version;
mod vm;
mod vsock_device;

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use anteroom_protocol::VmId;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    Acceleration, AgentAddress, BootFiles, Capabilities, KernelFile, LaunchError, Rate, SnapshotFiles,
    Survivor, Version, Vm, VmSpec, Vmm,
    confine::{Uids, group},
    processor,
};
use accelerator::Candidate;
pub use accelerator::{Accelerator, Choice, Wanted};
pub use probe::{ProbeOutcome, probe_kvm};
pub use version::{OLDEST, version_of};
use vm::{Begin, QemuVm};

/// Where the parts are and what is wanted of them.
#[derive(Debug, Clone)]
pub struct QemuSettings {
    /// A path, or a name to be found in `PATH`.
    pub program: String,
    /// The same for vhost-device-vsock.
    pub vsock_device: String,
    pub wanted: Wanted,
    /// `q35`, with options of the machine after commas.
    pub machine: String,
    /// Where findings that outlive a daemon are kept.
    pub cache: PathBuf,
    /// The command that joins its standard input and output with a TCP address, its last argument: what makes
    /// [`Forward`](crate::net::Forward)s. Without it there are none.
    pub relay: Option<Vec<String>>,
    /// What a VM in a cell may read and write of the host's disk.
    pub host_disk: Rate,
}

impl QemuSettings {
    pub const PROGRAM: &str = "qemu-system-x86_64";
    pub const VSOCK_DEVICE: &str = "vhost-device-vsock";
    /// Without the devices that no guest of ours uses. microvm boots no faster than this (measured: 2.1 s against
    /// 2.0 s to PID 1 under TCG with Debian's cloud kernel) and lacks ACPI's power-off.
    pub const MACHINE: &str = "q35,usb=off,vmport=off,smbus=off,sata=off";

    #[must_use]
    pub fn new(cache: PathBuf) -> Self {
        Self {
            program: Self::PROGRAM.to_owned(),
            vsock_device: Self::VSOCK_DEVICE.to_owned(),
            wanted: Wanted::Auto,
            machine: Self::MACHINE.to_owned(),
            cache,
            relay: None,
            host_disk: Rate::default(),
        }
    }

    /// Where vhost-device-vsock is, beside `PATH`: cargo's own place and ours.
    #[must_use]
    pub fn tool_directories(&self) -> Vec<PathBuf> {
        let cargo = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo/bin"));
        [self.cache.join("tools/bin")].into_iter().chain(cargo).collect()
    }

    fn find(&self, name: &str) -> Result<PathBuf, LaunchError> {
        super::process::find_program(name, &self.tool_directories()).ok_or_else(|| LaunchError::Missing {
            what: "the program",
            path: name.into(),
            remedy: "run `anteroom doctor --fix`".to_owned(),
        })
    }
}

/// The backend.
#[derive(Debug)]
pub struct Qemu {
    settings: QemuSettings,
    program: PathBuf,
    vsock_device: PathBuf,
    version: Version,
    choice: OnceCell<Choice>,
    /// Where VMs are confined: as root.
    uids: Option<Uids>,
}

impl Qemu {
    /// Finds the programs and reads QEMU's version.
    ///
    /// # Errors
    /// When one of them is missing or QEMU does not say its version.
    pub async fn open(settings: QemuSettings) -> Result<Self, LaunchError> {
        let program = settings.find(&settings.program)?;
        let vsock_device = settings.find(&settings.vsock_device)?;
        let version = version_of(&program).await?;
        let uids = nix::unistd::geteuid().is_root().then(Uids::default);
        Ok(Self { settings, program, vsock_device, version, choice: OnceCell::new(), uids })
    }

    /// What executes the guests' instructions; found out once, by booting this kernel where that is needed.
    ///
    /// # Errors
    /// When KVM is insisted on but does not work.
    pub async fn choice(&self, boot: &BootFiles) -> Result<&Choice, LaunchError> {
        let candidate = Candidate { settings: &self.settings, program: &self.program, version: self.version };
        self.choice.get_or_try_init(|| accelerator::choose(candidate, boot)).await
    }

    /// The same for a machine that lacks other parts yet.
    ///
    /// # Errors
    /// When QEMU is missing, or KVM is insisted on but does not work.
    pub async fn choice_for(settings: &QemuSettings, boot: &BootFiles) -> Result<Choice, LaunchError> {
        let program = settings.find(&settings.program)?;
        let candidate = Candidate { settings, version: version_of(&program).await?, program: &program };
        accelerator::choose(candidate, boot).await
    }

    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }
}

#[async_trait]
impl Vmm for Qemu {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            backend: "qemu",
            version: self.version.to_string(),
            acceleration: self.choice.get().map(|choice| match choice.accelerator {
                Accelerator::Kvm => Acceleration::Kvm,
                Accelerator::Tcg { .. } => Acceleration::Tcg,
            }),
            kernel: KernelFile::Either,
            user_network: true,
            snapshots: true,
            hibernation: true,
        }
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: vsock_device::GUEST_SOCKET.to_owned() }
    }

    async fn clear(&self, id: VmId) {
        group::clear(id).await;
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        spec.check_files()?;
        let accelerator = self.choice(&spec.boot).await?.accelerator;
        let vm = QemuVm::start(self, spec, accelerator, Begin::Boot).await?;
        Ok(Box::new(vm))
    }

    async fn snapshot_conditions(&self, spec: &VmSpec) -> Result<Option<Value>, LaunchError> {
        let accelerator = self.choice(&spec.boot).await?.accelerator;
        Ok(Some(json!({
            "qemu": self.version.to_string(),
            "machine": self.settings.machine,
            // Which devices it has besides: another number when that changes.
            "devices": 2,
            "accelerator": accelerator.for_snapshots(),
            "processor": processor::identity(),
        })))
    }

    async fn restore(&self, spec: &VmSpec, files: &SnapshotFiles) -> Result<Box<dyn Vm>, LaunchError> {
        spec.check_files()?;
        let accelerator = self.choice(&spec.boot).await?.accelerator;
        let vm = QemuVm::start(self, spec, accelerator, Begin::Restore(files)).await?;
        Ok(Box::new(vm))
    }

    async fn wake(&self, spec: &VmSpec, from: OwnedFd) -> Result<Box<dyn Vm>, LaunchError> {
        spec.check_files()?;
        let accelerator = self.choice(&spec.boot).await?.accelerator;
        let vm = QemuVm::start(self, spec, accelerator, Begin::Wake(from.as_fd())).await?;
        Ok(Box::new(vm))
    }

    async fn adopt(&self, survivor: &Survivor) -> io::Result<Box<dyn Vm>> {
        Ok(Box::new(QemuVm::adopt(self, survivor).await?))
    }
}
