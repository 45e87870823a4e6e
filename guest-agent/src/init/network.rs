//! Loopback and the first interface, by netlink, from what `ip=` and `anteroom.ip6=` say: at a boot, and for a copy of a frozen
//! guest.

#[cfg(test)]
mod tests;

use std::{
    future::ready,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use anteroom_protocol::{
    MacAddress,
    cmdline::{Autoconf, Ip6Config, IpConfig},
};
use futures_util::{StreamExt, TryStreamExt};
use nix::errno::Errno;
use rtnetlink::{
    Handle, LinkUnspec, MulticastGroup, RouteMessageBuilder, new_multicast_connection,
    packet_route::{
        address::{AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope},
        link::{LinkAttribute, LinkMessage},
        route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol},
    },
};
use tokio::time::timeout;

/// An interface is there when its driver is, so this is only ever spent on one that does not exist.
const LINK_PATIENCE: Duration = Duration::from_secs(3);
const DEFAULT_DEVICE: &str = "eth0";

#[derive(Debug, thiserror::Error)]
pub(crate) enum NetworkError {
    #[error("netlink cannot be opened")]
    Netlink(#[source] std::io::Error),
    #[error("ip= asks for {0:?}, but only addresses that are written there are understood")]
    Autoconf(Autoconf),
    #[error("ip= has a client address but no netmask")]
    NoNetmask,
    #[error("the interface {0} does not exist")]
    NoInterface(String),
    #[error("{what} of {device} cannot be set")]
    Refused { what: &'static str, device: String, source: rtnetlink::Error },
}

/// What is to be set, after everything that could be wrong with the command line.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    device: String,
    /// One at least.
    places: Vec<Place>,
}

/// An address of the interface, and the default route that comes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    address: IpAddr,
    prefix_len: u8,
    gateway: Option<IpAddr>,
}

/// Brings loopback up, and the first interface with its addresses and default routes, and no other address or way than
/// these; with another Ethernet address, if one is given. Says whether there was an interface to set. What is so already stays
/// as it is, so that it may be asked for again.
pub(super) async fn configure(
    ip: Option<&IpConfig>,
    ip6: Option<Ip6Config>,
    mac: Option<MacAddress>,
) -> Result<bool, NetworkError> {
    let plan = plan(ip, ip6)?;
    let (connection, handle, mut news) =
        new_multicast_connection(&[MulticastGroup::Link]).map_err(NetworkError::Netlink)?;
    let connection = tokio::spawn(connection);
    let result = async {
        up(&handle, "lo", link(&handle, "lo").await?.header.index).await?;
        let Some(plan) = plan else {
            if let Ok(unused) = link(&handle, DEFAULT_DEVICE).await {
                take_away(&handle, None, DEFAULT_DEVICE, unused.header.index).await?;
            }
            return Ok(false);
        };
        let link = loop {
            match link(&handle, &plan.device).await {
                Ok(link) => break link,
                Err(error) => {
                    // Any change of any link is a reason to look again.
                    let Ok(Some(_)) = timeout(LINK_PATIENCE, news.next()).await else { return Err(error) };
                }
            }
        };
        if let Some(mac) = mac {
            rename(&handle, &link, &plan.device, mac).await?;
        }
        take_away(&handle, Some(&plan), &plan.device, link.header.index).await?;
        apply(&handle, &plan, link.header.index).await?;
        Ok(true)
    }
    .await;
    connection.abort();
    result
}

fn plan(ip: Option<&IpConfig>, ip6: Option<Ip6Config>) -> Result<Option<Plan>, NetworkError> {
    let v4 = ip.map_or(Ok(None), place)?;
    let v6 = ip6.map(|ip6| Place {
        address: ip6.address.into(),
        prefix_len: ip6.prefix_len,
        gateway: ip6.gateway.map(IpAddr::V6),
    });
    let places: Vec<_> = v4.into_iter().chain(v6).collect();
    let device = ip.and_then(|ip| ip.device.clone()).unwrap_or_else(|| DEFAULT_DEVICE.to_owned());
    Ok((!places.is_empty()).then_some(Plan { device, places }))
}

fn place(ip: &IpConfig) -> Result<Option<Place>, NetworkError> {
    if !matches!(ip.autoconf, Autoconf::Unset | Autoconf::Off) {
        return Err(NetworkError::Autoconf(ip.autoconf));
    }
    let Some(address) = ip.client else { return Ok(None) };
    Ok(Some(Place {
        address: address.into(),
        prefix_len: ip.prefix_len.ok_or(NetworkError::NoNetmask)?,
        gateway: ip.gateway.map(IpAddr::V4),
    }))
}

async fn link(handle: &Handle, device: &str) -> Result<LinkMessage, NetworkError> {
    let found: Result<Option<LinkMessage>, _> =
        handle.link().get().match_name(device.to_owned()).execute().try_next().await;
    let named = |link: &LinkMessage| link.attributes.contains(&LinkAttribute::IfName(device.to_owned()));
    match found {
        Ok(Some(link)) if named(&link) => Ok(link),
        _ => Err(NetworkError::NoInterface(device.to_owned())),
    }
}

/// An interface that goes down forgets its neighbours and its link-local address, which follows from the other one.
async fn rename(
    handle: &Handle,
    link: &LinkMessage,
    device: &str,
    mac: MacAddress,
) -> Result<(), NetworkError> {
    let octets = mac.octets().to_vec();
    if link.attributes.contains(&LinkAttribute::Address(octets.clone())) {
        return Ok(());
    }
    let of = || LinkUnspec::new_with_index(link.header.index);
    for change in [of().down().build(), of().address(octets).build()] {
        handle.link().set(change).execute().await.map_err(refused("the Ethernet address", device))?;
    }
    Ok(())
}

/// Removes what the plan does not have; everything, when there is none.
async fn take_away(
    handle: &Handle,
    plan: Option<&Plan>,
    device: &str,
    index: u32,
) -> Result<(), NetworkError> {
    let addresses: Vec<_> = handle
        .address()
        .get()
        .set_link_index_filter(index)
        .execute()
        .try_filter(|address| ready(is_foreign(address, plan)))
        .try_collect()
        .await
        .map_err(refused("the addresses", device))?;
    for address in addresses {
        gone(handle.address().del(address).execute().await).map_err(refused("the addresses", device))?;
    }
    let of_v4 = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let of_v6 = RouteMessageBuilder::<Ipv6Addr>::new().build();
    for family in [of_v4, of_v6] {
        let routes: Vec<_> = handle
            .route()
            .get(family)
            .execute()
            .try_filter(|route| ready(leads_astray(route, plan, index)))
            .try_collect()
            .await
            .map_err(refused("the routes", device))?;
        for route in routes {
            gone(handle.route().del(route).execute().await).map_err(refused("the routes", device))?;
        }
    }
    Ok(())
}

/// The link-local address of IPv6 belongs to the interface.
fn is_foreign(address: &AddressMessage, plan: Option<&Plan>) -> bool {
    let is = |place: &Place| {
        let here = match place.address {
            // IPv6 has no attribute of this name.
            IpAddr::V6(_) => AddressAttribute::Address(place.address),
            IpAddr::V4(_) => AddressAttribute::Local(place.address),
        };
        address.header.prefix_len == place.prefix_len && address.attributes.contains(&here)
    };
    let planned = plan.is_some_and(|plan| plan.places.iter().any(is));
    address.header.scope != AddressScope::Link && !planned
}

/// Ways that the kernel has made itself go with the address that they belong to.
fn leads_astray(route: &RouteMessage, plan: Option<&Plan>, index: u32) -> bool {
    let has = |attribute| route.attributes.contains(&attribute);
    let mut gateways = plan.into_iter().flat_map(|plan| &plan.places).filter_map(|place| place.gateway);
    let planned = gateways.any(|gateway| {
        let gateway = match gateway {
            IpAddr::V4(gateway) => RouteAddress::Inet(gateway),
            IpAddr::V6(gateway) => RouteAddress::Inet6(gateway),
        };
        route.header.destination_prefix_length == 0 && has(RouteAttribute::Gateway(gateway))
    });
    has(RouteAttribute::Oif(index)) && route.header.protocol != RouteProtocol::Kernel && !planned
}

/// What is gone already, with an address or an interface that went down, need not be removed.
fn gone(removed: Result<(), rtnetlink::Error>) -> Result<(), rtnetlink::Error> {
    match removed {
        Err(rtnetlink::Error::NetlinkError(error))
            if [Errno::ESRCH, Errno::EADDRNOTAVAIL].contains(&Errno::from_raw(-error.raw_code())) =>
        {
            Ok(())
        }
        other => other,
    }
}

async fn up(handle: &Handle, device: &str, index: u32) -> Result<(), NetworkError> {
    let link = LinkUnspec::new_with_index(index).up().build();
    handle.link().set(link).execute().await.map_err(refused("the state", device))
}

async fn apply(handle: &Handle, plan: &Plan, index: u32) -> Result<(), NetworkError> {
    up(handle, &plan.device, index).await?;
    for place in &plan.places {
        let mut address = handle.address().add(index, place.address, place.prefix_len).replace();
        if place.address.is_ipv6() {
            // It is reserved. Asking whether somebody has it takes a second, in which nobody can be reached by it.
            address.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        address.execute().await.map_err(refused("the address", &plan.device))?;
        let route = match place.gateway {
            None => continue,
            Some(IpAddr::V4(gateway)) => {
                RouteMessageBuilder::<Ipv4Addr>::new().gateway(gateway).output_interface(index).build()
            }
            Some(IpAddr::V6(gateway)) => {
                RouteMessageBuilder::<Ipv6Addr>::new().gateway(gateway).output_interface(index).build()
            }
        };
        let added = handle.route().add(route).replace().execute().await;
        added.map_err(refused("the default route", &plan.device))?;
    }
    Ok(())
}

fn refused(what: &'static str, device: &str) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
    let device = device.to_owned();
    move |source| NetworkError::Refused { what, device, source }
}
