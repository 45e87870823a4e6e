//! QEMU's network devices: its user-mode network (net/slirp.c), or a TAP device that the host has made.
//!
//! A forwarded service is a `guestfwd`: for each connection of the guest to the address, QEMU starts the relay with
//! the connection as its standard input and output. (A guestfwd to a character device would be opened once, and all
//! connections would share it.)

use super::words;
use crate::{
    net::{Forward, Network, Reach, TapNetwork, UserNetwork},
    vmm::LaunchError,
};

pub(super) fn argv(network: &Network, relay: Option<&[String]>) -> Result<Vec<String>, LaunchError> {
    match network {
        Network::None => Ok(Vec::new()),
        Network::User(user) => user_mode(user, relay),
        Network::Tap(tap) => Ok(tap_device(tap)),
    }
}

/// The device exists, its addresses are filtered on the host, and QEMU has neither to make nor to configure anything.
fn tap_device(tap: &TapNetwork) -> Vec<String> {
    let TapNetwork { device, mac, .. } = tap;
    words(&[
        "-netdev",
        &format!("tap,id=net,ifname={},script=no,downscript=no", option_value(device)),
        "-device",
        &format!("virtio-net-pci,netdev=net,mac={mac},romfile="),
    ])
}

fn user_mode(user: &UserNetwork, relay: Option<&[String]>) -> Result<Vec<String>, LaunchError> {
    user.check()?;
    let restrict = match user.reach {
        Reach::Everything => "off",
        Reach::ForwardsOnly => "on",
    };
    let mut netdev = format!(
        "user,id=net,ipv6=off,restrict={restrict},net={}/{},host={},dns={}",
        UserNetwork::NETWORK,
        UserNetwork::PREFIX_LEN,
        UserNetwork::GATEWAY,
        UserNetwork::DNS,
    );
    for forward in &user.forwards {
        let Some(relay) = relay else {
            return Err(LaunchError::Shape { what: "forwarded services without a relay program".to_owned() });
        };
        netdev.push_str(",guestfwd=");
        netdev.push_str(&option_value(&guestfwd(*forward, relay)));
    }
    Ok(words(&["-netdev", &netdev, "-device", "virtio-net-pci,netdev=net,romfile="]))
}

fn guestfwd(forward: Forward, relay: &[String]) -> String {
    let host = forward.host.to_string();
    let command: Vec<String> = relay.iter().chain([&host]).map(|word| shell_word(word)).collect();
    format!("tcp:{}:{}-cmd:{}", forward.guest.ip(), forward.guest.port(), command.join(" "))
}

/// For GLib's `g_shell_parse_argv`, which follows sh(1).
fn shell_word(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A comma ends an option's value unless it is doubled (QEMU's invocation documentation).
fn option_value(value: &str) -> String {
    value.replace(',', ",,")
}
