//! Peers of WebRTC, one task each, whose network is a pipe to the host.
//!
//! ```text
//!             ┌───────────────┐ by name, then by address  ┌──────┐ pictures  ┌────────┐
//!  host ═════▶│ pipe ─▶ board ├──────────────────────────▶│ peer │◀──────────│ studio │
//!    ▲        └───────────────┘                           │      │ texts     ├────────┤
//!    ╚══════════════════════════packets═══════════════════│      │◀─────────▶│  desk  │
//!             init ──(offer, end)──▶ app ──▶ room ───────▶└──────┘           └────────┘
//! ```
//! A peer is an ICE agent of the lite kind (RFC 8445 section 2.5): it only answers, and only addresses that have shown its
//! name. Candidates in its answers are made up; the host, which alone knows addresses, puts its own in their place.

mod app;
mod backlog;
mod board;
mod media;
mod offer;
mod outgoing;
mod peer;
mod pipe;
mod room;
mod source;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Once, OnceLock};

use anteroom_protocol::stream::datagram::Datagram;
use bytes::Bytes;
use str0m::config::DtlsCert;
use tokio::sync::mpsc;

pub(super) use app::serve;
pub(super) use pipe::carry;

use board::Board;
use outgoing::{Outgoing, Parcel};
use room::Room;
use source::{Hands, Pictures};

#[derive(Debug, thiserror::Error)]
enum WireError {
    #[error("the library of ciphers makes no certificate")]
    Certificate,
    #[error("the kernel has no random numbers to give")]
    NoRandomness(#[from] getrandom::Error),
}

/// Everything that peers share; cheap to clone.
#[derive(Debug)]
pub(super) struct Wire<P, H>(Arc<Parts<P, H>>);

#[derive(Debug)]
struct Parts<P, H> {
    studio: P,
    desk: H,
    board: Board,
    room: Room,
    /// One for all peers, made with the first: what matters is that it is this machine's own, of which there may be copies.
    certificate: OnceLock<DtlsCert>,
    outgoing: Outgoing,
}

impl<P, H> Clone for Wire<P, H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Pictures, H: Hands> Wire<P, H> {
    /// With what the pipe has to carry to the host.
    pub(super) fn new(studio: P, desk: H) -> (Self, mpsc::Receiver<Parcel>) {
        static CIPHERS: Once = Once::new();
        CIPHERS.call_once(|| str0m::crypto::from_feature_flags().install_process_default());
        let (outgoing, packets) = outgoing::channel();
        let parts = Parts {
            studio,
            desk,
            board: Board::default(),
            room: Room::default(),
            certificate: OnceLock::new(),
            outgoing,
        };
        (Self(Arc::new(parts)), packets)
    }

    fn certificate(&self) -> Result<&DtlsCert, WireError> {
        if let Some(certificate) = self.0.certificate.get() {
            return Ok(certificate);
        }
        let ciphers = str0m::crypto::from_feature_flags();
        let made = ciphers.dtls_provider.generate_certificate().ok_or(WireError::Certificate)?;
        Ok(self.0.certificate.get_or_init(|| made))
    }
}

/// Seeds, for this thread, the generator from which the library draws names and passwords of peers, and which seeds itself from
/// what a thread has drawn at its start: that may have been before this machine was copied.
///
/// # Errors
/// When the kernel has no random numbers to give.
fn seed_names() -> Result<(), WireError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)?;
    fastrand::seed(u64::from_ne_bytes(seed));
    Ok(())
}

/// A packet for a viewer.
fn packet(remote: anteroom_protocol::stream::datagram::Remote, contents: &[u8]) -> Datagram {
    Datagram { remote, payload: Bytes::copy_from_slice(contents) }
}
