//! One viewer as the host sees it: a task that gets its offer answered, and sees to it that an answer is worth something.
//!
//! ```text
//!            ┌──────────── the guest's stream has gone before anybody took the answer ────────────┐
//!            ▼                                                                                    │
//!  waiting (for the VM, for its agent, for its stream) ──▶ answered ──▶ taken ──the stream goes──▶ gone
//!     ▲      └──the guest refuses the offer──▶ refused        │
//!     └─────────────────another offer: an ICE restart─────────┘
//! ```
//! No offer is lost: it is kept here until it is answered, however often the guest's stream has to be started meanwhile. An
//! answer that nobody has taken is made again by the stream that comes after; one that was taken is of no use then, because
//! certificate and passwords were those of the process that is gone, and its page has to offer anew.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anteroom_protocol::{
    desk::Directions,
    stream::{PeerOffer, PeerRole},
};
use axum::http::StatusCode;
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};

use super::{
    line::Line,
    relay::Relay,
    sdp::{Offer, Published},
};
use crate::{agent::AgentError, failure::causes, session::SessionHandle, vm::Visit};

/// Between attempts to reach a stream that is not there; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What has become of an offer.
#[derive(Debug, Clone)]
pub enum AnswerState {
    /// Nothing yet.
    Waiting,
    Ready {
        answer: Arc<Published>,
        at: OffsetDateTime,
    },
    /// It will not be answered.
    Refused(String),
    /// It was answered by a stream that does not exist any more.
    Gone,
}

impl AnswerState {
    /// Whether it takes a seat among the viewers.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self, Self::Waiting | Self::Ready { .. })
    }
}

/// What the operator lets every viewer have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The most that one viewer is sent, in bit/s.
    pub(super) most_bps: u32,
    pub(super) clipboard: Directions,
    /// A session without anybody's input ends after this time.
    pub(super) idle_limit: Duration,
}

/// What the task works on.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) session: SessionHandle,
    pub(super) relay: Arc<Relay>,
    pub(super) candidates: Arc<Vec<String>>,
    pub(super) line: Arc<Line>,
    pub(super) offer: Offer,
    pub(super) role: PeerRole,
    pub(super) terms: Terms,
    /// Which offer of this viewer it is.
    pub(super) turn: u64,
    /// Another offer of the same viewer; closed when the viewer is removed.
    pub(super) restarts: mpsc::Receiver<(u64, Offer)>,
    /// With the turn that it is about.
    pub(super) state: watch::Sender<(u64, AnswerState)>,
    pub(super) taken: Arc<AtomicBool>,
}

impl Task {
    /// Until the viewer is removed, or the session is over.
    pub(super) async fn run(mut self) {
        let session = self.session.clone();
        let mut name = None;
        tokio::select! {
            () = session.over() => {}
            () = self.serve(&mut name) => {}
        }
        if let Some(name) = name {
            self.relay.forget_name(&name);
        }
        // The guest may have ended, or forgotten the viewer already.
        if let Some(agent) = session.vm().agent() {
            let _ = agent.remove_peer(&self.id).await;
        }
    }

    /// Returns when the viewer is removed.
    async fn serve(&mut self, name: &mut Option<String>) {
        let mut breaks = self.line.breaks();
        // As long as somebody is shown the desktop, the VM does not hibernate.
        let mut shown: Option<Visit> = None;
        loop {
            breaks.mark_unchanged();
            self.tell(AnswerState::Waiting);
            let answered = tokio::select! {
                restart = self.restarts.recv() => match restart {
                    Some(restart) => {
                        self.begin_again(restart);
                        continue;
                    }
                    None => return,
                },
                answered = negotiate(&self.session, &self.id, &self.offer, self.role, self.terms) => answered,
            };
            let state = answered.and_then(|(sdp, vm)| {
                shown = Some(vm);
                self.publish(&sdp, name)
            });
            let state = state.unwrap_or_else(AnswerState::Refused);
            let ready = matches!(state, AnswerState::Ready { .. });
            if !ready {
                shown = None;
            }
            self.tell(state);
            tokio::select! {
                restart = self.restarts.recv() => match restart {
                    Some(restart) => self.begin_again(restart),
                    None => return,
                },
                Ok(()) = breaks.changed(), if ready => if self.taken.load(Ordering::Relaxed) {
                    self.tell(AnswerState::Gone);
                    shown = None;
                    match self.restarts.recv().await {
                        Some(restart) => self.begin_again(restart),
                        None => return,
                    }
                },
            }
        }
    }

    fn begin_again(&mut self, (turn, offer): (u64, Offer)) {
        self.taken.store(false, Ordering::Relaxed);
        (self.turn, self.offer) = (turn, offer);
    }

    fn tell(&self, state: AnswerState) {
        self.state.send_replace((self.turn, state));
    }

    fn publish(&self, sdp: &str, name: &mut Option<String>) -> Result<AnswerState, String> {
        let answer = Published::new(sdp, &self.candidates).map_err(|error| {
            tracing::warn!(session = %self.session.id(), "a guest's answer is of no use: {error}");
            "the desktop gave no answer that could be used".to_owned()
        })?;
        self.relay.name(&answer.name, self.session.vm().id()).map_err(|error| {
            tracing::warn!(session = %self.session.id(), "{error}");
            error.to_string()
        })?;
        if let Some(old) = name.replace(answer.name.clone()).filter(|old| *old != answer.name) {
            self.relay.forget_name(&old);
        }
        Ok(AnswerState::Ready { answer: Arc::new(answer), at: OffsetDateTime::now_utc() })
    }
}

/// The guest's answer, however long it takes, and being in the guest; an error is the reason why there will be none.
async fn negotiate(
    session: &SessionHandle,
    id: &str,
    offer: &Offer,
    role: PeerRole,
    terms: Terms,
) -> Result<(String, Visit), String> {
    let Terms { most_bps, clipboard, .. } = terms;
    let offer = PeerOffer { sdp: offer.sdp().to_owned(), role, most_bps, clipboard };
    // Without an agent there is no VM any more, and the session is about to be over.
    let Some(vm) = session.vm().visit_when_ready().await else { return std::future::pending().await };
    let mut pause = FIRST_PAUSE;
    loop {
        match vm.offer_peer(id, &offer).await {
            Ok(answer) => return Ok((answer.sdp, vm)),
            // Every seat taken, or a viewer that is just going: what passes is asked again, what is wrong is told.
            Err(AgentError::Refused { status, problem, .. })
                if status.is_client_error() && !matches!(status, StatusCode::CONFLICT | StatusCode::GONE) =>
            {
                return Err(problem);
            }
            Err(error) => {
                tracing::debug!(session = %session.id(), "an offer waits: {}", causes(&error));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
