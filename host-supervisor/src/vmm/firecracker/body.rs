//! The bodies of Firecracker's API, as far as Anteroom uses it (`firecracker.yaml`, v1.13). Firecracker refuses a field that it
//! does not know, so each type here has exactly the fields of its definition there; a test compares them.

use std::path::PathBuf;

use serde::Serialize;

use crate::vmm::Rate;

/// Why one of these words is wrong, said before Firecracker is asked: it checks neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("{0:?} is no id of a device: letters, digits and _ are taken")]
    Id(String),
    #[error("a guest has 1 or an even number of processors up to 32, not {0}")]
    Processors(u8),
}

/// The name of a drive or of an interface, in the path and in the body alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct DeviceId(String);

impl DeviceId {
    pub(super) fn new(id: impl Into<String>) -> Result<Self, BodyError> {
        let id = id.into();
        let fits = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if fits { Ok(Self(id)) } else { Err(BodyError::Id(id)) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct MachineConfiguration {
    pub(super) vcpu_count: u8,
    pub(super) mem_size_mib: u32,
    pub(super) smt: bool,
}

impl MachineConfiguration {
    pub(super) fn new(vcpus: u8, memory_mib: u32) -> Result<Self, BodyError> {
        let fits = vcpus == 1 || (2..=32).contains(&vcpus) && vcpus.is_multiple_of(2);
        if !fits {
            return Err(BodyError::Processors(vcpus));
        }
        Ok(Self { vcpu_count: vcpus, mem_size_mib: memory_mib, smt: false })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BootSource {
    /// An ELF file: a bzImage is refused, when the machine is started.
    pub(super) kernel_image_path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) initrd_path: Option<PathBuf>,
    pub(super) boot_args: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Drive {
    pub(super) drive_id: DeviceId,
    pub(super) path_on_host: PathBuf,
    /// Never: the guest's PID 1 assembles its root, and `true` would add a `root=` of Firecracker's own.
    pub(super) is_root_device: bool,
    pub(super) is_read_only: bool,
    pub(super) cache_type: CacheType,
    pub(super) io_engine: IoEngine,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limiter: Option<RateLimiter>,
}

/// Whether a flush of the guest reaches the host's disk. What a guest writes here is worth nothing after a crash of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum CacheType {
    Unsafe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum IoEngine {
    Sync,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NetworkInterface {
    pub(super) iface_id: DeviceId,
    /// The TAP.
    pub(super) host_dev_name: String,
    pub(super) guest_mac: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rx_rate_limiter: Option<RateLimiter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tx_rate_limiter: Option<RateLimiter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Vsock {
    /// 3 and more; 2 is the host's, and Firecracker would take it.
    pub(super) guest_cid: u32,
    pub(super) uds_path: PathBuf,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct EntropyDevice {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limiter: Option<RateLimiter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Balloon {
    pub(super) amount_mib: u32,
    pub(super) deflate_on_oom: bool,
    /// 0: no statistics.
    pub(super) stats_polling_interval_s: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct RateLimiter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bandwidth: Option<TokenBucket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ops: Option<TokenBucket>,
}

/// `size` tokens every `refill_time` milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct TokenBucket {
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) one_time_burst: Option<u64>,
    pub(super) refill_time: u64,
}

impl RateLimiter {
    /// With a second's worth at once; `None` when there is no limit.
    pub(super) fn of(rate: Rate) -> Option<Self> {
        let bucket = |size: u64| TokenBucket { size, one_time_burst: None, refill_time: 1000 };
        let limiter = Self { bandwidth: rate.bytes.map(bucket), ops: rate.operations.map(bucket) };
        (limiter != Self::default()).then_some(limiter)
    }
}

/// A machine that stands still is snapshotted, and one that was loaded stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Vm {
    pub(super) state: VmState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum VmState {
    Paused,
    Resumed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SnapshotCreateParams {
    /// As long as the memory, and without holes.
    pub(super) mem_file_path: PathBuf,
    pub(super) snapshot_path: PathBuf,
    pub(super) snapshot_type: SnapshotType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum SnapshotType {
    Full,
    /// What is resident, when no changes were tracked; whole all the same of a machine that was booted, as long as nothing of it is
    /// swapped (docs/snapshotting/snapshot-support.md of Firecracker).
    Diff,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SnapshotLoadParams {
    pub(super) snapshot_path: PathBuf,
    pub(super) mem_backend: MemoryBackend,
    pub(super) resume_vm: bool,
    /// Devices of the host's in the place of those that are written in the snapshot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) network_overrides: Vec<NetworkOverride>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct MemoryBackend {
    pub(super) backend_type: BackendType,
    pub(super) backend_path: PathBuf,
}

/// A private mapping of the file: what a clone does not write, it shares with all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum BackendType {
    File,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NetworkOverride {
    pub(super) iface_id: DeviceId,
    /// The TAP.
    pub(super) host_dev_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct InstanceActionInfo {
    pub(super) action_type: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Action {
    InstanceStart,
}
