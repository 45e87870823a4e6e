//! The memory of this machine: proc_meminfo(5), in MiB, and how long programs wait for it (Documentation/accounting/psi.rst).

use std::{
    fs,
    path::{Path, PathBuf},
};

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

/// What the kernel says of it at one moment; nothing where it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    pub available_mib: Option<u64>,
    /// Of the last ten seconds, the percentage in which some program waited for memory. Not every kernel counts that.
    pub stalls_percent: Option<f64>,
}

/// Where the kernel says it.
#[derive(Debug, Clone)]
pub struct Source(pub PathBuf);

impl Default for Source {
    fn default() -> Self {
        Self("/proc".into())
    }
}

impl Source {
    #[must_use]
    pub fn read(&self) -> Reading {
        Reading {
            available_mib: mib_in(&self.0.join("meminfo"), "MemAvailable:"),
            stalls_percent: fs::read_to_string(self.0.join("pressure/memory"))
                .ok()
                .as_deref()
                .and_then(stalls),
        }
    }
}

fn mib(field: &str) -> Option<u64> {
    mib_in(Path::new("/proc/meminfo"), field)
}

fn mib_in(meminfo: &Path, field: &str) -> Option<u64> {
    find(&fs::read_to_string(meminfo).ok()?, field)
}

fn find(text: &str, field: &str) -> Option<u64> {
    let kib = text.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix("kB")?;
    Some(kib.trim().parse::<u64>().ok()? / 1024)
}

/// `some avg10=0.12 avg60=... `: the line and the field.
fn stalls(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    line.split(' ').find_map(|field| field.strip_prefix("avg10="))?.parse().ok()
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
    fn stalls_are_those_of_some_program_in_the_last_ten_seconds() {
        let text = "some avg10=12.34 avg60=5.00 avg300=1.00 total=1\nfull avg10=9.99 avg60=0.00 avg300=0.00 total=1\n";
        assert_eq!(stalls(text), Some(12.34));
        assert_eq!(stalls("full avg10=9.99 avg60=0.00\n"), None);
        assert_eq!(stalls("some avg60=0.00\n"), None);
    }

    #[test]
    fn this_machine_says_how_much_memory_it_has() {
        assert!(total_mib().unwrap() >= available_mib().unwrap());
        assert!(available_mib().unwrap() > 100);
        assert!(Source::default().read().available_mib.is_some());
    }

    #[test]
    fn where_the_kernel_counts_no_stalls_the_rest_is_read_all_the_same() {
        let proc = tempfile::tempdir().unwrap();
        fs::write(proc.path().join("meminfo"), "MemAvailable: 2048 kB\n").unwrap();
        let reading = Source(proc.path().to_owned()).read();
        assert_eq!(reading, Reading { available_mib: Some(2), stalls_percent: None });
    }
}
