//! The interfaces by which the world is reached.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

use futures_util::TryStreamExt as _;
use rtnetlink::{
    RouteMessageBuilder,
    packet_route::route::{RouteAttribute, RouteMessage, RouteType},
};

use super::{
    HostNetworkError, HostNetworkSettings, forwarding::Interfaces, link::Links, settings::check_name,
};

impl Links {
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
        let indices: BTreeSet<u32> =
            routes.iter().filter(|route| is_default(route)).flat_map(leaves_by).collect();
        let mut names = BTreeSet::new();
        for index in indices {
            if let Some(name) = self.name_of(index).await? {
                check_name(&name)?;
                names.insert(name);
            }
        }
        Ok(names)
    }
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
