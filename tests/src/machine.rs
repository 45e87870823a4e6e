//! What is on this machine right now: processes and sockets, so that a test can tell whether anything was left.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
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

/// Whether the disk of a VM has one of `needles` anywhere; only what is stored of it is read (lseek(2), SEEK_DATA).
///
/// # Errors
/// When it cannot be read.
pub fn disk_holds(disk: &Path, needles: &[&str]) -> std::io::Result<bool> {
    const PIECE_BYTES: usize = 4 * 1024 * 1024;
    let file = fs::File::open(disk)?;
    let mut at = 0;
    while let Ok(data) = nix::unistd::lseek(&file, at, nix::unistd::Whence::SeekData) {
        let end = nix::unistd::lseek(&file, data, nix::unistd::Whence::SeekHole)?;
        let mut piece = vec![0; usize::try_from(end - data).unwrap_or(usize::MAX).min(PIECE_BYTES)];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut piece, data.unsigned_abs())?;
        if needles.iter().any(|needle| memmem::find(&piece, needle.as_bytes()).is_some()) {
            return Ok(true);
        }
        // A secret that is cut in two is found in the next piece, which begins a little before its end.
        let read = i64::try_from(piece.len()).unwrap_or(i64::MAX);
        at = if data + read < end { data + read - 4096 } else { end };
    }
    Ok(false)
}

/// Every file below `directory` whose bytes contain one of `needles`. The disk of a VM, which is large and sparse, and
/// which holds what the VM knows while it lives, is not looked at: it must be gone, see [`remains`].
#[must_use]
pub fn files_holding(directory: &Path, needles: &[&str]) -> Vec<String> {
    let holds = |path: &Path| {
        let disk = path.file_name().is_some_and(|name| name == "disk.img");
        // What is gone by now holds nothing.
        let bytes = if disk { Vec::new() } else { fs::read(path).unwrap_or_default() };
        needles.iter().any(|needle| memmem::find(&bytes, needle.as_bytes()).is_some())
    };
    files(directory).into_iter().filter(|path| holds(path)).map(|path| path.display().to_string()).collect()
}

/// Files below `directory` that are as large as a disk or a memory image, whatever they hold, and core files.
///
/// # Panics
/// When a directory cannot be read.
#[must_use]
pub fn remains(directory: &Path) -> Vec<String> {
    const LARGE_BYTES: u64 = 16 * 1024 * 1024;
    let remains = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::symlink_metadata(path).map_or(0, |metadata| metadata.len());
        bytes >= LARGE_BYTES || name == "core" || name.starts_with("core.")
    };
    files(directory).into_iter().filter(|path| remains(path)).map(|path| path.display().to_string()).collect()
}

/// Every regular file below a directory that is there now, once. One that has several names, as a VM's disk has where its VMM
/// is confined, is told by that which is nearest.
fn files(directory: &Path) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(path) = left.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()));
        } else if metadata.is_file() {
            found.push((metadata.dev(), metadata.ino(), path));
        }
    }
    found.sort_by_key(|(_, _, path)| path.components().count());
    let mut seen = BTreeSet::new();
    found
        .into_iter()
        .filter(|(device, inode, _)| seen.insert((*device, *inode)))
        .map(|(.., path)| path)
        .collect()
}

/// A resource limit of a process, soft and hard, as proc_pid_limits(5) has it: `Max core file size`.
///
/// # Panics
/// When the process is gone.
#[must_use]
pub fn limit(pid: i32, name: &str) -> Vec<String> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("the process lives");
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().take(2).map(str::to_owned).collect()
}

/// What a process has in memory now, in KiB (`VmRSS`, proc_pid_status(5)).
///
/// # Errors
/// When the process is gone.
pub fn memory_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process in memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// What a process takes up of this machine's memory, in KiB; what is shared counts in parts (proc_pid_smaps(5): `Pss`).
///
/// # Errors
/// When the process is gone.
pub fn pss_kib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("its memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// What a VM's processes have in memory, all together, in MiB. Of a confined one nothing but the beginning of its id is to be seen.
#[must_use]
pub fn resident_mib(vm: &str) -> f64 {
    let short = vm.split('-').next().unwrap_or(vm);
    let processes = processes_mentioning(short);
    let pids = processes.iter().filter_map(|process| process.split_once(' ')?.0.parse().ok());
    let kib: u64 = pids.filter_map(|pid| memory_kib(pid).ok()).sum();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let mib = kib as f64 / 1024.0;
    mib
}

/// How many descriptors a process has open.
///
/// # Errors
/// When the process is gone, or somebody else's.
pub fn descriptors(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}
