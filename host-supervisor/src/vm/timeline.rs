//! When what happened to a VM, on the host's clock, as seen from the moment it was asked for.
//!
//! The guest's own marks count nanoseconds since its kernel started; an answer of the agent, which says how long that
//! is ago, maps them onto the host's clock.

use std::time::{Duration, Instant};

use anteroom_protocol::timeline::mark;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Names of the marks that the host sets itself. Those of the guest are in [`anteroom_protocol::timeline::mark`].
pub mod host_mark {
    pub const REQUESTED: &str = "requested";
    /// It had to wait for the launches of others; what follows is its own.
    pub const TURN_CAME: &str = "turn-came";
    pub const DISK_READY: &str = "disk-ready";
    pub const VMM_STARTED: &str = "vmm-started";
    /// The guest goes on where the snapshot was made.
    pub const RESTORED: &str = "restored";
    /// It could not be restored, and boots instead.
    pub const NOT_RESTORED: &str = "not-restored";
    /// It had been ready before it was asked for.
    pub const WAS_READY: &str = "was-ready";
    /// Computed: the beginning of the guest's own clock.
    pub const KERNEL_START: &str = "kernel-start";
    pub const AGENT_ANSWERED: &str = "agent-answered";
    /// All of it is on the disk, and nothing of it runs.
    pub const HIBERNATED: &str = "hibernated";
    /// Somebody has come for it.
    pub const WAKING: &str = "waking";
    /// It goes on where it was.
    pub const AWAKE: &str = "awake";
    /// By another daemon than the one that had started it.
    pub const TAKEN_OVER: &str = "taken-over";
    pub const STOPPING: &str = "stopping";
    pub const GONE: &str = "gone";
}

/// Those that are measured of every VM whose desktop stands.
pub(super) const STAGES: [&str; 9] = [
    host_mark::TURN_CAME,
    host_mark::DISK_READY,
    host_mark::VMM_STARTED,
    host_mark::RESTORED,
    host_mark::KERNEL_START,
    mark::PID1,
    host_mark::AGENT_ANSWERED,
    mark::RESUMED,
    mark::DESKTOP_PAINTED,
];

/// What lies between those, in the order of time: the name of the mark that a stage leads to, its beginning and its end.
pub(crate) fn stages(marks: &[HostMark]) -> Vec<(&'static str, OffsetDateTime, OffsetDateTime)> {
    let named = |name: &str| STAGES.into_iter().find(|stage| *stage == name);
    let Some(begin) = marks.iter().find(|mark| mark.name == host_mark::REQUESTED) else { return Vec::new() };
    let ends = marks.iter().filter_map(|mark| Some((named(&mark.name)?, mark.at)));
    ends.scan(begin.at, |before, (name, at)| Some((name, std::mem::replace(before, at), at))).collect()
}

/// One moment, whoever marked it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostMark {
    pub name: String,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub since_request_ms: f64,
}

/// The guest's clock, read over the network: exact to half the time between question and answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockReading {
    pub(super) uptime_ns: u64,
    pub(super) asked: Instant,
    pub(super) answered: Instant,
}

impl ClockReading {
    pub(super) fn span(&self) -> Duration {
        self.answered.saturating_duration_since(self.asked)
    }

    /// When the guest's clock was zero; `None` before the host's own clock began.
    fn zero(&self) -> Option<Instant> {
        (self.asked + self.span() / 2).checked_sub(Duration::from_nanos(self.uptime_ns))
    }
}

/// More marks than any VM makes; a bound because the guest names most of them.
const MAX_MARKS: usize = 256;
const MAX_NAME_CHARS: usize = 64;

/// The marks of one VM, in the order of time.
#[derive(Debug)]
pub(super) struct Timeline {
    requested: Instant,
    requested_at: OffsetDateTime,
    kernel_start: Option<Instant>,
    marks: Vec<HostMark>,
}

impl Timeline {
    /// Begins now.
    pub(super) fn begin() -> Self {
        let (requested, requested_at) = (Instant::now(), OffsetDateTime::now_utc());
        let mut timeline = Self { requested, requested_at, kernel_start: None, marks: Vec::new() };
        timeline.mark_at(host_mark::REQUESTED, requested);
        timeline
    }

    /// Begins now, with what is true already; says how long it has been going on so far.
    pub(super) fn begin_anew(&mut self) -> Duration {
        let waited = self.requested.elapsed();
        let kernel_start = self.kernel_start;
        *self = Self { kernel_start, ..Self::begin() };
        self.mark_at(host_mark::WAS_READY, self.requested);
        for reached in [mark::DESKTOP_READY, mark::DESKTOP_PAINTED] {
            self.mark_at(reached, self.requested);
        }
        waited
    }

    /// Goes on with one that another daemon has begun. The guest tells its own marks again.
    pub(super) fn resume(requested_at: OffsetDateTime, marks: Vec<HostMark>) -> Self {
        const OF_THE_HOST: [&str; 12] = [
            host_mark::REQUESTED,
            host_mark::TURN_CAME,
            host_mark::DISK_READY,
            host_mark::VMM_STARTED,
            host_mark::RESTORED,
            host_mark::NOT_RESTORED,
            host_mark::WAS_READY,
            host_mark::KERNEL_START,
            host_mark::AGENT_ANSWERED,
            host_mark::HIBERNATED,
            host_mark::WAKING,
            host_mark::AWAKE,
        ];
        let age = Duration::try_from(OffsetDateTime::now_utc() - requested_at).unwrap_or_default();
        let requested = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        let marks = marks.into_iter().filter(|mark| OF_THE_HOST.contains(&mark.name.as_str())).collect();
        Self { requested, requested_at, kernel_start: None, marks }
    }

    pub(super) fn requested_at(&self) -> OffsetDateTime {
        self.requested_at
    }

    pub(super) fn marks(&self) -> &[HostMark] {
        &self.marks
    }

    /// Marks this moment.
    pub(super) fn mark(&mut self, name: &str) {
        self.mark_at(name, Instant::now());
    }

    /// Learns how the clock of a guest reads that did not run all the time: a clone's has gone on from that of the guest that was
    /// snapshotted. Whoever lies about it spoils its own marks only.
    pub(super) fn learn_shifted_clock(&mut self, reading: ClockReading) {
        self.kernel_start = reading.zero();
    }

    /// Learns when the guest's kernel started.
    pub(super) fn learn_guest_clock(&mut self, reading: ClockReading) {
        // A guest that claims to have run since before it was asked for is not believed.
        let start = reading.zero().unwrap_or(self.requested).max(self.requested);
        self.kernel_start = Some(start);
        self.mark_first(host_mark::KERNEL_START, start);
    }

    /// A moment of the guest's clock on everybody's; never in the future, and now when nothing is known of its clock.
    pub(super) fn moment_of(&self, uptime_ns: u64) -> OffsetDateTime {
        let now = Instant::now();
        let age = self.on_our_clock(uptime_ns).map(|moment| now.saturating_duration_since(moment));
        OffsetDateTime::now_utc() - age.unwrap_or_default()
    }

    fn on_our_clock(&self, uptime_ns: u64) -> Option<Instant> {
        self.kernel_start?.checked_add(Duration::from_nanos(uptime_ns))
    }

    /// Marks a moment of the guest's clock. Without any answer so far there is no telling when that was.
    pub(super) fn mark_guest(&mut self, name: &str, uptime_ns: u64) {
        if let Some(moment) = self.on_our_clock(uptime_ns) {
            self.mark_at(name, moment.min(Instant::now()));
        }
    }

    /// Marks a moment unless there is a mark of that name.
    pub(super) fn mark_first(&mut self, name: &str, moment: Instant) {
        if self.marks.iter().all(|mark| mark.name != name) {
            self.mark_at(name, moment);
        }
    }

    pub(super) fn mark_at(&mut self, name: &str, moment: Instant) {
        if self.marks.len() >= MAX_MARKS {
            return;
        }
        let since = moment.saturating_duration_since(self.requested);
        let mark = HostMark {
            name: name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect(),
            at: self.requested_at + since,
            since_request_ms: (since.as_secs_f64() * 1e6).round() / 1e3,
        };
        let place = self.marks.partition_point(|other| other.since_request_ms <= mark.since_request_ms);
        self.marks.insert(place, mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(uptime: Duration, asked: Instant, answered: Instant) -> ClockReading {
        ClockReading { uptime_ns: u64::try_from(uptime.as_nanos()).unwrap(), asked, answered }
    }

    fn timeline(age: Duration) -> Timeline {
        let requested = Instant::now().checked_sub(age).unwrap();
        let requested_at = OffsetDateTime::UNIX_EPOCH;
        Timeline { requested, requested_at, kernel_start: None, marks: Vec::new() }
    }

    fn names(timeline: &Timeline) -> Vec<&str> {
        timeline.marks().iter().map(|mark| mark.name.as_str()).collect()
    }

    #[test]
    fn marks_of_the_guest_are_mapped_onto_the_hosts_clock_in_order() {
        let mut timeline = timeline(Duration::from_secs(20));
        timeline.mark_at("vmm-started", timeline.requested + Duration::from_secs(1));
        let asked = timeline.requested + Duration::from_millis(5900);
        let answered = timeline.requested + Duration::from_millis(6100);
        timeline.learn_guest_clock(reading(Duration::from_secs(4), asked, answered));
        timeline.mark_at("agent-answered", answered);
        timeline.mark_guest("pid1", 1_500_000_000);
        assert_eq!(names(&timeline), ["vmm-started", "kernel-start", "pid1", "agent-answered"]);
        let pid1 = &timeline.marks()[2];
        assert!((pid1.since_request_ms - 3500.0).abs() < 0.01, "{pid1:?}");
        assert_eq!(pid1.at, OffsetDateTime::UNIX_EPOCH + Duration::from_millis(3500));
    }

    #[test]
    fn stages_lie_between_the_marks_that_we_know_and_begin_with_the_request() {
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mark = |name: &str, seconds: u8| HostMark {
            name: name.to_owned(),
            at: at(seconds.into()),
            since_request_ms: f64::from(seconds) * 1e3,
        };
        let marks = [mark("requested", 0), mark("vmm-started", 1), mark("of a guest", 2), mark("pid1", 4)];
        assert_eq!(stages(&marks), [("vmm-started", at(0), at(1)), ("pid1", at(1), at(4))]);
        assert_eq!(stages(&marks[1..]), []);
    }

    #[test]
    fn a_guest_that_lies_about_its_clock_only_spoils_its_own_marks() {
        let mut timeline = timeline(Duration::from_secs(1));
        let now = Instant::now();
        timeline.learn_guest_clock(reading(Duration::from_secs(1_000_000), now, now));
        timeline.mark_guest("future", u64::MAX);
        timeline.mark_guest(&"x\n".repeat(500), 0);
        assert!(timeline.marks().iter().all(|mark| mark.since_request_ms <= 1100.0));
        assert!(timeline.marks().iter().all(|mark| mark.name.len() <= MAX_NAME_CHARS));
        for n in 0..1000 {
            timeline.mark_guest(&n.to_string(), n);
        }
        assert_eq!(timeline.marks().len(), MAX_MARKS);
    }
}
