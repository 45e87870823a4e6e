//! The settings of the desktop over WebRTC: where its packets come in, and how viewers find the way.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::{ConfigError, Reader, value};

#[derive(Debug, Clone)]
pub struct MediaChoices {
    pub listen: MediaListen,
    pub tcp_listen: Option<SocketAddr>,
    pub public_addresses: Vec<PublicAddress>,
    pub ice_servers: Vec<IceServer>,
    pub turn_secret_file: Option<PathBuf>,
    pub turn_life: Duration,
    /// The most that one viewer is sent, in bit/s.
    pub most_bps: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaListen {
    /// The API's address, and its port's number.
    LikeTheApi,
    Off,
    At(SocketAddr),
}

/// An address under which the media port is reached from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAddress {
    pub ip: IpAddr,
    /// Where it is another than the port that is listened on.
    pub port: Option<u16>,
}

/// The address of a STUN or TURN server (RFC 7064, RFC 7065), checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    pub url: String,
    /// Whether it relays, for which it wants credentials.
    pub relays: bool,
}

pub(super) fn read(settings: &Reader<'_>) -> Result<MediaChoices, ConfigError> {
    let kbps: u32 = settings.value("media.max_kbps", value::number(200..=100_000))?;
    let ice_servers = settings.list("media.ice_servers", ice_server)?;
    let turn_secret_file = settings.option("media.turn_secret_file", value::path)?;
    if turn_secret_file.is_none() && ice_servers.iter().any(|server| server.relays) {
        let expected = "a file, because media.ice_servers names a TURN server";
        return settings.value("media.turn_secret_file", |_| Err(expected.to_owned()));
    }
    Ok(MediaChoices {
        listen: settings.value("media.listen", listen)?,
        tcp_listen: settings.option("media.tcp_listen", value::socket_address)?,
        public_addresses: settings.list("media.public_addresses", public_address)?,
        ice_servers,
        turn_secret_file,
        turn_life: settings.value("media.turn_life", value::duration)?,
        most_bps: kbps * 1000,
    })
}

fn listen(text: &str) -> Result<MediaListen, String> {
    match text {
        "" => Ok(MediaListen::LikeTheApi),
        "off" => Ok(MediaListen::Off),
        text => value::parsed(text, "an address and a port, for example 0.0.0.0:4000, or off")
            .map(MediaListen::At),
    }
}

fn public_address(text: &str) -> Result<PublicAddress, String> {
    let expected = "IP addresses, for example 203.0.113.5 or [2001:db8::5]:4000";
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => PublicAddress { ip: address.ip(), port: Some(address.port()) },
        Err(_) => PublicAddress { ip: value::parsed(text, expected)?, port: None },
    };
    let good = !address.ip.is_unspecified() && !address.ip.is_multicast() && address.port != Some(0);
    if good { Ok(address) } else { Err(expected.to_owned()) }
}

fn ice_server(text: &str) -> Result<IceServer, String> {
    let expected = || {
        "servers such as stun:stun.example.com:3478 or turn:turn.example.com:3478?transport=udp".to_owned()
    };
    let (scheme, rest) = text.split_once(':').ok_or_else(expected)?;
    let relays = match scheme {
        "stun" | "stuns" => false,
        "turn" | "turns" => true,
        _ => return Err(expected()),
    };
    let (server, query) = rest.split_once('?').map_or((rest, None), |(server, query)| (server, Some(query)));
    let known = query.is_none_or(|query| relays && matches!(query, "transport=udp" | "transport=tcp"));
    if known && !server.is_empty() && value::host_name(server).is_ok() {
        Ok(IceServer { url: text.to_owned(), relays })
    } else {
        Err(expected())
    }
}
