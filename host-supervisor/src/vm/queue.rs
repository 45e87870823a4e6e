//! Whose VM is launched next: a pure structure, without a clock and without I/O.
//!
//! ```text
//!  people      ──ask──▶ waiting, by rank ────────┐
//!  background  ──ask──▶ waiting, in order ───────┴──▶ launching, at most `at_once` ──leave──▶
//! ```
//! A start's **rank** is how many have come before it, and [`ROUND`] more for each start of the same user that is still under
//! way; the lowest goes first. So users take turns whatever each of them has asked for, the starts of one user keep their
//! order, and nobody is overtaken without end: only a hundred later ones go before somebody's second start.
//!
//! Work in the background goes when nobody waits, and leaves a place for whoever comes next, unless there is only one.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, num::NonZeroUsize};

/// How many that come later go before a start, for each start of the same user that was under way when it came.
const ROUND: u64 = 100;

/// How many VMs start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchBounds {
    /// VMs that are being launched at once.
    pub at_once: NonZeroUsize,
    /// Starts of people that wait for that.
    pub most_waiting: usize,
}

/// As many wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{most_waiting} starts are waiting already")]
pub struct QueueFull {
    pub most_waiting: usize,
}

/// One start, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(u64);

#[derive(Debug)]
pub(super) struct Queue {
    bounds: LaunchBounds,
    /// With their users; without one, what nobody waits for or somebody else has begun.
    launching: BTreeMap<Turn, Option<String>>,
    /// In the order in which they will go.
    people: Vec<Waiting>,
    background: Vec<Turn>,
    came: u64,
}

#[derive(Debug)]
struct Waiting {
    turn: Turn,
    user: String,
    rank: u64,
}

impl Queue {
    pub(super) fn new(bounds: LaunchBounds) -> Self {
        let (launching, people, background) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { bounds, launching, people, background, came: 0 }
    }

    /// Those that are being launched stay, and those that wait.
    pub(super) fn bound(&mut self, bounds: LaunchBounds) {
        self.bounds = bounds;
        self.advance();
    }

    /// Somebody wants a VM.
    ///
    /// # Errors
    /// When it would have to wait and as many do as may.
    pub(super) fn ask(&mut self, user: &str) -> Result<Turn, QueueFull> {
        let LaunchBounds { at_once, most_waiting } = self.bounds;
        if self.launching.len() >= at_once.get() && self.people.len() >= most_waiting {
            return Err(QueueFull { most_waiting });
        }
        let turn = self.number();
        let rank = self.rank_of_next(user);
        let at = self.people.partition_point(|waiting| waiting.rank <= rank);
        self.people.insert(at, Waiting { turn, user: user.to_owned(), rank });
        self.advance();
        Ok(turn)
    }

    /// A VM that nobody waits for. There are few of those; they have no bound.
    pub(super) fn ask_in_background(&mut self) -> Turn {
        let turn = self.number();
        self.background.push(turn);
        self.advance();
        turn
    }

    /// A VM that is being launched already, by a daemon that is gone: it counts, however many there are.
    pub(super) fn enter(&mut self) -> Turn {
        let turn = self.number();
        self.launching.insert(turn, None);
        turn
    }

    /// It is launched, or is not wanted any more.
    pub(super) fn leave(&mut self, turn: Turn) {
        self.launching.remove(&turn);
        self.background.retain(|waiting| *waiting != turn);
        if let Some(at) = self.people.iter().position(|waiting| waiting.turn == turn) {
            let gone = self.people.remove(at);
            self.move_up(&gone);
        }
        self.advance();
    }

    /// How many of those that wait go before it; `None` when it does not wait.
    pub(super) fn ahead_of(&self, turn: Turn) -> Option<usize> {
        let in_background = || self.background.iter().position(|waiting| *waiting == turn);
        self.people
            .iter()
            .position(|waiting| waiting.turn == turn)
            .or_else(|| Some(self.people.len() + in_background()?))
    }

    pub(super) fn launching(&self) -> usize {
        self.launching.len()
    }

    /// People, not work in the background.
    pub(super) fn waiting(&self) -> usize {
        self.people.len()
    }

    fn number(&mut self) -> Turn {
        self.came += 1;
        Turn(self.came)
    }

    fn rank_of_next(&self, user: &str) -> u64 {
        let launching = self.launching.values().filter(|other| other.as_deref() == Some(user)).count();
        let mut waiting = self.people.iter().filter(|waiting| waiting.user == user);
        let under_way = launching + waiting.clone().count();
        let rank = self.came + ROUND * under_way as u64;
        // Those of one user keep their order, also when what was under way for the last one is not any more.
        waiting.next_back().map_or(rank, |last| rank.max(last.rank + 1))
    }

    /// The place of one that is gone is its user's: each later one of theirs takes that of the one before it.
    fn move_up(&mut self, gone: &Waiting) {
        let mut free = gone.rank;
        for later in
            self.people.iter_mut().filter(|waiting| waiting.turn > gone.turn && waiting.user == gone.user)
        {
            std::mem::swap(&mut later.rank, &mut free);
        }
        self.people.sort_by_key(|waiting| waiting.rank);
    }

    fn advance(&mut self) {
        while self.launching.len() < self.bounds.at_once.get() {
            if !self.people.is_empty() {
                let Waiting { turn, user, .. } = self.people.remove(0);
                self.launching.insert(turn, Some(user));
            } else if !self.background.is_empty() && self.leaves_a_place() {
                self.launching.insert(self.background.remove(0), None);
            } else {
                return;
            }
        }
    }

    fn leaves_a_place(&self) -> bool {
        self.launching.is_empty() || self.launching.len() + 1 < self.bounds.at_once.get()
    }
}
