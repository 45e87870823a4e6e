//! Loopback and the first interface, by netlink, from what `ip=` and `anteroom.ip6=` say.

#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use anteroom_protocol::cmdline::{Autoconf, IpConfig, KernelCommandLine};
use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::{
    Handle, LinkUnspec, MulticastGroup, RouteMessageBuilder, new_multicast_connection,
    packet_route::{
        address::AddressHeaderFlags,
        link::{LinkAttribute, LinkMessage},
    },
};
use tokio::time::timeout;

/// An interface is there when its driver is, so this is only ever spent on one that does not exist.
const LINK_PATIENCE: Duration = Duration::from_secs(3);
const DEFAULT_DEVICE: &str = "eth0";

#[derive(Debug, thiserror::Error)]
pub(super) enum NetworkError {
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

/// Brings loopback up, and the interface with addresses and default routes. Says whether there was one to set.
pub(super) async fn configure(line: &KernelCommandLine) -> Result<bool, NetworkError> {
    let plan = plan(line)?;
    let (connection, handle, mut news) =
        new_multicast_connection(&[MulticastGroup::Link]).map_err(NetworkError::Netlink)?;
    let connection = tokio::spawn(connection);
    let result = async {
        up(&handle, "lo", index_of(&handle, "lo").await?).await?;
        let Some(plan) = plan else { return Ok(false) };
        let index = loop {
            match index_of(&handle, &plan.device).await {
                Ok(index) => break index,
                Err(error) => {
                    // Any change of any link is a reason to look again.
                    let Ok(Some(_)) = timeout(LINK_PATIENCE, news.next()).await else { return Err(error) };
                }
            }
        };
        apply(&handle, &plan, index).await?;
        Ok(true)
    }
    .await;
    connection.abort();
    result
}

fn plan(line: &KernelCommandLine) -> Result<Option<Plan>, NetworkError> {
    let ip = line.ip.as_ref();
    let v4 = ip.map_or(Ok(None), place)?;
    let v6 = line.ip6.map(|ip6| Place {
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

async fn index_of(handle: &Handle, device: &str) -> Result<u32, NetworkError> {
    let found: Result<Option<LinkMessage>, _> =
        handle.link().get().match_name(device.to_owned()).execute().try_next().await;
    let named = |link: &LinkMessage| link.attributes.contains(&LinkAttribute::IfName(device.to_owned()));
    match found {
        Ok(Some(link)) if named(&link) => Ok(link.header.index),
        _ => Err(NetworkError::NoInterface(device.to_owned())),
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
