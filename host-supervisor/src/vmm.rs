//! Virtual machine monitors: what it takes to run one guest, whoever runs it.
//!
//! A backend turns a [`VmSpec`] into a living [`Vm`] and knows nothing of sessions, providers or stores. Differences
//! between backends are data ([`Capabilities`], [`AgentAddress`]); nothing above this module knows which one runs.

mod boot_files;
mod boot_line;
pub(crate) mod confine;
pub mod console;
mod exit;
#[cfg(test)]
pub(crate) mod fake;
pub mod firecracker;
mod guest_stream;
pub mod process;
mod processor;
pub mod qemu;
#[cfg(test)]
mod tests;
mod version;

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use anteroom_protocol::{VmId, cmdline::CommandLineError, desk::Directions};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::net::{Network, NetworkError};
pub use boot_files::BootFiles;
use console::Console;
pub use exit::{OutOfMemory, VmExit};
pub use process::ProcessId;
pub use version::Version;

/// Everything a guest is made of. The backend decides what it looks like to the guest (device names, console).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VmSpec {
    pub id: VmId,
    pub vcpus: u8,
    pub memory_mib: u32,
    #[serde(flatten)]
    pub boot: BootFiles,
    /// Read-only images of the root's layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// The VM's own writable disk.
    pub disk: Option<PathBuf>,
    pub network: Network,
    /// Which ways a clipboard may travel.
    pub clipboard: Directions,
    /// An existing directory that belongs to this VM alone: sockets and logs go there.
    pub directory: PathBuf,
    /// It will be asked for a snapshot, which not every machine can give ([`Vm::snapshot`]).
    pub golden: bool,
}

/// The two parts of a snapshot that a VMM makes; the third is the guest's disk.
#[derive(Debug, Clone)]
pub struct SnapshotFiles {
    /// As long as the guest's memory; holes are zeros.
    pub memory: PathBuf,
    /// Of processors and devices, in the VMM's own format.
    pub state: PathBuf,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("this VM was not launched to be snapshotted")]
    Unsupported,
    #[error("the VMM does not do its part: {0}")]
    Vmm(String),
    #[error(
        "this machine has no memory left to write the VM's in, on its way to the disk: {available_mib} MiB are available, \
         {needed_mib} MiB are needed"
    )]
    NoMemory { needed_mib: u64, available_mib: u64 },
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl SnapshotFiles {
    /// # Errors
    /// Names the first file that is missing.
    fn check(&self) -> Result<(), LaunchError> {
        let gone = "it was removed meanwhile; another is made when nobody waits";
        must_exist("the snapshot's memory", &self.memory, gone)?;
        must_exist("the snapshot's state", &self.state, gone)
    }
}

impl VmSpec {
    /// # Errors
    /// Names the first file that is missing, and how to get it: the VMM's own message would not say that.
    fn check_files(&self) -> Result<(), LaunchError> {
        self.boot.check()?;
        for layer in &self.layers {
            must_exist("the layer", layer, BUILD_IMAGE)?;
        }
        if let Some(disk) = &self.disk {
            must_exist("the disk", disk, "it should have been made before the start; please report this")?;
        }
        Ok(())
    }
}

const BUILD_IMAGE: &str = "run `anteroom image build`";

fn must_exist(what: &'static str, path: &Path, remedy: &str) -> Result<(), LaunchError> {
    // Only what can be opened counts.
    std::fs::File::open(path).map(drop).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            LaunchError::Missing { what, path: path.to_owned(), remedy: remedy.to_owned() }
        }
        _ => LaunchError::Io { path: path.to_owned(), source },
    })
}

/// How the host reaches the agent in a guest: `CONNECT 1024\n` on a Unix socket, answered by `OK n\n`
/// (Firecracker's vsock.md; vhost-device-vsock speaks the same).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentAddress {
    /// Directory of the socket, kept apart because a path in a deep directory can exceed `sun_path`'s 108 bytes.
    pub directory: PathBuf,
    pub socket: String,
}

impl AgentAddress {
    /// Name of the socket, in the same directory, to which the VMM connects when the guest dials that port of the host.
    #[must_use]
    pub fn host_socket(&self, port: u32) -> String {
        format!("{}_{port}", self.socket)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    pub backend: &'static str,
    /// For example `10.0.2`.
    pub version: String,
    /// `None` before the first launch: only a boot tells.
    pub acceleration: Option<Acceleration>,
    /// Of which kind [`BootFiles::kernel`] has to be.
    pub kernel: KernelFile,
    /// Whether it can give a guest a network by itself ([`Network::User`]).
    pub user_network: bool,
    pub snapshots: bool,
    /// Whether a VM can be put to disk without its memory ever lying there as it is.
    pub hibernation: bool,
}

/// The files in which a kernel can be loaded (Documentation/arch/x86/boot.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelFile {
    /// Packed, and unpacks itself.
    BzImage,
    /// What the build links: `vmlinux`.
    Elf,
    /// One or the other. The ELF file has a PVH entry then (`CONFIG_PVH`), and starts without being unpacked.
    Either,
}

/// Who executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceleration {
    /// The processor itself.
    Kvm,
    /// QEMU's translator: ten times slower and more, but needs nothing from the host.
    Tcg,
}

/// What may be done in a second; without a limit where it is unset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rate {
    pub bytes: Option<u64>,
    pub operations: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Something that must exist does not; `remedy` says how to get it.
    #[error("{what} {path} is missing: {remedy}")]
    Missing { what: &'static str, path: PathBuf, remedy: String },
    #[error("{program} cannot be started")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    /// It has ended, or was ended, before it had a guest that runs.
    #[error("{} {}", exit.program, exit.how())]
    Died {
        exit: VmExit,
        /// What the guest has said until then.
        console: Vec<String>,
    },
    #[error("{program} does not start the guest: {words}")]
    Refused { program: String, words: String },
    #[error("{program} does not say its version, but {said:?}")]
    NoVersion { program: String, said: String },
    #[error("{program} did not open {socket} within {seconds} s")]
    Late { program: String, socket: String, seconds: u64 },
    #[error("the snapshot cannot be restored: {0}")]
    Snapshot(String),
    #[error("this machine cannot accelerate VMs: {0}")]
    NoAcceleration(String),
    #[error("a VM cannot have {what}")]
    Shape { what: String },
    #[error(transparent)]
    CommandLine(#[from] CommandLineError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("{path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl LaunchError {
    /// Adds what the control group of a VMM that has died knows of it.
    fn with_memory_of(self, group: impl FnOnce() -> Option<OutOfMemory>) -> Self {
        match self {
            Self::Died { exit, console } => {
                Self::Died { exit: VmExit { out_of_memory: group(), ..exit }, console }
            }
            other => other,
        }
    }
}

/// A VM whose daemon has gone without ending it.
#[derive(Debug, Clone)]
pub struct Survivor {
    pub id: VmId,
    /// As [`VmSpec::directory`] was.
    pub directory: PathBuf,
    /// As [`Vm::processes`] told them.
    pub processes: Vec<ProcessId>,
}

#[async_trait]
pub trait Vmm: Send + Sync + std::fmt::Debug {
    fn capabilities(&self) -> Capabilities;

    /// Where the agent of a guest with that [`VmSpec::directory`] will be reached, before there is one.
    fn agent_address(&self, directory: &Path) -> AgentAddress;

    /// Removes what a VM whose processes are gone has left outside of its directory; what is not there is removed.
    async fn clear(&self, _id: VmId) {}

    /// Starts the guest. When this returns, the VMM runs; the kernel may not have said a word yet.
    ///
    /// # Errors
    /// Nothing is left running when it fails.
    ///
    /// # Cancel safety
    /// Dropping the future ends what it has started.
    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError>;

    /// What a snapshot depends on besides what is in the spec: version, machine, processor. `None` when no machine like that
    /// can be snapshotted here.
    ///
    /// # Errors
    /// When this host cannot run it at all.
    async fn snapshot_conditions(&self, _spec: &VmSpec) -> Result<Option<serde_json::Value>, LaunchError> {
        Ok(None)
    }

    /// Goes on with a snapshot as a new VM: the spec's disk is a copy of the one that the snapshot was made with, and its
    /// network another of the same kind. When this returns, the guest runs; its agent has to be told who it is now.
    ///
    /// # Errors
    /// Nothing is left running when it fails, and a boot may be tried in the same directory.
    ///
    /// # Cancel safety
    /// Dropping the future ends what it has started.
    async fn restore(&self, _spec: &VmSpec, _files: &SnapshotFiles) -> Result<Box<dyn Vm>, LaunchError> {
        Err(LaunchError::Shape { what: "a snapshot to begin with: this VMM restores none".to_owned() })
    }

    /// Goes on with a guest that [`Vm::hibernate`] has written: `from` is the pipe out of which it comes. When this returns, the
    /// guest is whole, and stands still until [`Vm::go_on`].
    ///
    /// # Errors
    /// Nothing is left running when it fails, and the guest has not run: the same may be tried again.
    ///
    /// # Cancel safety
    /// Dropping the future ends what it has started.
    async fn wake(&self, _spec: &VmSpec, _from: OwnedFd) -> Result<Box<dyn Vm>, LaunchError> {
        Err(LaunchError::Shape { what: "been hibernated: this VMM does not do that".to_owned() })
    }

    /// Takes over a guest that this kind of VMM has launched for a daemon which is gone. Its guest notices nothing.
    ///
    /// # Errors
    /// When one of its processes has ended, or when this VMM cannot do that.
    async fn adopt(&self, _survivor: &Survivor) -> io::Result<Box<dyn Vm>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A living guest. Dropping it kills its processes.
#[async_trait]
pub trait Vm: Send + std::fmt::Debug {
    /// The serial console, also readable after the end.
    fn console(&self) -> Arc<Console>;

    /// Every process of this VM, for the store.
    fn processes(&self) -> Vec<ProcessId>;

    /// Waits for the guest's end. Afterwards none of its processes is left.
    ///
    /// # Cancel safety
    /// Can be dropped and called again.
    async fn wait(&mut self) -> VmExit;

    /// Writes the guest's memory and devices to new files. Afterwards it does not run any more, and is only good for being ended.
    ///
    /// # Errors
    /// When it was not launched for that ([`VmSpec::golden`]), or the VMM does not do its part.
    ///
    /// # Cancel safety
    /// Can be dropped; the VM is only good for being ended then, too.
    async fn snapshot(&mut self, _files: &SnapshotFiles) -> Result<(), SnapshotError> {
        Err(SnapshotError::Unsupported)
    }

    /// Stops the guest and writes all that it is, but for its disks, into a pipe: what its memory holds may be secret. Its agent
    /// has been told. Afterwards it stands still, to be killed.
    ///
    /// # Errors
    /// When the VMM does not do its part; then [`Vm::go_on`] has the guest run again.
    ///
    /// # Cancel safety
    /// Can be dropped; the guest may stand still then.
    async fn hibernate(&mut self, _into: OwnedFd) -> Result<(), SnapshotError> {
        Err(SnapshotError::Unsupported)
    }

    /// Lets a guest go on that stands still: one that was woken, or whose hibernation came to nothing. One that runs is left alone.
    ///
    /// # Errors
    /// When the VMM does not do its part.
    async fn go_on(&mut self) -> Result<(), SnapshotError> {
        Err(SnapshotError::Unsupported)
    }

    /// Ends the VMM and its helpers at once and waits until they are gone.
    async fn kill(&mut self) -> VmExit;
}
