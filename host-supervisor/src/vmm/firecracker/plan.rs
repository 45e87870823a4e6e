//! From what a guest is to be to what Firecracker is asked, in order: pure. What Firecracker does not check itself is checked here.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anteroom_protocol::cmdline::{KernelCommandLine, Purpose};

use super::{
    body::{
        Action, BootSource, CacheType, DeviceId, Drive, EntropyDevice, InstanceActionInfo, IoEngine,
        MachineConfiguration, Vsock,
    },
    request::Request,
};
use crate::{
    net::Network,
    vmm::{LaunchError, VmSpec},
};

/// Between Firecracker and whoever wants to reach the guest; relative to the VM's directory.
pub(super) const GUEST_SOCKET: &str = "v.sock";
/// Every guest's: only its own Firecracker knows it by that number.
const GUEST_CID: u32 = 3;
/// Beyond this no host of ours goes, and Firecracker takes any number.
const MAX_MEMORY_MIB: u32 = 1024 * 1024;

/// How the guest finds its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Firecracker's `--enable-pci`.
    Pci,
    Mmio,
}

/// The whole conversation up to a running guest.
pub(super) fn requests(spec: &VmSpec, transport: Transport) -> Result<Vec<Request>, LaunchError> {
    let shape = |what: String| LaunchError::Shape { what };
    if spec.memory_mib > MAX_MEMORY_MIB {
        return Err(shape(format!("{} MiB of memory", spec.memory_mib)));
    }
    let machine = MachineConfiguration::new(spec.vcpus, spec.memory_mib)
        .map_err(|error| shape(error.to_string()))?;
    let mut requests = vec![
        Request::MachineConfig(machine),
        Request::BootSource(BootSource {
            kernel_image_path: spec.kernel.clone(),
            initrd_path: spec.initrd.clone(),
            boot_args: boot_line(spec, transport)?,
        }),
    ];
    requests.extend(drives(spec)?.into_iter().map(Request::Drive));
    requests.extend([
        Request::Vsock(Vsock { guest_cid: GUEST_CID, uds_path: GUEST_SOCKET.into() }),
        Request::Entropy(EntropyDevice::default()),
        Request::Action(InstanceActionInfo { action_type: Action::InstanceStart }),
    ]);
    Ok(requests)
}

fn drives(spec: &VmSpec) -> Result<Vec<Drive>, LaunchError> {
    let layers = spec.layers.iter().map(|path| (path, true));
    let disk = spec.disk.iter().map(|path| (path, false));
    let mut seen: Vec<&PathBuf> = Vec::new();
    let mut drives = Vec::new();
    for (index, (path, is_read_only)) in layers.chain(disk).enumerate() {
        // Two drives over one writable file would destroy it.
        if seen.contains(&path) {
            return Err(LaunchError::Shape { what: format!("the drive {} twice", path.display()) });
        }
        seen.push(path);
        let id = DeviceId::new(format!("drive{index}"));
        drives.push(Drive {
            drive_id: id.map_err(|error| LaunchError::Shape { what: error.to_string() })?,
            path_on_host: path.clone(),
            is_root_device: false,
            is_read_only,
            cache_type: CacheType::Unsafe,
            io_engine: IoEngine::Sync,
            rate_limiter: None,
        });
    }
    Ok(drives)
}

/// In the kernel's own syntax (Documentation/admin-guide/kernel-parameters.rst).
fn boot_line(spec: &VmSpec, transport: Transport) -> Result<String, LaunchError> {
    let mut others: Vec<String> = [
        "console=ttyS0",
        "loglevel=4",
        // What ends Firecracker, which has no power button: a reset by the keyboard controller; a panic, too.
        "reboot=k",
        "panic=-1",
        "oops=panic",
        "net.ifnames=0",
        // There is no such thing behind the controller, and probing for it takes a second.
        "i8042.noaux",
        "i8042.nomux",
        "i8042.dumbkbd",
        "cryptomgr.notests",
    ]
    .map(str::to_owned)
    .into();
    if transport == Transport::Mmio {
        others.push("pci=off".to_owned());
    }
    let mut devices = ('a'..='z').map(|letter| format!("/dev/vd{letter}"));
    let layers = devices.by_ref().take(spec.layers.len()).collect();
    let disk = spec.disk.is_some().then(|| devices.next()).flatten();
    let ip = match &spec.network {
        Network::None => None,
        Network::User(_) => {
            return Err(LaunchError::Shape { what: "QEMU's user-mode network under Firecracker".to_owned() });
        }
    };
    let line = KernelCommandLine { ip, vm: Some(spec.id), layers, disk, purpose: Purpose::Desktop, others };
    Ok(line.render()?)
}
