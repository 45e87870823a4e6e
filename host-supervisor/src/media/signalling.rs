//! Who looks at which desktop: the one implementation behind the page's calls and WHEP.

use std::{
    collections::BTreeMap,
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anteroom_protocol::{
    SessionId,
    stream::{MAX_PEERS, PeerRole, StreamStats},
};
use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};

pub use super::peer::AnswerState;
use super::{
    activity,
    line::Line,
    peer::{Task, Terms},
    relay::Relay,
    sdp::{Offer, Published},
};
use crate::session::SessionHandle;

/// Bytes of chance in an id.
const ID_BYTES: usize = 16;

/// Names a viewer to whoever has offered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PeerId(String);

/// Why an offer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    #[error("pictures over WebRTC are switched off; the desktop is shown by noVNC")]
    Off,
    #[error("{MAX_PEERS} viewers are looking at this desktop")]
    Full,
    #[error("there is no such viewer")]
    Unknown,
    #[error("no random numbers from the kernel")]
    NoRandomness(#[from] getrandom::Error),
}

/// Whose offer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The page's, of which each session has one at a time: the next takes the place of the one before, unless it is an
    /// ICE restart of it.
    Page,
    /// One among others.
    Own,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signalling(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    relay: Arc<Relay>,
    candidates: Arc<Vec<String>>,
    terms: Terms,
    desktops: Mutex<BTreeMap<SessionId, Desktop>>,
}

/// One session's viewers.
#[derive(Debug)]
struct Desktop {
    line: Arc<Line>,
    peers: BTreeMap<PeerId, Peer>,
    page: Option<PeerId>,
}

/// A viewer; its task ends when this is dropped.
#[derive(Debug)]
struct Peer {
    offer: Offer,
    /// How many offers of it there were before this one.
    turn: u64,
    restart: mpsc::Sender<(u64, Offer)>,
    state: watch::Receiver<(u64, AnswerState)>,
    taken: Arc<AtomicBool>,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Viewing {
    /// Addresses of viewers that were heard within the last half minute.
    pub flows: usize,
    pub packets_from_viewers: u64,
    pub packets_to_viewers: u64,
    pub packets_of_strangers: u64,
    /// What viewers have sent beyond what one may, and what was left out.
    pub packets_too_many: u64,
    /// What guests have tried to send to addresses that are none of theirs.
    pub packets_forbidden: u64,
    /// How many offers each session has open.
    pub viewers: BTreeMap<SessionId, usize>,
}

impl Signalling {
    pub(super) fn new(relay: Arc<Relay>, candidates: Vec<String>, terms: Terms) -> Self {
        let candidates = Arc::new(candidates);
        Self(Arc::new(Shared { relay, candidates, terms, desktops: Mutex::default() }))
    }

    /// Takes an offer, which is answered when it can be; [`Signalling::answer`] tells.
    ///
    /// # Errors
    /// When there are too many viewers, or WebRTC is off.
    pub async fn offer(
        &self,
        session: &SessionHandle,
        offer: Offer,
        role: PeerRole,
        whose: Direction,
    ) -> Result<PeerId, OfferError> {
        if self.0.candidates.is_empty() {
            return Err(OfferError::Off);
        }
        if whose == Direction::Page
            && let Some(restarted) = self.restart_page(session.id(), &offer)
        {
            return Ok(restarted);
        }
        if self.is_full(session.id()) {
            self.forget_those_who_left(session).await;
        }
        let id = PeerId::random()?;
        let mut desktops = self.lock();
        let desktop = desktops.entry(session.id()).or_insert_with(|| self.open(session));
        if desktop.living() >= MAX_PEERS {
            return Err(OfferError::Full);
        }
        let peer = self.start(session, &desktop.line, &id, offer, role);
        desktop.peers.insert(id.clone(), peer);
        if whose == Direction::Page {
            let before = desktop.page.replace(id.clone());
            // Another page that is being shown the desktop keeps it.
            if let Some(before) = before
                && desktop.peers.get(&before).is_some_and(|peer| !peer.taken.load(Ordering::Relaxed))
            {
                desktop.peers.remove(&before);
            }
        }
        Ok(id)
    }

    /// Another offer of a viewer that is there: an ICE restart.
    ///
    /// # Errors
    /// When there is no such viewer.
    pub fn restart(
        &self,
        session: SessionId,
        peer: &PeerId,
        change: impl FnOnce(&Offer) -> Option<Offer>,
    ) -> Result<bool, OfferError> {
        let mut desktops = self.lock();
        let peer = desktops.get_mut(&session).and_then(|desktop| desktop.peers.get_mut(peer));
        let peer = peer.ok_or(OfferError::Unknown)?;
        Ok(change(&peer.offer).is_some_and(|offer| peer.restart(offer)))
    }

    /// The page's viewer, when there is one.
    #[must_use]
    pub fn page(&self, session: SessionId) -> Option<PeerId> {
        self.lock().get(&session)?.page.clone()
    }

    /// Waits until there is more to say than that it waits, at most so long. Whoever gets an answer has taken it.
    ///
    /// # Errors
    /// When there is no such viewer.
    pub async fn answer(
        &self,
        session: SessionId,
        peer: &PeerId,
        patience: Duration,
    ) -> Result<AnswerState, OfferError> {
        let (mut state, taken, wanted) = {
            let desktops = self.lock();
            let peer = desktops.get(&session).and_then(|desktop| desktop.peers.get(peer));
            let peer = peer.ok_or(OfferError::Unknown)?;
            (peer.state.clone(), Arc::clone(&peer.taken), peer.turn)
        };
        // What was said to an offer before is no answer to this one.
        let decided =
            state.wait_for(|(turn, state)| *turn == wanted && !matches!(state, AnswerState::Waiting));
        let _ = tokio::time::timeout(patience, decided).await;
        let (turn, state) = state.borrow().clone();
        let state = if turn == wanted { state } else { AnswerState::Waiting };
        if matches!(state, AnswerState::Ready { .. }) {
            taken.store(true, Ordering::Relaxed);
        }
        Ok(state)
    }

    /// What was answered, and when, without taking it.
    #[must_use]
    pub fn answered(&self, session: SessionId, peer: &PeerId) -> Option<(Arc<Published>, OffsetDateTime)> {
        match &self.lock().get(&session)?.peers.get(peer)?.state.borrow().1 {
            AnswerState::Ready { answer, at } => Some((Arc::clone(answer), *at)),
            _ => None,
        }
    }

    /// Ends a viewer; `false` when there is none.
    #[must_use]
    pub fn remove(&self, session: SessionId, peer: &PeerId) -> bool {
        self.lock().get_mut(&session).is_some_and(|desktop| desktop.peers.remove(peer).is_some())
    }

    #[must_use]
    pub fn viewing(&self) -> Viewing {
        let counted = &self.0.relay.counted;
        let viewers = self.lock().iter().map(|(session, desktop)| (*session, desktop.living())).collect();
        Viewing {
            flows: self.0.relay.flow_count(),
            packets_from_viewers: counted.from_viewers.load(Ordering::Relaxed),
            packets_to_viewers: counted.to_viewers.load(Ordering::Relaxed),
            packets_too_many: counted.too_much.load(Ordering::Relaxed),
            packets_of_strangers: counted.unknown.load(Ordering::Relaxed),
            packets_forbidden: counted.forbidden.load(Ordering::Relaxed),
            viewers,
        }
    }

    fn restart_page(&self, session: SessionId, offer: &Offer) -> Option<PeerId> {
        let mut desktops = self.lock();
        let desktop = desktops.get_mut(&session)?;
        let page = desktop.page.clone()?;
        let peer = desktop.peers.get_mut(&page)?;
        (peer.offer.is_of_the_same_connection(offer) && peer.restart(offer.clone())).then_some(page)
    }

    /// A line for the session's VM, until the session is over.
    fn open(&self, session: &SessionHandle) -> Desktop {
        let line = Arc::new(Line::open(session.vm().clone(), Arc::clone(&self.0.relay)));
        let (shared, session) = (Arc::downgrade(&self.0), session.clone());
        let looking = Arc::downgrade(&self.0);
        let forgetting = Weak::clone(&looking);
        let (id, every) = (session.id(), activity::every(self.0.terms.idle_limit));
        let anybody = move || {
            looking.upgrade().is_some_and(|shared| {
                lock(&shared.desktops).get(&id).is_some_and(|desktop| !desktop.peers.is_empty())
            })
        };
        let seen = move |stats: &StreamStats| {
            if let Some(shared) = forgetting.upgrade()
                && let Some(desktop) = lock(&shared.desktops).get_mut(&id)
            {
                desktop.forget_those_who_left(stats);
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = session.over() => {}
                () = activity::follow(&session, every, anybody, seen) => {}
            }
            if let Some(shared) = shared.upgrade() {
                lock(&shared.desktops).remove(&session.id());
            }
        });
        Desktop { line, peers: BTreeMap::new(), page: None }
    }

    fn start(
        &self,
        session: &SessionHandle,
        line: &Arc<Line>,
        id: &PeerId,
        offer: Offer,
        role: PeerRole,
    ) -> Peer {
        let (restart, restarts) = mpsc::channel(1);
        let (publish, state) = watch::channel((0, AnswerState::Waiting));
        let taken = Arc::new(AtomicBool::new(false));
        let task = Task {
            id: id.0.clone(),
            session: session.clone(),
            relay: Arc::clone(&self.0.relay),
            candidates: Arc::clone(&self.0.candidates),
            line: Arc::clone(line),
            offer: offer.clone(),
            role,
            terms: self.0.terms,
            turn: 0,
            restarts,
            state: publish,
            taken: Arc::clone(&taken),
        };
        tokio::spawn(task.run());
        Peer { offer, turn: 0, restart, state, taken }
    }

    fn is_full(&self, session: SessionId) -> bool {
        self.lock().get(&session).is_some_and(|desktop| desktop.living() >= MAX_PEERS)
    }

    /// A viewer that just closes its page tells the guest, not us.
    async fn forget_those_who_left(&self, session: &SessionHandle) {
        let Some(agent) = session.vm().agent() else { return };
        let Ok(stats) = agent.stream_stats().await else { return };
        if let Some(desktop) = self.lock().get_mut(&session.id()) {
            desktop.forget_those_who_left(&stats);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Desktop>> {
        lock(&self.0.desktops)
    }
}

impl Desktop {
    fn forget_those_who_left(&mut self, there: &StreamStats) {
        self.peers.retain(|id, peer| {
            let answered = matches!(peer.state.borrow().1, AnswerState::Ready { .. });
            !answered || there.peers.iter().any(|stats| stats.id == id.0)
        });
    }

    fn living(&self) -> usize {
        self.peers.values().filter(|peer| peer.state.borrow().1.is_alive()).count()
    }
}

impl Peer {
    /// `false` when the one before has not been looked at yet, or the viewer is over.
    fn restart(&mut self, offer: Offer) -> bool {
        let took = self.restart.try_send((self.turn + 1, offer.clone())).is_ok();
        if took {
            self.turn += 1;
            self.offer = offer;
        }
        took
    }
}

impl PeerId {
    fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl FromStr for PeerId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let good = text.len() == 2 * ID_BYTES
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds the lock can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
