//! Marks of when what happened in this VM. Each name is marked once: later restarts do not move the first time.

use std::sync::{Arc, Mutex, PoisonError};

use anteroom_protocol::{EventBody, timeline::Mark};

use crate::{boottime, journal::Journal};

/// More marks than any boot makes; a bound because names of services come from files.
const MAX_MARKS: usize = 256;

#[derive(Debug)]
pub(crate) struct Timeline {
    marks: Mutex<Vec<Mark>>,
    journal: Arc<Journal>,
}

impl Timeline {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { marks: Mutex::default(), journal }
    }

    /// Marks this moment.
    pub(crate) fn mark(&self, name: impl Into<String>) {
        self.mark_at(name, boottime::now_ns());
    }

    /// Marks a moment that was noticed elsewhere; does nothing when the name is marked already.
    pub(crate) fn mark_at(&self, name: impl Into<String>, uptime_ns: u64) {
        let name = name.into();
        {
            let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
            if marks.len() >= MAX_MARKS || marks.iter().any(|mark| mark.name == name) {
                return;
            }
            marks.push(Mark { name: name.clone(), uptime_ns });
        }
        tracing::info!("mark {name} at {} s", Seconds(uptime_ns));
        self.journal.publish_at(EventBody::Mark { name }, uptime_ns);
    }

    /// Forgets all marks: those of another machine.
    pub(crate) fn begin_anew(&self) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|mark| mark.name == name)
    }

    /// All marks, in the order of time.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        marks.sort_by_key(|mark| mark.uptime_ns);
        marks
    }
}

/// Nanoseconds, shown as seconds.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000_000_000, self.0 / 1_000_000 % 1000)
    }
}
