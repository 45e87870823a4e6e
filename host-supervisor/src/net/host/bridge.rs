//! The bridge: made, or found and taken over, but never somebody else's.

use anteroom_protocol::MacAddress;
use ipnet::IpNet;
use rtnetlink::{Error, LinkBridge, LinkUnspec, packet_route::address::AddressHeaderFlags};

use super::{
    HostNetworkError, HostNetworkSettings, is_device_name,
    link::{Links, about},
    sysctl::{self, Family},
};

/// Guests are no routers and no authority on routes, and the host's other addresses are not theirs to ask for.
const WARY: [(Family, &str, &str); 4] = [
    (Family::V4, "accept_redirects", "0"),
    (Family::V4, "arp_ignore", "1"),
    (Family::V6, "accept_ra", "0"),
    (Family::V6, "accept_redirects", "0"),
];

impl Links {
    /// Makes the bridge, or takes over the one that an earlier daemon has made; says its index.
    pub(super) async fn bridge(&self, settings: &HostNetworkSettings) -> Result<u32, HostNetworkError> {
        let name = &settings.bridge;
        let existing = self.own_bridge(settings).await?;
        self.check_free(settings, existing).await?;
        let index = match existing {
            Some(index) => index,
            None => self.make_bridge(settings).await?,
        };
        // Before it comes up: with IPv6 a bridge gives itself an address at once.
        let ipv6_off = if settings.ipv6.is_some() { "0" } else { "1" };
        sysctl::ensure(Family::V6, name, "disable_ipv6", ipv6_off)?;
        for (family, setting, value) in WARY {
            sysctl::ensure(family, name, setting, value)?;
        }
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
        // Snooping would parse what guests send, for multicast that none of them gets.
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
        let foreign = |why: String| HostNetworkError::ForeignBridge { name: settings.bridge.clone(), why };
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
    pub(super) async fn check_free(
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
        let mut request = self.handle.address().add(index, address.addr(), address.prefix_len()).replace();
        if address.addr().is_ipv6() {
            // Whether somebody else has it is asked of ports that are not there yet.
            request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        request.execute().await
    }
}

fn own_addresses(settings: &HostNetworkSettings) -> Vec<IpNet> {
    [Some(IpNet::V4(settings.ipv4)), settings.ipv6.map(IpNet::V6)].into_iter().flatten().collect()
}

fn is_link_local(address: IpNet) -> bool {
    matches!(address, IpNet::V6(ipv6) if ipv6.addr().is_unicast_link_local())
}
