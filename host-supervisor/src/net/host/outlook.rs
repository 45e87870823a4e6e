//! What [`HostNetwork::open`] would find on this machine, for whoever wants to know before. Looking changes nothing.

use std::net::Ipv4Addr;

use serde::Deserialize;

use super::{
    DnsError, HostNetwork, HostNetworkError, HostNetworkSettings,
    forwarding::{self, Interfaces},
    link::Links,
    nft::Nft,
    ruleset::{self, Ruleset},
    tap_device,
};

/// Part by part, because one that is missing says nothing about the others.
#[derive(Debug)]
pub struct Outlook {
    /// That guests would be told.
    pub dns: Result<Ipv4Addr, DnsError>,
    /// nft's version; the kernel takes the rules, too.
    pub rules: Result<String, HostNetworkError>,
    /// Other base chains that drop what they do not know, by family, table and name: what they drop is dropped, whatever our
    /// rules say.
    pub other_drops: Vec<String>,
    /// Whether TAP devices can be made.
    pub tap: Result<(), HostNetworkError>,
    pub links: Result<Neighbours, HostNetworkError>,
}

/// The interfaces around the guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbours {
    pub bridge_exists: bool,
    /// By which the world is reached.
    pub uplinks: Vec<String>,
    /// Of those, which would be told to forward.
    pub closed: Vec<String>,
}

impl HostNetwork {
    /// Looks, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// When the settings make no sense anywhere.
    pub async fn look(settings: &HostNetworkSettings) -> Result<Outlook, HostNetworkError> {
        settings.check()?;
        let nft = Nft::find(&settings.nft);
        let rules = match &nft {
            Ok(nft) => rules(nft, settings).await,
            Err(_) => Err(HostNetworkError::NoNft(settings.nft.clone())),
        };
        let other_drops = match (&nft, &rules) {
            (Ok(nft), Ok(_)) => other_drops(&nft.chains().await?, &settings.bridge),
            _ => Vec::new(),
        };
        Ok(Outlook {
            dns: super::dns::name_server(settings),
            rules,
            other_drops,
            tap: tap_device::can_be_made(),
            links: neighbours(settings).await,
        })
    }
}

/// Which name server they allow is no matter for the kernel.
async fn rules(nft: &Nft, settings: &HostNetworkSettings) -> Result<String, HostNetworkError> {
    let opened = Interfaces::default();
    let ruleset =
        Ruleset { settings, dns: settings.dns.unwrap_or(settings.ipv4.addr()), opened: &opened, guests: &[] };
    nft.check(&ruleset.to_string()).await?;
    nft.version().await
}

async fn neighbours(settings: &HostNetworkSettings) -> Result<Neighbours, HostNetworkError> {
    let links = Links::open().await?;
    let bridge = links.own_bridge(settings).await?;
    links.check_free(settings, bridge).await?;
    let uplinks = links.uplinks(settings).await?;
    let closed = forwarding::closed(settings, &uplinks)?;
    let names = |interfaces: Interfaces| interfaces.v4.union(&interfaces.v6).cloned().collect();
    Ok(Neighbours { bridge_exists: bridge.is_some(), uplinks: names(uplinks), closed: names(closed) })
}

/// From a listing of all chains, as libnftables-json(5) has them: those that forwarded packets pass and that are not ours.
fn other_drops(listing: &str, bridge: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Listing {
        nftables: Vec<Object>,
    }
    #[derive(Deserialize)]
    struct Object {
        chain: Option<Chain>,
    }
    #[derive(Deserialize)]
    struct Chain {
        family: String,
        table: String,
        name: String,
        hook: Option<String>,
        policy: Option<String>,
    }
    // What cannot be read is not known, and no reason to be silent about the rest.
    let Ok(listing) = serde_json::from_str::<Listing>(listing) else { return Vec::new() };
    let ours = ruleset::table(bridge);
    listing
        .nftables
        .into_iter()
        .filter_map(|object| object.chain)
        .filter(|chain| {
            chain.table != ours
                && ["ip", "ip6", "inet", "bridge"].contains(&chain.family.as_str())
                && chain.hook.as_deref() == Some("forward")
                && chain.policy.as_deref() == Some("drop")
        })
        .map(|chain| format!("{} {} {}", chain.family, chain.table, chain.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_others_that_drop_forwarded_packets_are_found() {
        let chain = |family: &str, table: &str, name: &str, hook: &str, policy: &str| {
            format!(
                r#"{{"chain": {{"family": "{family}", "table": "{table}", "name": "{name}", "handle": 1,
                "type": "filter", "hook": "{hook}", "prio": 0, "policy": "{policy}"}}}}"#
            )
        };
        let listing = [
            r#"{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}"#.to_owned(),
            chain("ip", "filter", "FORWARD", "forward", "drop"),
            chain("ip", "filter", "INPUT", "input", "drop"),
            chain("ip6", "filter", "FORWARD", "forward", "accept"),
            chain("inet", "anteroom-br0", "forward", "forward", "drop"),
            r#"{"chain": {"family": "ip", "table": "filter", "name": "DOCKER-USER", "handle": 2}}"#
                .to_owned(),
        ];
        let listing = format!(r#"{{"nftables": [{}]}}"#, listing.join(","));
        assert_eq!(other_drops(&listing, "br0"), ["ip filter FORWARD"]);
        assert_eq!(other_drops(&listing, "br1"), ["ip filter FORWARD", "inet anteroom-br0 forward"]);
        assert!(other_drops("Error", "br0").is_empty());
    }
}
