//! Bridge, ports, addresses and routes, by netlink.
//!
//! The bridge learns nothing and floods nothing: where a guest's address is (bridge and neighbour table) is written down
//! when its port is made, so that no frame for one guest is shown to another, and no guest can claim another's place.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use nix::libc;
use rtnetlink::{
    Error, Handle, LinkBridge, LinkBridgePort, LinkUnspec, RouteMessageBuilder,
    packet_route::{
        address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
        link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
        neighbour::{NeighbourFlags, NeighbourState},
        route::{RouteAttribute, RouteMessage, RouteType},
    },
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    HostNetworkError, HostNetworkSettings,
    error::errno,
    forwarding::Interfaces,
    is_device_name,
    sysctl::{self, Family},
};
use crate::net::{MacAddress, TapNetwork};

#[derive(Debug)]
pub(super) struct Links {
    handle: Handle,
    _connection: AbortOnDropHandle<()>,
}

/// What there is of an interface.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    is_bridge: bool,
    /// Index of the bridge, or other device, that it is a port of.
    master: Option<u32>,
}

impl Links {
    /// Sees the network namespace of the calling thread, from here on and wherever it is used.
    pub(super) fn open() -> Result<Self, HostNetworkError> {
        let (connection, handle, _) =
            rtnetlink::new_connection().map_err(HostNetworkError::io("netlink"))?;
        Ok(Self { handle, _connection: AbortOnDropHandle::new(tokio::spawn(connection)) })
    }

    /// Makes the bridge, or takes over the one that an earlier daemon has made; says its index.
    pub(super) async fn bridge(&self, settings: &HostNetworkSettings) -> Result<u32, HostNetworkError> {
        let name = &settings.bridge;
        let existing = self.own_bridge(settings).await?;
        self.check_free(settings, existing).await?;
        let index = match existing {
            Some(index) => index,
            None => self.make_bridge(settings).await?,
        };
        // IPv6 first: a bridge that comes up with it gives itself an address and believes in routers.
        let ipv6_off = if settings.ipv6.is_some() { "0" } else { "1" };
        sysctl::ensure(Family::V6, name, "disable_ipv6", ipv6_off)?;
        sysctl::ensure(Family::V6, name, "accept_ra", "0")?;
        // The host has other addresses; guests do not learn them by asking.
        sysctl::ensure(Family::V4, name, "arp_ignore", "1")?;
        for address in own_addresses(settings) {
            self.add_address(index, address).await.map_err(about("the address of", name))?;
        }
        let up = LinkUnspec::new_with_index(index).up().build();
        self.handle.link().set(up).execute().await.map_err(about("the bridge", name))?;
        Ok(index)
    }

    async fn make_bridge(&self, settings: &HostNetworkSettings) -> Result<u32, HostNetworkError> {
        let name = &settings.bridge;
        // With an address of its own, the bridge does not take that of a port, and change it when the port goes.
        let mac = MacAddress::of_ipv4(settings.ipv4.addr());
        let bridge =
            LinkBridge::new(name).down().mcast_snooping(false).address(mac.octets().to_vec()).build();
        self.handle.link().add(bridge).execute().await.map_err(about("the bridge", name))?;
        let made = self.find(name).await?;
        made.map(|link| link.index).ok_or_else(|| HostNetworkError::ForeignBridge {
            name: name.clone(),
            why: "somebody has removed it at once".to_owned(),
        })
    }

    /// The index of the bridge of this name; `None` when there is none.
    ///
    /// # Errors
    /// When what has the name is not a bridge as we make it.
    pub(super) async fn own_bridge(
        &self,
        settings: &HostNetworkSettings,
    ) -> Result<Option<u32>, HostNetworkError> {
        let foreign =
            |why: String| HostNetworkError::ForeignBridge { name: settings.bridge.clone(), why };
        let Some(link) = self.find(&settings.bridge).await? else { return Ok(None) };
        if !link.is_bridge {
            return Err(foreign("it is no bridge".to_owned()));
        }
        let own = own_addresses(settings);
        for (index, address) in self.addresses().await? {
            if index == link.index && !is_link_local(address) && !own.contains(&address) {
                return Err(foreign(format!("it has the address {address}")));
            }
        }
        let ports = self.ports(link.index).await?;
        match ports.iter().find(|port| !is_device_name(&port.name)) {
            Some(port) => Err(foreign(format!("{} is a port of it", port.name))),
            None => Ok(Some(link.index)),
        }
    }

    /// Two interfaces with one network would take each other's packets.
    async fn check_free(
        &self,
        settings: &HostNetworkSettings,
        bridge: Option<u32>,
    ) -> Result<(), HostNetworkError> {
        for (index, found) in self.addresses().await? {
            let own = own_addresses(settings).into_iter();
            let overlaps = |own: &IpNet| own.contains(&found.network()) || found.contains(&own.network());
            if Some(index) != bridge
                && !is_link_local(found)
                && let Some(network) = own.into_iter().find(overlaps)
            {
                let device = self.name_of(index).await?.unwrap_or_else(|| index.to_string());
                return Err(HostNetworkError::NetworkInUse {
                    network: network.trunc(),
                    device,
                    found: found.addr(),
                });
            }
        }
        Ok(())
    }

    async fn add_address(&self, index: u32, address: IpNet) -> Result<(), Error> {
        let mut request =
            self.handle.address().add(index, address.addr(), address.prefix_len()).replace();
        if address.addr().is_ipv6() {
            // Whether somebody else has it is asked of ports that are not there yet.
            request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        request.execute().await
    }

    /// Makes a TAP device that exists a port of the bridge: isolated from the others, and with its guest's addresses as the
    /// only ones behind it.
    pub(super) async fn plug(&self, bridge: u32, tap: &TapNetwork) -> Result<(), HostNetworkError> {
        let device = &tap.device;
        let port = self.find(device).await?.ok_or_else(|| HostNetworkError::Netlink {
            what: format!("the device {device}"),
            source: Error::RequestFailed,
        })?;
        // A port has no addresses of its own; with IPv6 it would speak to the guest to get one.
        sysctl::ensure(Family::V6, device, "disable_ipv6", "1")?;
        let plug = LinkUnspec::new_with_index(port.index).controller(bridge).build();
        self.handle.link().set(plug).execute().await.map_err(about("the bridge's port", device))?;
        let settings = LinkBridgePort::new(port.index)
            .isolated(true)
            .learning(false)
            .flood(false)
            .bcast_flood(false)
            .mcast_flood(false)
            .up()
            .build();
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
                Err(error) if errno(&error) == Some(libc::ENOENT) => {}
                other => other.map_err(about("the guest's neighbour entry at", &tap.device))?,
            }
        }
        Ok(())
    }

    /// Removes an interface; one that is not there is removed.
    pub(super) async fn delete(&self, name: &str) -> Result<(), HostNetworkError> {
        let Some(link) = self.find(name).await? else { return Ok(()) };
        match self.handle.link().del(link.index).execute().await {
            Err(error) if errno(&error) == Some(libc::ENODEV) => Ok(()),
            other => other.map_err(about("the device", name)),
        }
    }

    pub(super) async fn find(&self, name: &str) -> Result<Option<Link>, HostNetworkError> {
        let found = self.handle.link().get().match_name(name).execute().try_next().await;
        Ok(unless_absent(found).map_err(about("the device", name))?.map(|message| link(&message)))
    }

    async fn name_of(&self, index: u32) -> Result<Option<String>, HostNetworkError> {
        let found = self.handle.link().get().match_index(index).execute().try_next().await;
        Ok(unless_absent(found).map_err(HostNetworkError::netlink("interfaces"))?.map(|message| link(&message).name))
    }

    pub(super) async fn ports(&self, bridge: u32) -> Result<Vec<Link>, HostNetworkError> {
        let links: Vec<LinkMessage> = self
            .handle
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(HostNetworkError::netlink("interfaces"))?;
        Ok(links.iter().map(link).filter(|link| link.master == Some(bridge)).collect())
    }

    /// Every address of the host, with the index of its interface.
    async fn addresses(&self) -> Result<Vec<(u32, IpNet)>, HostNetworkError> {
        let all: Vec<AddressMessage> = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(HostNetworkError::netlink("addresses"))?;
        Ok(all.iter().filter_map(address).collect())
    }

    /// Where packets for the world leave: as the settings say, or as the default routes do, of whatever table.
    pub(super) async fn uplinks(
        &self,
        settings: &HostNetworkSettings,
    ) -> Result<Interfaces, HostNetworkError> {
        if !settings.uplinks.is_empty() {
            let named: BTreeSet<String> = settings.uplinks.iter().cloned().collect();
            return Ok(Interfaces { v4: named.clone(), v6: named });
        }
        let v4 = self.default_interfaces(RouteMessageBuilder::<Ipv4Addr>::new().build()).await?;
        let v6 = match settings.ipv6 {
            Some(_) => self.default_interfaces(RouteMessageBuilder::<Ipv6Addr>::new().build()).await?,
            None => BTreeSet::new(),
        };
        Ok(Interfaces { v4, v6 })
    }

    async fn default_interfaces(&self, of: RouteMessage) -> Result<BTreeSet<String>, HostNetworkError> {
        let routes: Vec<RouteMessage> = self
            .handle
            .route()
            .get(of)
            .execute()
            .try_collect()
            .await
            .map_err(HostNetworkError::netlink("routes"))?;
        let indices: BTreeSet<u32> = routes.iter().filter(|route| is_default(route)).flat_map(leaves_by).collect();
        let mut names = BTreeSet::new();
        for index in indices {
            if let Some(name) = self.name_of(index).await? {
                super::settings::check_name(&name)?;
                names.insert(name);
            }
        }
        Ok(names)
    }
}

fn own_addresses(settings: &HostNetworkSettings) -> Vec<IpNet> {
    [Some(IpNet::V4(settings.ipv4)), settings.ipv6.map(IpNet::V6)].into_iter().flatten().collect()
}

fn addresses_of(tap: &TapNetwork) -> impl Iterator<Item = IpAddr> {
    [IpAddr::V4(tap.address)].into_iter().chain(tap.ipv6_addresses().map(IpAddr::V6))
}

fn is_link_local(address: IpNet) -> bool {
    matches!(address, IpNet::V6(ipv6) if ipv6.addr().is_unicast_link_local())
}

fn unless_absent<T>(found: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match found {
        Err(error) if errno(&error) == Some(libc::ENODEV) => Ok(None),
        other => other,
    }
}

fn link(message: &LinkMessage) -> Link {
    let mut link = Link { index: message.header.index, name: String::new(), is_bridge: false, master: None };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Controller(index) => link.master = Some(*index),
            LinkAttribute::LinkInfo(infos) => {
                link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
            }
            _ => {}
        }
    }
    link
}

/// On a point-to-point interface `Address` is the other side's.
fn address(message: &AddressMessage) -> Option<(u32, IpNet)> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    Some((message.header.index, IpNet::new(address, message.header.prefix_len).ok()?))
}

fn is_default(route: &RouteMessage) -> bool {
    route.header.destination_prefix_length == 0 && route.header.kind == RouteType::Unicast
}

fn leaves_by(route: &RouteMessage) -> Vec<u32> {
    let mut indices = Vec::new();
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => indices.push(*index),
            RouteAttribute::MultiPath(hops) => indices.extend(hops.iter().map(|hop| hop.interface_index)),
            _ => {}
        }
    }
    indices
}

fn about(what: &str, name: &str) -> impl FnOnce(Error) -> HostNetworkError {
    HostNetworkError::netlink(format!("{what} {name}"))
}
