//! The host's own network for guests: one bridge, one TAP device for each VM, and one ruleset for what passes.
//!
//! ```text
//!  guest ── fc-vm-3f2a51c4 ─┐ isolated ports, nothing is flooded   ┌─▶ uplink ──▶ the world (masqueraded)
//!  guest ── fc-vm-9c01d2e7 ─┼─▶ br0 192.168.100.1/24 ── routing ───┤
//!                           │                                      ✕ private ranges, metadata, guests, the host
//!    table bridge anteroom-br0:                 table inet anteroom-br0:
//!    a port speaks as its own MAC and address   what a known guest may reach; nobody begins towards a guest
//! ```
//! What a VM owns here is written to the store (its address, from which its MAC follows, and by its id the device's name)
//! before it exists, and struck out after it is gone; [`HostNetwork::sweep`] removes what a killed daemon has left.
//!
//! Everything acts in the network namespace of the thread that calls [`HostNetwork::open`]. It takes the capability
//! `CAP_NET_ADMIN`, the program `nft`, and write access to `/dev/net/tun` and `/proc/sys/net`.
//!
//! Two limits of every such ruleset: another firewall's `drop` wins over our `accept` (a host whose FORWARD policy is DROP,
//! as Docker sets it, has to let the bridge through), and `nft flush ruleset` takes ours away until the next
//! [`HostNetwork::open`]: guests then stay isolated from each other, but not from the host.

mod address_pool;
mod bridge;
mod dns;
mod error;
mod forwarding;
mod link;
mod nft;
mod outlook;
mod port;
mod ruleset;
mod settings;
mod sysctl;
mod tap_device;
#[cfg(test)]
pub(crate) mod tests;
mod uplink;

use std::{collections::HashSet, io, net::Ipv4Addr};

use anteroom_protocol::{MacAddress, VmId};
use serde::Serialize;

use super::{TapIpv6, TapNetwork};
use crate::{failure::causes, store::Store};
use address_pool::AddressPool;
pub use dns::DnsError;
pub use error::HostNetworkError;
use link::Links;
use nft::Nft;
pub use outlook::{Neighbours, Outlook};
use ruleset::Ruleset;
pub use settings::{HostNetworkSettings, HostService, SettingsError, Transport};

/// What every device of ours is called; the first eight digits of the VM's id follow.
const DEVICE_PREFIX: &str = "fc-vm-";

/// Name of a VM's TAP device, 14 characters of the 15 that `IFNAMSIZ` leaves.
#[must_use]
pub fn device_name(vm: VmId) -> String {
    format!("{DEVICE_PREFIX}{}", vm.short())
}

/// Gives a VM's device to the user as whom its VMM runs.
///
/// # Errors
/// When there is no such device, or somebody has it open.
pub fn give_device(device: &str, owner: u32) -> io::Result<()> {
    tap_device::give(device, owner)
}

fn is_device_name(name: &str) -> bool {
    name.strip_prefix(DEVICE_PREFIX).is_some_and(|digits| {
        digits.len() == 8 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The open network. What it has made stays when it is dropped: guests may be using it.
#[derive(Debug)]
pub struct HostNetwork {
    settings: HostNetworkSettings,
    dns: Ipv4Addr,
    links: Links,
    nft: Nft,
    pool: AddressPool,
    bridge: u32,
}

/// What was found of VMs that live no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweptNetwork {
    pub devices: usize,
    pub addresses: usize,
}

impl HostNetwork {
    /// Makes bridge and rules, or takes over those of an earlier daemon; guests that are attached stay so, and their
    /// connections with them.
    ///
    /// # Errors
    /// When the settings make no sense here, somebody else has a bridge of this name or uses the network, or the kernel
    /// refuses something: see [`HostNetworkError`].
    pub async fn open(settings: HostNetworkSettings, store: Store) -> Result<Self, HostNetworkError> {
        settings.check()?;
        let dns = dns::name_server(&settings)?;
        let nft = Nft::find(&settings.nft)?;
        let links = Links::open().await?;
        let pool = AddressPool::new(store, settings.ipv4);
        let bridge = links.bridge(&settings).await?;
        let closed = forwarding::closed(&settings, &links.uplinks(&settings).await?)?;
        let opened = forwarding::still_guarded(nft.opened(&settings.bridge).await?)?.and(&closed);
        let guests: Vec<_> = pool
            .leases()
            .await?
            .iter()
            .map(|lease| tap_network(&settings, dns, lease.vm, lease.address))
            .collect();
        let ruleset = Ruleset { settings: &settings, dns, opened: &opened, guests: &guests };
        // The rules come first: nothing is forwarded that they have not seen.
        nft.apply(&ruleset.to_string()).await?;
        forwarding::switch_on(&settings, &closed)?;
        Ok(Self { settings, dns, links, nft, pool, bridge })
    }

    /// Gives the VM an address and makes its device. The store must know the VM before.
    ///
    /// # Errors
    /// When no address is left, the VM has one already, or the kernel refuses something. Nothing is left then; where that
    /// fails too, the address stays taken until [`HostNetwork::sweep`].
    ///
    /// # Cancel safety
    /// What was made when the future is dropped is removed by [`HostNetwork::detach`] or [`HostNetwork::sweep`].
    pub async fn attach(&self, vm: VmId) -> Result<TapNetwork, HostNetworkError> {
        self.open_new_uplinks().await?;
        let tap = tap_network(&self.settings, self.dns, vm, self.pool.lease(vm).await?);
        if let Err(error) = self.make(&tap).await {
            // A device of that name that was there before is somebody else's.
            let ours = !matches!(error, HostNetworkError::DeviceExists(_));
            if let Err(second) = self.take_away(vm, &tap, ours).await {
                tracing::error!(%vm, cause = causes(&second), "what was made of the VM's network is not removed");
            }
            return Err(error);
        }
        Ok(tap)
    }

    /// Makes the device of a VM that has an address once more, where it is not there: a host that was started anew has forgotten it.
    ///
    /// # Errors
    /// When the kernel refuses something.
    pub async fn attach_again(&self, vm: VmId) -> Result<(), HostNetworkError> {
        let Some(address) = self.pool.address_of(vm).await? else { return Ok(()) };
        let tap = tap_network(&self.settings, self.dns, vm, address);
        if self.links.find(&tap.device).await?.is_none() {
            self.make(&tap).await?;
        }
        Ok(())
    }

    /// Removes the VM's device, then what the rules know of it, then frees its address. A VM that has none is detached.
    /// The device goes even while a VMM has it open.
    ///
    /// # Errors
    /// When the kernel or the store refuses; the address stays taken then, until [`HostNetwork::sweep`].
    pub async fn detach(&self, vm: VmId) -> Result<(), HostNetworkError> {
        let Some(address) = self.pool.address_of(vm).await? else { return Ok(()) };
        self.take_away(vm, &tap_network(&self.settings, self.dns, vm, address), true).await
    }

    /// The address of a VM that is attached.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn address_of(&self, vm: VmId) -> Result<Option<Ipv4Addr>, HostNetworkError> {
        self.pool.address_of(vm).await
    }

    /// Removes what belongs to other VMs than these: addresses of the store with what they stand for, and devices on our
    /// bridge with a name of ours.
    ///
    /// # Errors
    /// At the first that cannot be removed.
    pub async fn sweep(&self, living: &[VmId]) -> Result<SweptNetwork, HostNetworkError> {
        let living: HashSet<VmId> = living.iter().copied().collect();
        let mut swept = SweptNetwork::default();
        for lease in self.pool.leases().await?.into_iter().filter(|lease| !living.contains(&lease.vm)) {
            swept.devices += usize::from(self.links.find(&device_name(lease.vm)).await?.is_some());
            let tap = tap_network(&self.settings, self.dns, lease.vm, lease.address);
            self.take_away(lease.vm, &tap, true).await?;
            swept.addresses += 1;
        }
        let names: HashSet<String> = living.iter().copied().map(device_name).collect();
        for port in self.links.ports(self.bridge).await? {
            if is_device_name(&port.name) && !names.contains(&port.name) {
                self.links.delete(&port.name).await?;
                swept.devices += 1;
            }
        }
        Ok(swept)
    }

    /// Removes the network: every device of ours on the bridge, the bridge, the rules, every address of the store; and
    /// turns off again what forwarding was turned on for it. Where there is nothing, nothing happens.
    ///
    /// # Errors
    /// When the bridge is somebody else's, or something cannot be removed.
    pub async fn remove(settings: &HostNetworkSettings, store: Store) -> Result<(), HostNetworkError> {
        settings.check()?;
        let nft = Nft::find(&settings.nft)?;
        let links = Links::open().await?;
        forwarding::switch_off(&nft.opened(&settings.bridge).await?)?;
        if let Some(bridge) = links.own_bridge(settings).await? {
            for port in links.ports(bridge).await? {
                links.delete(&port.name).await?;
            }
            links.delete(&settings.bridge).await?;
        }
        nft.apply(&ruleset::no_tables(&settings.bridge)).await?;
        let pool = AddressPool::new(store, settings.ipv4);
        for lease in pool.leases().await? {
            links.delete(&device_name(lease.vm)).await?;
            pool.free(lease.vm).await?;
        }
        Ok(())
    }

    /// The rules know a guest before its device can carry a frame, and until it carries none any more.
    async fn make(&self, tap: &TapNetwork) -> Result<(), HostNetworkError> {
        self.nft.apply(&ruleset::add(&self.settings.bridge, tap)).await?;
        tap_device::create(&tap.device, self.settings.tap_owner)?;
        self.links.plug(self.bridge, tap).await
    }

    async fn take_away(&self, vm: VmId, tap: &TapNetwork, device: bool) -> Result<(), HostNetworkError> {
        if device {
            self.links.delete(&tap.device).await?;
        }
        self.links.forget(self.bridge, tap).await?;
        self.nft.apply(&ruleset::remove(&self.settings.bridge, tap)).await?;
        self.pool.free(vm).await
    }

    /// A host can get its default route after the daemon has started, or another one.
    async fn open_new_uplinks(&self) -> Result<(), HostNetworkError> {
        let closed = forwarding::closed(&self.settings, &self.links.uplinks(&self.settings).await?)?;
        if closed.is_empty() {
            return Ok(());
        }
        self.nft.apply(&ruleset::add_opened(&self.settings.bridge, &closed)).await?;
        forwarding::switch_on(&self.settings, &closed)
    }
}

fn tap_network(settings: &HostNetworkSettings, dns: Ipv4Addr, vm: VmId, address: Ipv4Addr) -> TapNetwork {
    TapNetwork {
        device: device_name(vm),
        mac: MacAddress::of_ipv4(address),
        address,
        prefix_len: settings.ipv4.prefix_len(),
        gateway: settings.ipv4.addr(),
        dns,
        ipv6: settings.ipv6.map(|ipv6| TapIpv6 {
            address: settings.ipv6_beside(ipv6, address),
            prefix_len: ipv6.prefix_len(),
            gateway: ipv6.addr(),
        }),
    }
}
