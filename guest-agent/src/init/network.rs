//! Loopback and the first interface, by netlink, from what `ip=` says.

use std::{net::Ipv4Addr, time::Duration};

use anteroom_protocol::cmdline::{Autoconf, IpConfig};
use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::{
    Handle, LinkUnspec, MulticastGroup, RouteMessageBuilder, new_multicast_connection,
    packet_route::link::{LinkAttribute, LinkMessage},
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
    address: Ipv4Addr,
    prefix_len: u8,
    gateway: Option<Ipv4Addr>,
}

/// Brings loopback up, and the interface of `ip=` with address and default route. Says whether there was one to set.
pub(super) async fn configure(ip: Option<&IpConfig>) -> Result<bool, NetworkError> {
    let plan = ip.map_or(Ok(None), plan)?;
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

fn plan(ip: &IpConfig) -> Result<Option<Plan>, NetworkError> {
    if !matches!(ip.autoconf, Autoconf::Unset | Autoconf::Off) {
        return Err(NetworkError::Autoconf(ip.autoconf));
    }
    let Some(address) = ip.client else { return Ok(None) };
    Ok(Some(Plan {
        device: ip.device.clone().unwrap_or_else(|| DEFAULT_DEVICE.to_owned()),
        address,
        prefix_len: ip.prefix_len.ok_or(NetworkError::NoNetmask)?,
        gateway: ip.gateway,
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
    handle
        .address()
        .add(index, plan.address.into(), plan.prefix_len)
        .replace()
        .execute()
        .await
        .map_err(refused("the address", &plan.device))?;
    up(handle, &plan.device, index).await?;
    let Some(gateway) = plan.gateway else { return Ok(()) };
    let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(gateway).output_interface(index).build();
    handle.route().add(route).replace().execute().await.map_err(refused("the default route", &plan.device))
}

fn refused(what: &'static str, device: &str) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
    let device = device.to_owned();
    move |source| NetworkError::Refused { what, device, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(ip: &str) -> Result<Option<Plan>, String> {
        plan(&ip.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_full_line_becomes_a_plan_and_eth0_is_meant_when_nothing_is_named() {
        let expected = Plan {
            device: "eth0".into(),
            address: Ipv4Addr::new(10, 0, 2, 15),
            prefix_len: 24,
            gateway: Some(Ipv4Addr::new(10, 0, 2, 2)),
        };
        assert_eq!(planned("10.0.2.15::10.0.2.2:255.255.255.0:::off"), Ok(Some(expected)));
        assert_eq!(planned("::::guest::off"), Ok(None));
    }

    #[test]
    fn what_cannot_be_done_is_refused_and_named() {
        assert_eq!(planned("10.0.2.15"), Err("ip= has a client address but no netmask".into()));
        assert!(planned("dhcp").unwrap_err().contains("Dhcp"));
    }
}
