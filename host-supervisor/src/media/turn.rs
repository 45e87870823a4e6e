//! The servers that help viewers to find a way: STUN as it is, TURN with credentials that end soon.
//!
//! The credentials follow the convention that TURN servers know as "REST API" or `use-auth-secret`
//! (draft-uberti-behave-turn-rest-00): the name is the time of their end and whom they are for, the password is the name's
//! HMAC-SHA1 under a secret that only the servers and we have.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha1::Sha1;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::MediaError;
use crate::{
    config::{IceServer, MediaChoices},
    private_file,
};

/// What viewers are told of.
pub struct IceServers {
    servers: Vec<IceServer>,
    secret: Option<Zeroizing<String>>,
    life: std::time::Duration,
}

/// As a browser takes it (`RTCIceServer`).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ServerEntry {
    pub urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl IceServers {
    pub(super) fn load(choices: &MediaChoices) -> Result<Self, MediaError> {
        let secret = match &choices.turn_secret_file {
            None => None,
            Some(path) => Some(
                private_file::read(path)?
                    .filter(|secret| !secret.is_empty())
                    .ok_or(MediaError::NoTurnSecret)?,
            ),
        };
        Ok(Self { servers: choices.ice_servers.clone(), secret, life: choices.turn_life })
    }

    /// For one viewer, from now on. `whom` appears in the server's log.
    #[must_use]
    pub fn entries(&self, whom: &str, now: OffsetDateTime) -> Vec<ServerEntry> {
        let urls = |relays| -> Vec<String> {
            self.servers
                .iter()
                .filter(|server| server.relays == relays)
                .map(|server| server.url.clone())
                .collect()
        };
        let mut entries = Vec::new();
        let (stun, turn) = (urls(false), urls(true));
        if !stun.is_empty() {
            entries.push(ServerEntry { urls: stun, username: None, credential: None });
        }
        if let (false, Some(secret)) = (turn.is_empty(), &self.secret) {
            let username = format!("{}:{whom}", (now + self.life).unix_timestamp());
            let credential = credential(secret, &username);
            entries.push(ServerEntry { urls: turn, username: Some(username), credential: Some(credential) });
        }
        entries
    }
}

fn credential(secret: &str, username: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

impl std::fmt::Debug for IceServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServers").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ServerEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerEntry").field("urls", &self.urls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_hash_of_the_standard() {
        // RFC 2202, test case 2.
        let expected = STANDARD.encode([
            0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74, 0x16, 0xd5, 0xf1, 0x84, 0xdf, 0x9c,
            0x25, 0x9a, 0x7c, 0x79,
        ]);
        assert_eq!(credential("Jefe", "what do ya want for nothing?"), expected);
    }

    #[test]
    fn relaying_servers_come_with_credentials_that_end_and_others_without() {
        let server = |url: &str, relays| IceServer { url: url.to_owned(), relays };
        let servers = IceServers {
            servers: vec![server("stun:s.example", false), server("turn:t.example", true)],
            secret: Some(Zeroizing::new("secret".to_owned())),
            life: std::time::Duration::from_secs(3600),
        };
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let entries = servers.entries("session", now);
        assert_eq!(
            entries[0],
            ServerEntry { urls: vec!["stun:s.example".into()], username: None, credential: None }
        );
        assert_eq!(entries[1].username.as_deref(), Some("1800003600:session"));
        assert_eq!(entries[1].credential.as_deref(), Some(&*credential("secret", "1800003600:session")));
        assert!(!format!("{servers:?}{entries:?}").contains("secret"));
    }
}
