//! Whether the kernel has killed for lack of memory: its own count of that, in `/proc/vmstat` (proc_vmstat(5)).

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

#[derive(Debug)]
pub(super) struct OomKills {
    seen: AtomicU64,
}

impl Default for OomKills {
    fn default() -> Self {
        Self { seen: AtomicU64::new(now()) }
    }
}

impl OomKills {
    /// Whether there were any since the last time that this was asked. Whoever was killed by SIGKILL meanwhile was most
    /// likely the victim.
    pub(super) fn have_grown(&self) -> bool {
        let now = now();
        now > self.seen.swap(now, Ordering::Relaxed)
    }
}

fn now() -> u64 {
    fs::read_to_string("/proc/vmstat").ok().and_then(|text| count(&text)).unwrap_or(0)
}

fn count(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_count_is_read() {
        assert_eq!(count("nr_free_pages 7\noom_kill 3\noom_kill_other 9\n"), Some(3));
        assert_eq!(count("nr_free_pages 7\n"), None);
    }
}
