//! Who looks: the peers by their ids, at most [`MAX_PEERS`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anteroom_protocol::stream::{MAX_PEERS, PeerOffer, PeerStats, StreamStats};
use tokio::sync::{mpsc, oneshot};

use super::peer::PeerError;

/// What a peer is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// An ICE restart.
    Offer { offer: PeerOffer, answer: oneshot::Sender<Result<String, PeerError>> },
}

#[derive(Debug, Default)]
pub(super) struct Room(Mutex<BTreeMap<String, Seat>>);

/// What is known of a peer outside its task. Its task ends when the seat is gone.
#[derive(Debug)]
struct Seat {
    asks: mpsc::Sender<Ask>,
    stats: Arc<Mutex<PeerStats>>,
}

/// What a peer's task has of its seat.
#[derive(Debug)]
pub(super) struct Seated {
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) stats: Arc<Mutex<PeerStats>>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_PEERS} viewers are looking already")]
pub(super) struct Full;

impl Room {
    /// A peer that is there already.
    pub(super) fn find(&self, id: &str) -> Option<mpsc::Sender<Ask>> {
        self.lock().get(id).map(|seat| seat.asks.clone()).filter(|asks| !asks.is_closed())
    }

    /// A seat for a new peer.
    pub(super) fn seat(&self, id: &str, offer: &PeerOffer) -> Result<Seated, Full> {
        let mut seats = self.lock();
        seats.retain(|_, seat| !seat.asks.is_closed());
        if seats.len() >= MAX_PEERS {
            return Err(Full);
        }
        let (asks, asked) = mpsc::channel(1);
        let stats = Arc::new(Mutex::new(PeerStats {
            id: id.to_owned(),
            connected: false,
            codec: None,
            role: offer.role,
            pictures: 0,
            left_out: 0,
            sent_bytes: 0,
            keyframe_requests: 0,
            estimate_bps: 0,
            inputs: 0,
        }));
        seats.insert(id.to_owned(), Seat { asks, stats: Arc::clone(&stats) });
        Ok(Seated { asks: asked, stats })
    }

    /// Ends a peer; `false` when there is none.
    pub(super) fn remove(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    pub(super) fn stats(&self) -> StreamStats {
        let mut seats = self.lock();
        seats.retain(|_, seat| !seat.asks.is_closed());
        let peers =
            seats.values().map(|seat| seat.stats.lock().unwrap_or_else(PoisonError::into_inner).clone());
        StreamStats { peers: peers.collect() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Seat>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
