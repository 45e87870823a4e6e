//! The desktop over WebRTC: what host and guest say to each other about viewers, and what carries their packets.
//!
//! ```text
//!  browser ══UDP, TCP══ host (relay) ══datagrams over vsock port 1026══ guest (role stream, a peer of WebRTC)
//!     └──────offer, answer──▶ host ──control API: PUT /stream/peers/{id}──▶ PID 1 ──▶ guest
//! ```
//! The guest is an ICE agent of the lite kind (RFC 8445 section 2.5): it answers checks and makes none. So it needs to know
//! no address of a viewer, and no candidate of a viewer ever reaches it.

pub mod datagram;
pub mod stun;

use serde::{Deserialize, Serialize};

use crate::desk::Directions;

/// Longest session description that is taken from anybody, in bytes. A browser's offer of one video has about 6 KiB.
pub const MAX_SDP_BYTES: usize = 64 * 1024;
/// How many may look at one desktop over WebRTC at once.
pub const MAX_PEERS: usize = 8;
/// The name of the data channel that carries input, cursor and clipboard.
pub const DESK_CHANNEL: &str = "desk";

/// What a viewer may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRole {
    /// Looks and acts.
    #[default]
    Controller,
    /// Looks.
    Viewer,
}

/// `PUT /stream/peers/{id}`: an offer, or another one for an ICE restart of the peer that has this id.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerOffer {
    /// At most [`MAX_SDP_BYTES`].
    pub sdp: String,
    pub role: PeerRole,
    /// The most that may be sent to this viewer, in bit/s.
    pub most_bps: u32,
    /// Which ways a clipboard may travel between this viewer and the desktop.
    #[serde(default)]
    pub clipboard: Directions,
}

/// Its answer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerAnswer {
    /// At most [`MAX_SDP_BYTES`]. The candidates in it are made up: only the host knows addresses.
    pub sdp: String,
}

/// `GET /stream/stats`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamStats {
    /// At most [`MAX_PEERS`].
    pub peers: Vec<PeerStats>,
}

/// One viewer as the guest sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerStats {
    pub id: String,
    pub connected: bool,
    /// `h264` or `vp8`, once it is agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    pub role: PeerRole,
    pub pictures: u64,
    /// Pictures that were left out because the network did not take them.
    pub left_out: u64,
    /// Whole datagrams, headers of RTP and DTLS included.
    pub sent_bytes: u64,
    pub keyframe_requests: u64,
    /// What the network is thought to take, in bit/s.
    pub estimate_bps: u64,
    /// What this viewer's hand has done: keys, pointer, clipboard, as far as the desktop took it.
    #[serde(default)]
    pub inputs: u64,
}

// A description holds the password of the connectivity checks; it must not come into a log by accident.
impl std::fmt::Debug for PeerOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerOffer").field("role", &self.role).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PeerAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerAnswer").finish_non_exhaustive()
    }
}
