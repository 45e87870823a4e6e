//! What runs in a guest, as the agent's role `processes` tells it: a line of JSON, again and again.
//!
//! Counters only; how much of a processor somebody uses is the difference between two lines. Of a process's arguments nothing
//! is told, because they may hold secrets.

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Since the kernel's start, as all times here (`/proc/uptime`).
    pub uptime_ms: u64,
    pub processors: u32,
    /// Of all processors together.
    pub busy_ms: u64,
    /// Of one, five and fifteen minutes (`/proc/loadavg`).
    pub load: [f32; 3],
    pub memory_total_kib: u64,
    pub memory_available_kib: u64,
    /// Without the kernel's own threads.
    pub processes: Vec<Process>,
}

impl Snapshot {
    /// How many processes are told at most, the lowest pids.
    pub const MAX_PROCESSES: usize = 4096;
    /// A line is never longer, in bytes.
    pub const MAX_LINE_BYTES: usize = 2 * 1024 * 1024;
}

/// `pid` and `started_ms` together name a process; a pid alone is used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    pub name: String,
    pub user: String,
    /// The service that it belongs to, or the program of the host's: the name of its control group.
    pub group: String,
    /// As proc_pid_stat(5) has it: `R` runs, `S` sleeps, `Z` has ended and nobody has seen it.
    pub state: char,
    pub started_ms: u64,
    pub cpu_ms: u64,
    pub resident_kib: u64,
}
