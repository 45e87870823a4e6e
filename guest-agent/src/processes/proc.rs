//! proc(5), read: what the kernel tells of processes, processors and memory.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anteroom_protocol::processes::{Process, Snapshot};

use crate::proc_field;

/// Times in /proc are hundredths of a second on every architecture that we know (USER_HZ).
const MS_PER_TICK: u64 = 10;
const KIB_PER_PAGE: u64 = 4;
/// Of proc_pid_stat(5)'s flags: a thread of the kernel's own (PF_KTHREAD).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// `users` by their numbers. A process that ends meanwhile is left out.
pub(super) fn snapshot(proc: &Path, users: &HashMap<u32, String>) -> io::Result<Snapshot> {
    let text = |name: &str| fs::read_to_string(proc.join(name));
    let (stat, memory, load) = (text("stat")?, text("meminfo")?, text("loadavg")?);
    let mut load = load.split(' ').map(|number| number.parse().unwrap_or_default());
    let mut pids: Vec<(u32, PathBuf)> = fs::read_dir(proc)?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    pids.sort_unstable();
    let processes = pids.into_iter().filter_map(|(pid, path)| process(pid, &path, users));
    let processes = processes.take(Snapshot::MAX_PROCESSES).collect();
    Ok(Snapshot {
        processes,
        uptime_ms: uptime_ms(&text("uptime")?).unwrap_or_default(),
        processors: processors(&stat),
        busy_ms: busy_ms(&stat).unwrap_or_default(),
        load: std::array::from_fn(|_| load.next().unwrap_or_default()),
        memory_total_kib: proc_field::kib(&memory, "MemTotal").unwrap_or_default(),
        memory_available_kib: proc_field::kib(&memory, "MemAvailable").unwrap_or_default(),
    })
}

fn process(pid: u32, path: &Path, users: &HashMap<u32, String>) -> Option<Process> {
    let uid = fs::metadata(path).ok()?.uid();
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    let cgroup = fs::read_to_string(path.join("cgroup")).unwrap_or_default();
    let user = users.get(&uid).cloned().unwrap_or_else(|| uid.to_string());
    of_stat(pid, &stat, group(&cgroup), user)
}

/// A line of proc_pid_stat(5). The name stands in parentheses and may hold any character, also these.
fn of_stat(pid: u32, stat: &str, group: &str, user: String) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    // The first of these is the third field of the manual page.
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    if field(9)? & KERNEL_THREAD != 0 {
        return None;
    }
    Some(Process {
        pid,
        parent: u32::try_from(field(4)?).ok()?,
        name: name.to_owned(),
        user,
        group: group.to_owned(),
        state: fields.first()?.chars().next()?,
        started_ms: field(22)? * MS_PER_TICK,
        cpu_ms: (field(14)? + field(15)?) * MS_PER_TICK,
        resident_kib: field(24)? * KIB_PER_PAGE,
    })
}

/// Of `0::/name` (cgroups(7)); empty for what is in no group.
fn group(cgroup: &str) -> &str {
    cgroup.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default()
}

fn uptime_ms(text: &str) -> Option<u64> {
    let (seconds, hundredths) = text.split(' ').next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1000 + hundredths.parse::<u64>().ok()? * 10)
}

fn processors(stat: &str) -> u32 {
    let one = |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| !rest.starts_with(' '));
    u32::try_from(stat.lines().filter(one).count()).unwrap_or(u32::MAX)
}

/// Of the line `cpu`: user, nice, system, idle, iowait, irq, softirq, steal. Idle is who idles or waits for a disk.
fn busy_ms(stat: &str) -> Option<u64> {
    let times: Vec<u64> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace()
        .map_while(|number| number.parse().ok())
        .collect();
    let busy = times.iter().take(8).sum::<u64>() - times.get(3)? - times.get(4)?;
    Some(busy * MS_PER_TICK)
}
