//! What runs, and what it costs: the difference between two moments.

use std::collections::HashMap;

use anteroom_protocol::processes::{Process, Snapshot};
use comfy_table::Table;
use serde::Serialize;

use crate::cli::show;

/// What is shown of a name that a guest gives, in characters.
const MAX_NAME_CHARS: usize = 32;

#[derive(Debug, Serialize)]
pub(super) struct Reading {
    uptime_s: u64,
    processors: u32,
    load: [f32; 3],
    /// Of all processors.
    cpu_percent: f64,
    memory_total_kib: u64,
    memory_available_kib: u64,
    /// Who uses most first.
    processes: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    pid: u32,
    parent: u32,
    user: String,
    /// The service, or the program of `anteroom ps`, that it belongs to.
    service: String,
    name: String,
    state: char,
    /// Of one processor.
    cpu_percent: f64,
    cpu_ms: u64,
    resident_kib: u64,
}

impl Reading {
    /// With an empty snapshot before, the shares are those since the kernel's start.
    pub(super) fn between(before: &Snapshot, now: &Snapshot) -> Self {
        let elapsed_ms = now.uptime_ms.saturating_sub(before.uptime_ms);
        let name = |process: &Process| (process.pid, process.started_ms);
        let known: HashMap<_, _> =
            before.processes.iter().map(|process| (name(process), process.cpu_ms)).collect();
        let mut processes: Vec<Row> = now
            .processes
            .iter()
            .map(|process| {
                let used = process.cpu_ms.saturating_sub(known.get(&name(process)).copied().unwrap_or(0));
                Row::new(process, percent(used, elapsed_ms))
            })
            .collect();
        processes.sort_by(|one, other| {
            let by_cpu = other.cpu_percent.total_cmp(&one.cpu_percent);
            by_cpu.then(other.resident_kib.cmp(&one.resident_kib)).then(one.pid.cmp(&other.pid))
        });
        let all_ms = elapsed_ms.saturating_mul(now.processors.into());
        Self {
            uptime_s: now.uptime_ms / 1000,
            processors: now.processors,
            load: now.load,
            cpu_percent: percent(now.busy_ms.saturating_sub(before.busy_ms), all_ms),
            memory_total_kib: now.memory_total_kib,
            memory_available_kib: now.memory_available_kib,
            processes,
        }
    }

    /// For a screen: what is so as a whole, and the table.
    pub(super) fn text(&self, vm: &str) -> String {
        let used = self.memory_total_kib.saturating_sub(self.memory_available_kib);
        let [one, five, fifteen] = self.load;
        format!(
            "VM {vm}  up {} s  load {one:.2} {five:.2} {fifteen:.2}\n\
             CPU {:.1} % of {}  memory {} of {} MiB used  {} processes; q leaves\n\n{}",
            self.uptime_s,
            self.cpu_percent,
            self.processors,
            used / 1024,
            self.memory_total_kib / 1024,
            self.processes.len(),
            self.table(),
        )
    }

    pub(super) fn table(&self) -> Table {
        let mut table =
            show::table(&["PID", "USER", "SERVICE", "STATE", "CPU %", "CPU SECONDS", "MIB", "NAME"]);
        for column in [0, 4, 5, 6] {
            show::align_right(&mut table, column);
        }
        for row in &self.processes {
            #[expect(clippy::cast_precision_loss, reason = "figures with one decimal")]
            let (seconds, mebibytes) = (row.cpu_ms as f64 / 1e3, row.resident_kib as f64 / 1024.0);
            table.add_row([
                row.pid.to_string(),
                row.user.clone(),
                row.service.clone(),
                row.state.to_string(),
                format!("{:.1}", row.cpu_percent),
                format!("{seconds:.1}"),
                format!("{mebibytes:.1}"),
                row.name.clone(),
            ]);
        }
        table
    }
}

impl Row {
    fn new(process: &Process, cpu_percent: f64) -> Self {
        Self {
            pid: process.pid,
            parent: process.parent,
            user: printable(&process.user),
            service: service(process),
            name: printable(&process.name),
            state: if process.state.is_ascii_alphabetic() { process.state } else { '?' },
            cpu_percent,
            cpu_ms: process.cpu_ms,
            resident_kib: process.resident_kib,
        }
    }
}

/// Of a program that was run by `exec` as much of its id as `ps` shows. PID 1 is in no group.
fn service(process: &Process) -> String {
    match (process.pid, process.group.strip_prefix("exec-")) {
        (1, _) => "init".to_owned(),
        (_, Some(id)) => format!("exec-{}", printable(&id.chars().take(8).collect::<String>())),
        (_, None) => printable(&process.group),
    }
}

fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(MAX_NAME_CHARS).map(shown).collect()
}

/// With one decimal.
#[expect(clippy::cast_precision_loss, reason = "a share with one decimal")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 1000.0).round() / 10.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, started_ms: u64, cpu_ms: u64) -> Process {
        Process {
            pid,
            parent: 1,
            name: format!("p{pid}\u{1b}[2J"),
            user: "desktop".to_owned(),
            group: "exec-0123456789abcdef".to_owned(),
            state: 'S',
            started_ms,
            cpu_ms,
            resident_kib: 2048,
        }
    }

    fn snapshot(uptime_ms: u64, busy_ms: u64, processes: Vec<Process>) -> Snapshot {
        Snapshot { uptime_ms, busy_ms, processors: 2, processes, ..Snapshot::default() }
    }

    #[test]
    fn shares_are_of_the_time_between_two_moments_and_who_uses_most_is_first() {
        let before = snapshot(10_000, 4_000, vec![process(5, 100, 1_000), process(6, 100, 9_000)]);
        let now = snapshot(
            12_000,
            6_000,
            vec![process(5, 100, 3_000), process(6, 11_000, 500), process(7, 100, 0)],
        );
        let reading = Reading::between(&before, &now);
        let shares: Vec<_> = reading.processes.iter().map(|row| (row.pid, row.cpu_percent)).collect();
        assert_eq!(shares, [(5, 100.0), (6, 25.0), (7, 0.0)], "6 is another one with the same pid");
        assert!((reading.cpu_percent - 50.0).abs() < 0.01, "{}", reading.cpu_percent);
    }

    #[test]
    fn what_a_guest_calls_its_processes_is_no_command_for_a_terminal() {
        let text =
            Reading::between(&Snapshot::default(), &snapshot(1, 1, vec![process(5, 0, 0)])).text("3f2a");
        assert!(!text.contains('\u{1b}') && text.contains("p5\u{fffd}[2J"), "{text:?}");
        assert!(text.contains("exec-01234567 "), "{text}");
    }

    #[test]
    fn a_clock_that_goes_backwards_is_no_division_by_zero() {
        let (late, early) = (snapshot(9, 9, vec![process(5, 0, 9)]), snapshot(1, 1, vec![process(5, 0, 1)]));
        let reading = Reading::between(&late, &early);
        assert!(reading.processes[0].cpu_percent == 0.0 && reading.cpu_percent == 0.0);
    }
}
