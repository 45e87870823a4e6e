//! One guest's port of the bridge.
//!
//! The bridge learns nothing there and floods nothing: where a guest's address is (for the bridge and for the host's
//! neighbour table) is written down when its port is made, so that no frame for one guest is shown to another, and no guest
//! can claim another's place.

use std::net::IpAddr;

use nix::libc;
use rtnetlink::{
    Error, LinkBridgePort, LinkUnspec,
    packet_route::neighbour::{NeighbourFlags, NeighbourState},
};

use super::{
    HostNetworkError,
    error::errno,
    link::{Links, about},
    sysctl::{self, Family},
};
use crate::net::TapNetwork;

impl Links {
    /// Makes a TAP device that exists a port of the bridge: isolated from the others, and with its guest's addresses as the
    /// only ones behind it.
    pub(super) async fn plug(&self, bridge: u32, tap: &TapNetwork) -> Result<(), HostNetworkError> {
        let device = &tap.device;
        let port = self.find(device).await?.ok_or_else(|| HostNetworkError::Netlink {
            what: format!("the device {device}"),
            source: Error::RequestFailed,
        })?;
        // A port has no addresses of its own; with IPv6 it would speak to the guest to get one. And it listens to none:
        // some frames reach the device itself past the bridge (see `ruleset`).
        sysctl::ensure(Family::V6, device, "disable_ipv6", "1")?;
        let plug = LinkUnspec::new_with_index(port.index).controller(bridge).arp(false).build();
        self.handle.link().set(plug).execute().await.map_err(about("the bridge's port", device))?;
        let settings =
            LinkBridgePort::new(port.index).isolated(true).learning(false).flood(false).up().build();
        self.handle.link().set_port(settings).execute().await.map_err(about("the bridge's port", device))?;
        let mac = tap.mac.octets();
        self.handle
            .neighbours()
            .add_bridge(port.index, &mac)
            // To the bridge `Permanent` would be an address of the host's.
            .state(NeighbourState::Noarp)
            .flags(NeighbourFlags::Controller)
            .execute()
            .await
            .map_err(about("the guest's place on the bridge at", device))?;
        for address in addresses_of(tap) {
            let neighbour = self.handle.neighbours().add(bridge, address).link_layer_address(&mac).replace();
            neighbour.execute().await.map_err(about("the guest's neighbour entry at", device))?;
        }
        Ok(())
    }

    /// Removes what the bridge's neighbour table knows of a guest; that the port goes does not.
    pub(super) async fn forget(&self, bridge: u32, tap: &TapNetwork) -> Result<(), HostNetworkError> {
        for address in addresses_of(tap) {
            // The request that adds is the one that names what to delete.
            let mut named = self.handle.neighbours().add(bridge, address);
            let message = named.message_mut().clone();
            match self.handle.neighbours().del(message).execute().await {
                Err(error) if matches!(errno(&error), Some(libc::ENOENT | libc::ENODEV)) => {}
                other => other.map_err(about("the guest's neighbour entry at", &tap.device))?,
            }
        }
        Ok(())
    }
}

fn addresses_of(tap: &TapNetwork) -> impl Iterator<Item = IpAddr> {
    [IpAddr::V4(tap.address)].into_iter().chain(tap.ipv6_addresses().map(IpAddr::V6))
}
