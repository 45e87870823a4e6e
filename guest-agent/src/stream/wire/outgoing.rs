//! What peers send, on its way to the pipe. Each peer has places of its own there, so that none takes another's.

use std::sync::Arc;

use anteroom_protocol::stream::{MAX_PEERS, datagram::Datagram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How many packets of one peer may wait for the pipe: a keyframe of 1 MB at once. What is too much is lost, as on any
/// network; the estimation notices.
const PLACES: usize = 1024;

/// Towards the pipe, for every peer.
#[derive(Debug)]
pub(super) struct Outgoing(mpsc::Sender<Parcel>);

/// One peer's places.
#[derive(Debug)]
pub(super) struct Share {
    to: mpsc::Sender<Parcel>,
    places: Arc<Semaphore>,
}

/// A packet that waits, and its place, which is free again when this is dropped.
#[derive(Debug)]
pub(in crate::stream) struct Parcel {
    pub(super) datagram: Datagram,
    _place: OwnedSemaphorePermit,
}

pub(super) fn channel() -> (Outgoing, mpsc::Receiver<Parcel>) {
    let (to, parcels) = mpsc::channel(MAX_PEERS * PLACES);
    (Outgoing(to), parcels)
}

impl Outgoing {
    pub(super) fn share(&self) -> Share {
        Share { to: self.0.clone(), places: Arc::new(Semaphore::new(PLACES)) }
    }
}

impl Share {
    /// Whether it is on its way.
    pub(super) fn send(&self, datagram: Datagram) -> bool {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return false };
        self.to.try_send(Parcel { datagram, _place: place }).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::stream::datagram::{Remote, Transport};

    use super::*;

    fn packet() -> Datagram {
        let remote = Remote::new(Transport::Udp, "198.51.100.7:5000".parse().unwrap());
        Datagram { remote, payload: b"x".to_vec().into() }
    }

    #[test]
    fn a_peer_that_floods_the_pipe_takes_no_place_of_another() {
        let (outgoing, mut parcels) = channel();
        let (greedy, modest) = (outgoing.share(), outgoing.share());
        let sent = (0..10 * PLACES).filter(|_| greedy.send(packet())).count();
        assert_eq!(sent, PLACES);
        assert!(modest.send(packet()));
        drop(parcels.try_recv().unwrap());
        assert!(greedy.send(packet()), "what has gone out leaves its place");
        assert!(!greedy.send(packet()));
    }

    #[test]
    fn eight_peers_can_all_use_their_places() {
        let (outgoing, _parcels) = channel();
        for _ in 0..MAX_PEERS {
            let share = outgoing.share();
            assert_eq!((0..PLACES).filter(|_| share.send(packet())).count(), PLACES);
        }
    }
}
