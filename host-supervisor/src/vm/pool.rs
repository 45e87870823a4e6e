//! VMs that wait for somebody: ready before they are asked for, and handed over as they are.
//!
//! ```text
//!  keeper ──▶ spare, spare ──reserve──▶ Berth ──occupy──▶ (handle, events) of a session
//!                     none ──reserve──▶ Berth ──occupy──▶ a VM is started when its turn has come
//! ```
//! Whoever takes one gets the same as from a start, only earlier.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anteroom_protocol::VmId;
use tokio::sync::{Notify, mpsc};

use super::{
    Order, QueueFull, Shortage, StopReason, VmEvent, VmHandle, VmRequest, VmStarter, VmStatus,
    WAITING_EVENTS, launches::Ticket,
};
use crate::{config::PoolSettings, store::StoreError};

/// Who came within this time is expected again.
const RECENT: Duration = Duration::from_secs(120);

/// A VM that nobody has. It is ended when it is dropped.
#[derive(Debug)]
pub(super) struct Spare(Option<(VmHandle, mpsc::Receiver<VmEvent>)>);

#[derive(Debug, Default)]
pub(super) struct Pool {
    spares: Mutex<VecDeque<Spare>>,
    demand: Mutex<Demand>,
    /// Somebody has come, or a spare is gone.
    pub(super) news: Notify,
    outlook: Mutex<Outlook>,
    /// Those that will be spares and are not ready yet.
    making: AtomicUsize,
}

/// How many should wait, and why fewer may.
#[derive(Debug, Default)]
struct Outlook {
    wanted: usize,
    shortage: Option<Shortage>,
}

/// What there is of VMs that wait.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolView {
    pub ready: usize,
    /// As long as nothing is short.
    pub wanted: usize,
    pub shortage: Option<Shortage>,
}

/// When people have come.
#[derive(Debug, Default)]
struct Demand(VecDeque<Instant>);

/// A VM for somebody: one that is ready, or a turn among those that are launched. Dropped, it is given back.
#[derive(Debug)]
pub struct Berth {
    id: VmId,
    holds: Holds,
}

#[derive(Debug)]
enum Holds {
    Spare(Spare),
    /// And why there was none that is ready, where that is known.
    Turn(Ticket, Option<Shortage>),
}

impl Berth {
    #[must_use]
    pub fn id(&self) -> VmId {
        self.id
    }
}

impl VmStarter {
    /// The VM of a user who has just come.
    ///
    /// # Errors
    /// When there is none that is ready, and as many wait to be launched as may.
    pub fn reserve(&self, user: &str) -> Result<Berth, QueueFull> {
        self.pool.demand().note(Instant::now());
        let spare = self.pool.take();
        self.pool.news.notify_one();
        Ok(match spare {
            Some(spare) => Berth { id: spare.id().unwrap_or_else(VmId::random), holds: Holds::Spare(spare) },
            None => {
                let turn = Holds::Turn(self.launches.ask(user)?, self.pool.outlook().shortage);
                Berth { id: VmId::random(), holds: turn }
            }
        })
    }

    /// Hands it over, or starts it: a request for the berth's id.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn occupy(
        &self,
        berth: Berth,
        request: VmRequest,
    ) -> Result<(VmHandle, mpsc::Receiver<VmEvent>), StoreError> {
        let (ticket, shortage) = match berth.holds {
            Holds::Turn(ticket, shortage) => (ticket, shortage),
            Holds::Spare(spare) => {
                if let Some(session) = request.session {
                    self.store.vm_set_session(berth.id, session).await?;
                }
                if let Some((handle, events)) = spare.hand_over() {
                    // An owner that does not hear it ends its VM just now, which the session will see.
                    let _ = handle.orders.try_send(Order::Occupy);
                    return Ok((handle, events));
                }
                (self.launches.ask_in_background(), None)
            }
        };
        let (events_in, events) = mpsc::channel(WAITING_EVENTS);
        let handle = self.start_with(ticket, request, events_in, shortage);
        self.await_desktop(&handle);
        Ok((handle, events))
    }

    /// Starts a VM that a user waits for, and that is not taken from those that are ready.
    ///
    /// # Errors
    /// When as many wait to be launched as may.
    pub fn start_for(
        &self,
        user: &str,
        request: VmRequest,
    ) -> Result<(VmHandle, mpsc::Receiver<VmEvent>), QueueFull> {
        let ticket = self.launches.ask(user)?;
        self.cli_wanted.send_replace(true);
        let (events_in, events) = mpsc::channel(WAITING_EVENTS);
        let handle = self.start_with(ticket, request, events_in, None);
        self.await_desktop(&handle);
        Ok((handle, events))
    }

    /// How many are ready.
    #[must_use]
    pub fn spares(&self) -> usize {
        self.pool.spares().len()
    }

    /// What there is of them, and what stands in the way of more.
    #[must_use]
    pub fn pool(&self) -> PoolView {
        let ready = self.spares();
        let Outlook { wanted, shortage } = *self.pool.outlook();
        PoolView { ready, wanted, shortage }
    }

    /// One of those that wait.
    #[must_use]
    pub fn spare(&self, id: VmId) -> Option<VmHandle> {
        let spares = self.pool.spares();
        let mut handles = spares.iter().filter_map(|Spare(parts)| parts.as_ref().map(|(handle, _)| handle));
        handles.find(|handle| handle.id() == id).cloned()
    }

    /// Ends one of those that wait; another one takes its place.
    pub fn dismiss(&self, id: VmId) -> Option<VmHandle> {
        let handle = self.spare(id)?;
        self.pool.spares().retain(|spare| spare.id() != Some(id));
        self.pool.news.notify_one();
        Some(handle)
    }

    /// Counts it among those that somebody waits for, as long as somebody does.
    fn await_desktop(&self, vm: &VmHandle) {
        let (awaited, mut state) = (self.awaited.clone(), vm.state());
        awaited.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            let starts = [VmStatus::Creating, VmStatus::Booting, VmStatus::Running];
            let _ = state.wait_for(|state| !starts.contains(&state.status)).await;
            awaited.send_modify(|count| *count -= 1);
        });
    }
}

impl Pool {
    pub(super) fn put(&self, spare: Spare) {
        self.spares().push_back(spare);
    }

    /// The one that has waited longest.
    fn take(&self) -> Option<Spare> {
        let mut spares = self.spares();
        while let Some(spare) = spares.pop_front() {
            if spare.is_ready() {
                return Some(spare);
            }
        }
        None
    }

    /// Ends those beyond this number, and forgets those that have ended by themselves.
    pub(super) fn shrink_to(&self, count: usize) {
        let mut spares = self.spares();
        spares.retain(Spare::is_ready);
        spares.truncate(count);
    }

    /// How many there should be.
    pub(super) fn wanted(&self, settings: PoolSettings) -> usize {
        self.demand().wanted(settings, Instant::now())
    }

    pub(super) fn makes(&self, count: usize) {
        self.making.store(count, Ordering::Relaxed);
    }

    pub(super) fn making(&self) -> usize {
        self.making.load(Ordering::Relaxed)
    }

    /// Keeps what there should be for whoever asks.
    pub(super) fn look(&self, wanted: usize, shortage: Option<Shortage>) {
        let before = std::mem::replace(&mut *self.outlook(), Outlook { wanted, shortage });
        let word = |shortage: Option<Shortage>| shortage.map(|shortage| shortage.word());
        match shortage {
            Some(why) if word(before.shortage) == word(Some(why)) => {}
            // That many people are there.
            Some(why @ Shortage::Vms { .. }) => {
                tracing::info!(wanted, "fewer VMs wait than are wanted: {why}")
            }
            Some(why) => tracing::warn!(wanted, "fewer VMs wait than are wanted: {why}"),
            None if before.shortage.is_some() => {
                tracing::info!(wanted, "as many VMs wait as are wanted again")
            }
            None => {}
        }
    }

    fn outlook(&self) -> MutexGuard<'_, Outlook> {
        self.outlook.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spares(&self) -> MutexGuard<'_, VecDeque<Spare>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spare {
    pub(super) fn of(handle: VmHandle, events: mpsc::Receiver<VmEvent>) -> Self {
        Self(Some((handle, events)))
    }

    fn id(&self) -> Option<VmId> {
        self.0.as_ref().map(|(handle, _)| handle.id())
    }

    fn is_ready(&self) -> bool {
        self.0.as_ref().is_some_and(|(handle, _)| handle.state.borrow().status == VmStatus::Ready)
    }

    fn hand_over(mut self) -> Option<(VmHandle, mpsc::Receiver<VmEvent>)> {
        self.0.take()
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some((handle, _)) = &self.0 {
            handle.stop(StopReason::Completed);
        }
    }
}

impl Demand {
    /// More than anybody keeps ready.
    const MOST: usize = 1000;

    fn note(&mut self, now: Instant) {
        self.0.push_back(now);
        if self.0.len() > Self::MOST {
            self.0.pop_front();
        }
    }

    /// One for each who came lately.
    fn wanted(&mut self, settings: PoolSettings, now: Instant) -> usize {
        self.0.retain(|came| now.saturating_duration_since(*came) < RECENT);
        let PoolSettings { min, max } = settings;
        self.0.len().clamp(min as usize, max as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_follows_those_who_came_lately_within_its_bounds() {
        let mut demand = Demand::default();
        let (settings, begin) = (PoolSettings { min: 1, max: 3 }, Instant::now());
        assert_eq!(demand.wanted(settings, begin), 1);
        (0..2).for_each(|_| demand.note(begin));
        assert_eq!(demand.wanted(settings, begin), 2);
        (0..9).for_each(|_| demand.note(begin + Duration::from_secs(60)));
        assert_eq!(demand.wanted(settings, begin + Duration::from_secs(61)), 3);
        assert_eq!(demand.wanted(settings, begin + Duration::from_secs(181)), 1);
        assert_eq!(demand.wanted(PoolSettings::default(), begin), 0, "no pool");
    }
}
