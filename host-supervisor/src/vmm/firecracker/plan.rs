//! From what a guest is to be to what Firecracker is asked for a boot, in order: pure. What Firecracker does not check itself is checked here.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::Serialize;

use super::{
    Rates,
    body::{
        Action, Balloon, BootSource, CacheType, DeviceId, Drive, EntropyDevice, InstanceActionInfo, IoEngine,
        MachineConfiguration, NetworkInterface, RateLimiter, Vsock,
    },
    request::Request,
};
use crate::{
    net::Network,
    vmm::{
        LaunchError, Rate, VmSpec,
        boot_line::{Boot, boot_line},
    },
};

/// Between Firecracker and whoever wants to reach the guest; relative to the VM's directory.
pub(super) const GUEST_SOCKET: &str = "v.sock";
/// The guest's, and the only one.
pub(super) const INTERFACE: &str = "eth0";
/// Every guest's: only its own Firecracker knows it by that number.
const GUEST_CID: u32 = 3;
/// Beyond this no host of ours goes, and Firecracker takes any number.
const MAX_MEMORY_MIB: u32 = 1024 * 1024;

/// How the guest finds its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Firecracker's `--enable-pci`.
    Pci,
    Mmio,
}

/// The whole conversation up to a running guest.
pub(super) fn requests(
    spec: &VmSpec,
    transport: Transport,
    rates: Rates,
) -> Result<Vec<Request>, LaunchError> {
    let shape = |what: String| LaunchError::Shape { what };
    if spec.memory_mib > MAX_MEMORY_MIB {
        return Err(shape(format!("{} MiB of memory", spec.memory_mib)));
    }
    let machine =
        MachineConfiguration::new(spec.vcpus, spec.memory_mib).map_err(|error| shape(error.to_string()))?;
    let mut requests = vec![
        Request::MachineConfig(machine),
        Request::BootSource(BootSource {
            kernel_image_path: spec.boot.kernel.clone(),
            initrd_path: spec.boot.initrd.clone(),
            boot_args: boot_line(Boot::desktop(spec, kernel_words(transport)))?,
        }),
    ];
    requests.extend(drives(spec, rates.disk)?.into_iter().map(Request::Drive));
    requests.extend(interface(&spec.network, rates.network)?.map(Request::NetworkInterface));
    requests.extend([
        Request::Vsock(Vsock { guest_cid: GUEST_CID, uds_path: GUEST_SOCKET.into() }),
        Request::Entropy(EntropyDevice::default()),
        // Empty; it gives the host memory back when somebody fills it, and gives way when the guest needs it.
        Request::Balloon(Balloon { amount_mib: 0, deflate_on_oom: true, stats_polling_interval_s: 0 }),
        Request::Action(InstanceActionInfo { action_type: Action::InstanceStart }),
    ]);
    Ok(requests)
}

/// The device exists and is nobody's, so that a Firecracker without privileges may take it.
fn interface(network: &Network, rate: Rate) -> Result<Option<NetworkInterface>, LaunchError> {
    let shape = |what: String| LaunchError::Shape { what };
    match network {
        Network::None => Ok(None),
        Network::User(_) => Err(shape("QEMU's user-mode network under Firecracker".to_owned())),
        Network::Tap(tap) => Ok(Some(NetworkInterface {
            iface_id: DeviceId::new(INTERFACE).map_err(|error| shape(error.to_string()))?,
            host_dev_name: tap.device.clone(),
            guest_mac: tap.mac.to_string(),
            rx_rate_limiter: RateLimiter::of(rate),
            tx_rate_limiter: RateLimiter::of(rate),
        })),
    }
}

/// Two drives over one writable file would destroy it. To be looked at before the files get the names that Firecracker sees.
pub(super) fn no_drive_twice(spec: &VmSpec) -> Result<(), LaunchError> {
    let mut seen: Vec<&PathBuf> = Vec::new();
    for path in spec.boot.agent.iter().chain(&spec.layers).chain(&spec.disk) {
        if seen.contains(&path) {
            return Err(LaunchError::Shape { what: format!("the drive {} twice", path.display()) });
        }
        seen.push(path);
    }
    Ok(())
}

fn drives(spec: &VmSpec, rate: Rate) -> Result<Vec<Drive>, LaunchError> {
    let agent = spec.boot.agent.iter().map(|path| (path, true));
    let layers = spec.layers.iter().map(|path| (path, true));
    let disk = spec.disk.iter().map(|path| (path, false));
    let mut drives = Vec::new();
    for (index, (path, is_read_only)) in agent.chain(layers).chain(disk).enumerate() {
        let id = DeviceId::new(format!("drive{index}"));
        drives.push(Drive {
            drive_id: id.map_err(|error| LaunchError::Shape { what: error.to_string() })?,
            path_on_host: path.clone(),
            // The command line names the root, as for every VMM.
            is_root_device: false,
            is_read_only,
            cache_type: CacheType::Unsafe,
            io_engine: IoEngine::Sync,
            rate_limiter: RateLimiter::of(rate),
        });
    }
    Ok(drives)
}

fn kernel_words(transport: Transport) -> Vec<String> {
    let mut words: Vec<String> = [
        // Firecracker has no power button: what ends it is a reset by the keyboard controller, which has no mouse and one line.
        "reboot=k",
        "i8042.noaux",
        "i8042.nomux",
        "i8042.dumbkbd",
    ]
    .map(str::to_owned)
    .into();
    if transport == Transport::Mmio {
        words.push("pci=off".to_owned());
    }
    words
}
