//! The memory of this machine (proc_meminfo(5)), in MiB.

/// All of it.
#[must_use]
pub fn total_mib() -> Option<u64> {
    mib("MemTotal:")
}

/// What could be used without swapping, as the kernel estimates it.
#[must_use]
pub fn available_mib() -> Option<u64> {
    mib("MemAvailable:")
}

fn mib(field: &str) -> Option<u64> {
    find(&std::fs::read_to_string("/proc/meminfo").ok()?, field)
}

fn find(text: &str, field: &str) -> Option<u64> {
    let kib = text.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix("kB")?;
    Some(kib.trim().parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "MemTotal:       24000000 kB\nMemFree:        1 kB\nMemAvailable:   2048000 kB\n";
        assert_eq!(find(text, "MemTotal:"), Some(23_437));
        assert_eq!(find(text, "MemAvailable:"), Some(2000));
        assert_eq!(find(text, "SwapTotal:"), None);
    }

    #[test]
    fn this_machine_says_how_much_memory_it_has() {
        assert!(total_mib().unwrap() >= available_mib().unwrap());
        assert!(available_mib().unwrap() > 100);
    }
}
