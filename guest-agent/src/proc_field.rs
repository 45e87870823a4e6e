//! Fields of proc(5) that are lines with a name: of `/proc/meminfo`, and of a process's `status`.

/// A line such as `MemTotal:  1024 kB`.
pub(crate) fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
