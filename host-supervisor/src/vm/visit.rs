//! Being in a VM: as long as anybody is, it is not put to disk, and whoever comes to one that is there has it woken.
//!
//! ```text
//!  visit ──▶ Visit (an agent that answers) ──dropped──▶ nobody is there ──after a while──▶ it may hibernate
//!     └── it hibernates: its owner sees somebody, and wakes it
//! ```

use std::{ops::Deref, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{VmHandle, VmStatus};
use crate::{agent::AgentClient, host_memory};

/// Of a VM's memory, what has to be available when it is woken, as a fraction: as when it is started.
const TOUCHED: u32 = 2;

/// Who is in a VM.
#[derive(Debug)]
pub(super) struct Presence(watch::Sender<Present>);

#[derive(Debug, Clone, Copy)]
struct Present {
    visits: usize,
    holds: usize,
    /// When somebody was last seen to come or go.
    moved: Instant,
}

/// Keeps its VM awake as long as it lives: the agent, which answers.
#[derive(Debug)]
pub struct Visit {
    agent: AgentClient,
    _seat: Seat,
}

/// Keeps its VM from being put to disk by itself; an operator who asks for that is not refused.
#[derive(Debug)]
pub struct Hold {
    _seat: Seat,
}

#[derive(Debug)]
struct Seat {
    presence: Arc<Presence>,
    of: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Visit,
    Hold,
}

/// Why nobody can be in a VM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoVisit {
    #[error("the VM does not answer yet")]
    NotYet,
    #[error("the VM is gone")]
    Gone,
    #[error(
        "this machine has no memory left to wake the VM: {available_mib} MiB are available, {needed_mib} MiB are needed"
    )]
    Memory { needed_mib: u32, available_mib: u64 },
}

impl Visit {
    #[must_use]
    pub fn agent(&self) -> &AgentClient {
        &self.agent
    }
}

impl Deref for Visit {
    type Target = AgentClient;

    fn deref(&self) -> &AgentClient {
        &self.agent
    }
}

impl VmHandle {
    /// Comes into a VM that has answered before, and has it woken where it hibernates.
    ///
    /// # Errors
    /// At once, when it has not, and when there is no memory to wake it; when it ends before it answers.
    pub async fn visit(&self) -> Result<Visit, NoVisit> {
        let status = self.state.borrow().status;
        if !status.is_away() && self.agent().is_none() {
            let ends = matches!(status, VmStatus::Stopping | VmStatus::Destroyed | VmStatus::Failed);
            return Err(if ends { NoVisit::Gone } else { NoVisit::NotYet });
        }
        if status == VmStatus::Hibernated {
            let needed_mib = self.memory_mib / TOUCHED;
            match host_memory::available_mib() {
                Some(available_mib) if available_mib < needed_mib.into() => {
                    return Err(NoVisit::Memory { needed_mib, available_mib });
                }
                _ => {}
            }
        }
        self.visit_when_ready().await.ok_or(NoVisit::Gone)
    }

    /// Comes into it as soon as it answers, and has it woken where it hibernates; `None` when it ends without an answer.
    pub async fn visit_when_ready(&self) -> Option<Visit> {
        let seat = Seat::take(&self.presence, Kind::Visit);
        let agent = self.answering_agent().await?;
        // The agent is there a moment before the store knows.
        self.state.clone().wait_for(|state| !state.status.is_away()).await.ok()?;
        Some(Visit { agent, _seat: seat })
    }

    /// Comes into it as soon as it answers, and lets it hibernate until somebody else has it woken; `None` when it ends without
    /// an answer.
    pub async fn visit_once_awake(&self) -> Option<Visit> {
        loop {
            self.answering_agent().await?;
            let seat = Seat::take(&self.presence, Kind::Visit);
            // It may have been put to disk just before.
            if let Some(agent) = self.agent() {
                return Some(Visit { agent, _seat: seat });
            }
        }
    }

    /// The time without anybody in it begins anew.
    pub fn touch(&self) {
        self.presence.touch();
    }

    /// Whether anybody is in it.
    #[must_use]
    pub fn is_visited(&self) -> bool {
        self.presence.is_visited()
    }

    /// Something goes on in it that nobody watches.
    #[must_use]
    pub fn hold_awake(&self) -> Hold {
        Hold { _seat: Seat::take(&self.presence, Kind::Hold) }
    }
}

impl Presence {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Present { visits: 0, holds: 0, moved: Instant::now() }))
    }

    pub(super) fn is_visited(&self) -> bool {
        self.0.borrow().visits > 0
    }

    /// Returns when somebody is there.
    pub(super) async fn visited(&self) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.0.subscribe().wait_for(|present| present.visits > 0).await;
    }

    /// Returns when nobody is.
    pub(super) async fn left(&self) {
        // As above.
        let _ = self.0.subscribe().wait_for(|present| present.visits == 0).await;
    }

    /// Returns when nothing has kept the VM awake for so long.
    pub(super) async fn left_alone_for(&self, time: Duration) {
        let mut present = self.0.subscribe();
        loop {
            let Present { visits, holds, moved } = *present.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(moved + time), if visits + holds == 0 => return,
                // As above.
                _ = present.changed() => {}
            }
        }
    }

    /// The time without anybody begins anew.
    pub(super) fn touch(&self) {
        self.0.send_modify(|present| present.moved = Instant::now());
    }

    fn change(&self, of: Kind, change: impl FnOnce(&mut usize)) {
        self.0.send_modify(|present| {
            change(if of == Kind::Visit { &mut present.visits } else { &mut present.holds });
            present.moved = Instant::now();
        });
    }
}

impl Seat {
    fn take(presence: &Arc<Presence>, of: Kind) -> Self {
        presence.change(of, |count| *count += 1);
        Self { presence: Arc::clone(presence), of }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.presence.change(self.of, |count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const TIME: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_vm_is_left_alone_when_the_last_has_gone_for_long_enough() {
        let presence = Arc::new(Presence::new());
        let begin = Instant::now();
        let visits = [Seat::take(&presence, Kind::Visit), Seat::take(&presence, Kind::Visit)];
        let hold = Seat::take(&presence, Kind::Hold);
        assert!(presence.is_visited());
        let leave = async {
            for seat in visits.into_iter().chain([hold]) {
                tokio::time::sleep(TIME * 2).await;
                drop(seat);
            }
            tokio::time::sleep(TIME / 2).await;
            presence.touch();
            std::future::pending::<()>().await;
        };
        tokio::select! { () = leave => {}, () = presence.left_alone_for(TIME) => {} }
        assert_eq!(begin.elapsed(), TIME * 6 + TIME / 2 + TIME);
        assert!(!presence.is_visited());
    }

    #[tokio::test]
    async fn a_hold_is_nobody_who_has_come() {
        let presence = Arc::new(Presence::new());
        let hold = Seat::take(&presence, Kind::Hold);
        assert!(presence.visited().now_or_never().is_none() && !presence.is_visited());
        drop(hold);
        let _visit = Seat::take(&presence, Kind::Visit);
        assert!(presence.visited().now_or_never().is_some());
    }
}
