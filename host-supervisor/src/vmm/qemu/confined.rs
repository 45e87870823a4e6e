//! QEMU in its cell: what its two processes may have, and what the VM looks like from inside.

use std::path::Path;

use super::{Qemu, accelerator::Accelerator, vsock_device};
use crate::{
    net::Network,
    vmm::{
        LaunchError, Rate, VmSpec,
        confine::{Allowance, Cell, Uids, group::Share},
        process::{Identity, Mounts},
    },
};

/// Connections of the guest's on user-mode networking, and to its vsock, are files of these processes.
const MOST_FILES: u64 = 4096;
/// QEMU's own memory, and the vsock device's.
const OVERHEAD_MIB: u64 = 512;
/// For code that the translator keeps (QEMU's `tb-size`).
const TRANSLATED_MIB: u64 = 1024;
/// QEMU has 64 threads at most that read and write disks, and some for other things.
const OTHER_THREADS: u32 = 100;
/// One relay for each connection to a forwarded service.
const RELAYS: u32 = 1000;

/// What QEMU finds around it, and as whom.
#[derive(Debug)]
pub(super) struct Place {
    /// As seen from there.
    pub(super) spec: VmSpec,
    pub(super) relay: Option<Vec<String>>,
    pub(super) mounts: Mounts,
    pub(super) identity: Option<Identity>,
}

pub(super) fn cell(
    uids: &Uids,
    spec: &VmSpec,
    accelerator: Accelerator,
    disk: Rate,
) -> Result<Cell, LaunchError> {
    let allowance = Allowance { share: share(spec, accelerator), most_files: MOST_FILES, disk };
    Cell::furnish(uids, spec.id, &spec.directory, vsock_device::GUEST_SOCKET, allowance)
}

fn share(spec: &VmSpec, accelerator: Accelerator) -> Share {
    let translated = if accelerator == Accelerator::Kvm { 0 } else { TRANSLATED_MIB };
    let relays = if needs_relays(&spec.network) { RELAYS } else { 0 };
    Share {
        memory_mib: u64::from(spec.memory_mib) + OVERHEAD_MIB + translated,
        // One for what is done beside the guest: the network, disks, vsock.
        processors: u32::from(spec.vcpus) + 1,
        processes: u32::from(spec.vcpus) + OTHER_THREADS + relays,
    }
}

impl Place {
    /// QEMU itself is not shown in its cell as other programs are: it looks for its firmware from where it lies.
    pub(super) fn of(
        qemu: &Qemu,
        spec: &VmSpec,
        accelerator: Accelerator,
        cell: Option<&Cell>,
    ) -> Result<Self, LaunchError> {
        let mut relay = qemu.settings.relay.clone();
        let Some(cell) = cell else {
            return Ok(Self { spec: spec.clone(), relay, mounts: Mounts::default(), identity: None });
        };
        let (inside, mut mounts) = cell.bring_in(spec)?;
        if accelerator == Accelerator::Kvm {
            cell.lend(Path::new("/dev/kvm"), &mut mounts)?;
        }
        if matches!(spec.network, Network::Tap(_)) {
            cell.lend(Path::new("/dev/net/tun"), &mut mounts)?;
        }
        let relay_program = relay.as_mut().and_then(|words| words.first_mut());
        if let Some(program) = relay_program.filter(|_| needs_relays(&spec.network)) {
            *program = cell.show(Path::new(program.as_str()), &mut mounts)?.display().to_string();
        }
        Ok(Self { spec: inside, relay, mounts, identity: Some(cell.identity()?) })
    }
}

fn needs_relays(network: &Network) -> bool {
    matches!(network, Network::User(user) if !user.forwards.is_empty())
}
