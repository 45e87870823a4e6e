//! The version of the messages between host and guest, and what each side does when the versions differ.
//!
//! Every request carries the host's version in the [`HEADER`] header; `GET /hello` answers with the agent's. A
//! different **major** version means that the two cannot talk: the agent refuses every call but `/hello`, the host
//! fails the VM and says which side is older. A different **minor** version is harmless: both ignore fields and
//! events that they do not know.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The HTTP header that carries the sender's version, as `major.minor`.
pub const HEADER: &str = "anteroom-protocol";

/// A protocol version; the order is that of age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProtocolVersion {
    pub major: u16,
    pub minor: u16,
}

/// What speaking with a peer of another version means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    Same,
    /// The majors agree; the side with the smaller minor lacks some fields or events.
    Compatible,
    /// The peer must be replaced by an older build, or this side by a newer one.
    PeerTooNew,
    PeerTooOld,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no protocol version: expected major.minor, for example 1.0")]
pub struct ParseVersionError(String);

impl ProtocolVersion {
    pub const CURRENT: Self = Self { major: 1, minor: 7 };

    #[must_use]
    pub fn compatibility_with(self, peer: Self) -> Compatibility {
        use std::cmp::Ordering::{Equal, Greater, Less};
        match (peer.major.cmp(&self.major), peer.minor.cmp(&self.minor)) {
            (Greater, _) => Compatibility::PeerTooNew,
            (Less, _) => Compatibility::PeerTooOld,
            (Equal, Equal) => Compatibility::Same,
            (Equal, Less | Greater) => Compatibility::Compatible,
        }
    }
}

impl Compatibility {
    #[must_use]
    pub fn can_talk(self) -> bool {
        matches!(self, Self::Same | Self::Compatible)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ProtocolVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? }))
            .ok_or_else(|| ParseVersionError(text.chars().take(32).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_major_version_stops_the_conversation() {
        let ours = ProtocolVersion { major: 2, minor: 3 };
        let peer = |major, minor| ours.compatibility_with(ProtocolVersion { major, minor });
        assert_eq!(peer(2, 3), Compatibility::Same);
        assert!(peer(2, 9).can_talk() && peer(2, 0).can_talk());
        assert_eq!(peer(3, 0), Compatibility::PeerTooNew);
        assert_eq!(peer(1, 9), Compatibility::PeerTooOld);
        assert!(!peer(3, 3).can_talk());
    }

    #[test]
    fn a_version_reads_back_as_written_and_nonsense_is_refused() {
        assert_eq!("1.0".parse::<ProtocolVersion>().unwrap().to_string(), "1.0");
        for nonsense in ["", "1", "1.", "1.x", "1.0.0", "-1.0"] {
            assert!(nonsense.parse::<ProtocolVersion>().is_err(), "{nonsense}");
        }
    }
}
