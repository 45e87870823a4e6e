//! Which peer a packet is for: a connectivity check says it by name, and what follows from the same address is for the same.
//!
//! That a sender knows more than the name, the peer itself finds out.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anteroom_protocol::stream::{
    datagram::{Datagram, Remote},
    stun,
};
use tokio::sync::mpsc;

/// Addresses of one peer's viewer: more than a few networks have. With one more the oldest is forgotten.
const MAX_REMOTES: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    by_name: HashMap<String, Line>,
    by_remote: HashMap<Remote, Known>,
    last: u64,
}

#[derive(Debug)]
struct Known {
    line: Line,
    /// Of all addresses, in the order in which they came.
    turn: u64,
}

#[derive(Debug, Clone)]
struct Line {
    number: u64,
    to: mpsc::Sender<Datagram>,
}

/// One peer's place on the board, given back when dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    board: &'a Board,
    line: Line,
}

impl Board {
    pub(super) fn join(&self, to: mpsc::Sender<Datagram>) -> Place<'_> {
        let mut lines = self.lock();
        lines.last += 1;
        Place { board: self, line: Line { number: lines.last, to } }
    }

    /// Hands a packet to its peer. One that is nobody's is lost, and so is one whose peer does not keep up.
    pub(super) fn deliver(&self, datagram: Datagram) {
        let line = self.lock().line_for(&datagram);
        if let Some(line) = line {
            let _ = line.to.try_send(datagram);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn line_for(&mut self, datagram: &Datagram) -> Option<Line> {
        let Some(name) = stun::called(&datagram.payload) else {
            return self.by_remote.get(&datagram.remote).map(|known| known.line.clone());
        };
        let line = self.by_name.get(name)?.clone();
        let known =
            self.by_remote.get(&datagram.remote).is_some_and(|known| known.line.number == line.number);
        if !known {
            self.make_room(line.number);
            self.last += 1;
            self.by_remote.insert(datagram.remote, Known { line: line.clone(), turn: self.last });
        }
        Some(line)
    }

    fn make_room(&mut self, line: u64) {
        let own = self.by_remote.iter().filter(|(_, known)| known.line.number == line);
        let mut own: Vec<(u64, Remote)> = own.map(|(remote, known)| (known.turn, *remote)).collect();
        if own.len() >= MAX_REMOTES {
            own.sort_unstable_by_key(|(turn, _)| *turn);
            self.by_remote.remove(&own[0].1);
        }
    }
}

impl Place<'_> {
    /// Takes another name in place of the one before: an ICE restart changes it.
    pub(super) fn rename(&self, name: &str) {
        let mut lines = self.board.lock();
        lines.by_name.retain(|_, line| line.number != self.line.number);
        lines.by_name.insert(name.to_owned(), self.line.clone());
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.board.lock();
        lines.by_name.retain(|_, line| line.number != self.line.number);
        lines.by_remote.retain(|_, known| known.line.number != self.line.number);
    }
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::stream::datagram::Transport;

    use super::*;

    fn remote(port: usize) -> Remote {
        let port = u16::try_from(port).unwrap();
        Remote::new(Transport::Udp, ([198, 51, 100, 7], port).into())
    }

    fn packet(from: Remote, payload: &[u8]) -> Datagram {
        Datagram { remote: from, payload: payload.to_vec().into() }
    }

    /// A connectivity check for this name.
    fn check(name: &str) -> Vec<u8> {
        let username = format!("{name}:viewer");
        let mut packet = b"\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa\x00\x06\x00".to_vec();
        packet.push(u8::try_from(username.len()).unwrap());
        packet.extend(username.as_bytes());
        packet.resize(packet.len().next_multiple_of(4), 0);
        let length = u16::try_from(packet.len() - 20).unwrap().to_be_bytes();
        packet[2..4].copy_from_slice(&length);
        packet
    }

    const MEDIA: &[u8] = b"\x80 media";

    #[test]
    fn a_peer_is_known_at_so_many_addresses_and_the_oldest_goes_first() {
        let board = Board::default();
        let (to, mut arriving) = mpsc::channel(1024);
        let (to_other, mut other) = mpsc::channel(1024);
        let (place, place_of_other) = (board.join(to), board.join(to_other));
        place.rename("this");
        place_of_other.rename("other");
        board.deliver(packet(remote(60_000), &check("other")));
        for port in 1..=MAX_REMOTES + 1 {
            board.deliver(packet(remote(port), &check("this")));
            // One that is known already does not count twice.
            board.deliver(packet(remote(port), &check("this")));
        }
        while arriving.try_recv().is_ok() {}
        assert!(other.try_recv().is_ok());
        for port in [1, 2, MAX_REMOTES + 1, 60_000] {
            board.deliver(packet(remote(port), MEDIA));
        }
        let heard: Vec<Remote> =
            std::iter::from_fn(|| arriving.try_recv().ok()).map(|packet| packet.remote).collect();
        assert_eq!(heard, [remote(2), remote(MAX_REMOTES + 1)], "the first is forgotten");
        assert_eq!(other.try_recv().unwrap().remote, remote(60_000), "another peer's addresses are its own");
        drop(place);
        assert_eq!(board.lock().by_remote.len(), 1);
    }
}
