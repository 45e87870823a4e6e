//! The guests' way to the world: what the mode in use takes of this host.

use super::finding::{Finding, Remedy};
use crate::{
    config::{Backend, Config},
    failure::causes,
    net::{HostNetwork, HostNetworkError, HostNetworkSettings, Neighbours, Outlook, host::DnsError},
};

pub(super) async fn examine(config: &Config, backend: Backend) -> Vec<Finding> {
    match &config.network.host {
        None => vec![user_mode(backend)],
        Some(settings) => match HostNetwork::look(settings).await {
            Ok(outlook) => bridged(settings, outlook),
            Err(error) => vec![Finding::fail("network", "network", causes(&error)).with(remedy(&error))],
        },
    }
}

fn user_mode(backend: Backend) -> Finding {
    let (id, title) = ("network", "network");
    match backend {
        Backend::Qemu => {
            Finding::ok(id, title, "user mode, inside QEMU: takes no privileges, no nft, no TAP devices")
        }
        Backend::Firecracker => {
            let text = "set network.mode to bridge, and start the daemon as root";
            Finding::warn(id, title, "guests have none: Firecracker has no user mode")
                .with(Remedy::by_hand(text, None))
        }
    }
}

fn bridged(settings: &HostNetworkSettings, outlook: Outlook) -> Vec<Finding> {
    let Outlook { dns, rules, other_drops, tap, links } = outlook;
    let mut findings = vec![
        judge("nft", "nft and its kernel", rules, |version| format!("{version}; the kernel takes the rules")),
        judge("tun", "/dev/net/tun", tap, |()| "can be opened".to_owned()),
    ];
    match links {
        Ok(neighbours) => findings.extend([bridge(settings, &neighbours), forwarding(settings, &neighbours)]),
        Err(error) => findings.push(failure("bridge", "bridge", &error)),
    }
    findings.push(name_server(dns));
    if !other_drops.is_empty() {
        findings.push(other_firewall(settings, &other_drops));
    }
    findings
}

fn judge<T>(
    id: &'static str,
    title: &'static str,
    part: Result<T, HostNetworkError>,
    detail: impl FnOnce(T) -> String,
) -> Finding {
    match part {
        Ok(part) => Finding::ok(id, title, detail(part)),
        Err(error) => failure(id, title, &error),
    }
}

fn failure(id: &'static str, title: &'static str, error: &HostNetworkError) -> Finding {
    Finding::fail(id, title, causes(error)).with(remedy(error))
}

fn bridge(settings: &HostNetworkSettings, neighbours: &Neighbours) -> Finding {
    let state = if neighbours.bridge_exists { "is there" } else { "is made when the daemon starts" };
    Finding::ok("bridge", "bridge", format!("{} with {} {state}", settings.bridge, settings.ipv4))
}

/// A host can get its way to the world later.
fn forwarding(settings: &HostNetworkSettings, neighbours: &Neighbours) -> Finding {
    let (id, title) = ("forwarding", "forwarding");
    let Neighbours { uplinks, closed, .. } = neighbours;
    if uplinks.is_empty() {
        let text = "give the host a default route; new sessions find it without a restart";
        return Finding::warn(id, title, "there is no default route: guests reach nothing")
            .with(Remedy::by_hand(text, None));
    }
    let world = uplinks.join(", ");
    if closed.is_empty() {
        Finding::ok(id, title, format!("on already, between {} and {world}", settings.bridge))
    } else {
        let detail = format!(
            "is turned on for {} and {} when the daemon starts, for no other interface",
            settings.bridge,
            closed.join(", ")
        );
        Finding::ok(id, title, detail)
    }
}

fn name_server(dns: Result<std::net::Ipv4Addr, DnsError>) -> Finding {
    let (id, title) = ("name-server", "name server");
    match dns {
        Ok(server) => Finding::ok(id, title, format!("guests ask {server}")),
        Err(error) => Finding::fail(id, title, error.to_string()).with(Remedy::by_hand(
            "name one with the setting network.dns",
            Some("export ANTEROOM_NETWORK_DNS=9.9.9.9"),
        )),
    }
}

fn other_firewall(settings: &HostNetworkSettings, chains: &[String]) -> Finding {
    let bridge = &settings.bridge;
    let command = format!(
        "iptables -I FORWARD -i {bridge} -j ACCEPT; \
         iptables -I FORWARD -o {bridge} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    );
    let detail = format!("drops what it does not know, also of guests: {}", chains.join(", "));
    Finding::warn("firewall", "another firewall", detail)
        .with(Remedy::by_hand("let the bridge through, for example (docs/host-network.md)", Some(&command)))
}

fn remedy(error: &HostNetworkError) -> Remedy {
    let by_hand = Remedy::by_hand;
    match error {
        HostNetworkError::NoNft(_) => Remedy::packages("install it", &["nftables"]),
        HostNetworkError::NoTun => by_hand("load the kernel's module", Some("modprobe tun")),
        HostNetworkError::TunForbidden => {
            by_hand("let it be opened, as is usual", Some("chmod 666 /dev/net/tun"))
        }
        HostNetworkError::Privilege(_) => {
            by_hand("start the daemon, and this command, as root; or set network.mode to user", None)
        }
        HostNetworkError::Ipv6Forwarding => by_hand(
            "leave network.ipv6 out, or turn it on, with accept_ra=2 on uplinks that need it",
            Some("sysctl --write net.ipv6.conf.all.forwarding=1"),
        ),
        HostNetworkError::Rules(_) => by_hand(
            "use a kernel with nf_tables for bridge and inet, with ct, masq and connlimit (Debian's has them as modules)",
            Some("modprobe --all nf_tables nft_meta_bridge nft_ct nft_connlimit nft_chain_nat nft_masq"),
        ),
        HostNetworkError::ForeignBridge { .. } | HostNetworkError::NetworkInUse { .. } => {
            by_hand("choose another by the settings network.bridge and network.ipv4", None)
        }
        HostNetworkError::Settings(_) => by_hand("change the setting: `anteroom config show`", None),
        _ => by_hand("see docs/host-network.md", None),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::doctor::Level;

    fn outlook() -> Outlook {
        Outlook {
            dns: Ok(Ipv4Addr::new(9, 9, 9, 9)),
            rules: Ok("nftables v1.0.6".into()),
            other_drops: Vec::new(),
            tap: Ok(()),
            links: Ok(neighbours(&["eth0"], &["eth0"])),
        }
    }

    fn neighbours(uplinks: &[&str], closed: &[&str]) -> Neighbours {
        let own = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Neighbours { bridge_exists: false, uplinks: own(uplinks), closed: own(closed) }
    }

    fn found(outlook: Outlook) -> Vec<(&'static str, Level)> {
        let findings = bridged(&HostNetworkSettings::default(), outlook);
        findings.iter().map(|finding| (finding.id, finding.level)).collect()
    }

    #[test]
    fn each_part_is_judged_by_itself() {
        let sound: Vec<_> =
            ["nft", "tun", "bridge", "forwarding", "name-server"].map(|id| (id, Level::Ok)).into();
        assert_eq!(found(outlook()), sound);
        let ill = Outlook {
            dns: Err(DnsError::None),
            rules: Err(HostNetworkError::NoNft("nft".into())),
            tap: Err(HostNetworkError::NoTun),
            links: Err(HostNetworkError::ForeignBridge { name: "br0".into(), why: "it is no bridge".into() }),
            other_drops: vec!["ip filter FORWARD".into()],
        };
        let expected = [
            ("nft", Level::Fail),
            ("tun", Level::Fail),
            ("bridge", Level::Fail),
            ("name-server", Level::Fail),
            ("firewall", Level::Warn),
        ];
        assert_eq!(found(ill), expected);
    }

    #[test]
    fn a_host_without_a_way_to_the_world_is_told_and_one_that_forwards_is_left_alone() {
        let judged = |uplinks: &[&str], closed: &[&str]| {
            forwarding(&HostNetworkSettings::default(), &neighbours(uplinks, closed))
        };
        assert_eq!(judged(&[], &[]).level, Level::Warn);
        assert!(judged(&["eth0"], &[]).detail.starts_with("on already"));
        assert!(judged(&["eth0", "eth1"], &["eth1"]).detail.contains("br0 and eth1"));
    }

    #[test]
    fn firecracker_in_user_mode_has_no_network_and_qemu_needs_nothing() {
        assert_eq!(user_mode(Backend::Qemu).level, Level::Ok);
        assert!(user_mode(Backend::Firecracker).remedy.unwrap().text.contains("network.mode to bridge"));
    }

    #[tokio::test]
    async fn looking_at_this_machine_changes_nothing_and_says_something_of_each_part() {
        let settings = HostNetworkSettings {
            bridge: "doctor-test0".into(),
            ipv4: "10.213.77.1/24".parse().unwrap(),
            dns: Some(Ipv4Addr::new(9, 9, 9, 9)),
            ..HostNetworkSettings::default()
        };
        let outlook = HostNetwork::look(&settings).await.unwrap();
        assert!(!std::path::Path::new("/sys/class/net/doctor-test0").exists());
        let privileged = nix::unistd::Uid::effective().is_root();
        assert!(
            matches!(outlook.rules, Ok(_) | Err(HostNetworkError::NoNft(_))) || !privileged,
            "{outlook:?}"
        );
        let without_nft = HostNetworkSettings { nft: "anteroom-no-such-tool".into(), ..settings };
        let outlook = HostNetwork::look(&without_nft).await.unwrap();
        assert!(matches!(outlook.rules, Err(HostNetworkError::NoNft(_))), "{outlook:?}");
    }
}
