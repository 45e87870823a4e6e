//! What is on this machine right now: processes and sockets, so that a test can tell whether anything was left.

use std::{collections::BTreeSet, fs, path::Path};

use memchr::memmem;

/// Command lines of living processes that mention `needle`, with their pids.
///
/// # Panics
/// When `/proc` cannot be read.
#[must_use]
pub fn processes_mentioning(needle: &str) -> BTreeSet<String> {
    let this = std::process::id().to_string();
    fs::read_dir("/proc")
        .expect("/proc is there")
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()) && *name != this)
        .filter_map(|pid| {
            let cmdline = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            let text = String::from_utf8_lossy(&cmdline).replace('\0', " ");
            let mentions = text.contains(needle) || cwd.to_string_lossy().contains(needle);
            mentions.then(|| format!("{pid} {text}"))
        })
        .collect()
}

/// Paths of bound Unix sockets that mention `needle` (proc_net(5): `/proc/net/unix`).
///
/// # Panics
/// When `/proc` cannot be read.
#[must_use]
pub fn unix_sockets_mentioning(needle: &str) -> BTreeSet<String> {
    fs::read_to_string("/proc/net/unix")
        .expect("/proc is there")
        .lines()
        .filter_map(|line| line.split_whitespace().nth(7))
        .filter(|path| path.contains(needle))
        .map(str::to_owned)
        .collect()
}

/// Every file below `directory` whose bytes contain one of `needles`.
///
/// # Panics
/// When a file vanishes while it is read.
#[must_use]
pub fn files_holding(directory: &Path, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            left.extend(
                fs::read_dir(&path).expect("a directory of ours").flatten().map(|entry| entry.path()),
            );
        } else if metadata.is_file() {
            let bytes = fs::read(&path).expect("a file of ours");
            if needles.iter().any(|needle| memmem::find(&bytes, needle.as_bytes()).is_some()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
