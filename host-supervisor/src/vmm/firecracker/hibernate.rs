//! Hibernation of Firecracker, which writes a guest's memory as it is, and only to a file whose length it can set: no pipe. So the
//! file is in memory, in a tmpfs that each VM's process has in its mount namespace and that ends with it; from there it goes through a
//! pipe ([`guest_stream`]) to whoever seals it.
//!
//! ```text
//!  to the disk:  paused ─▶ /snapshot/create into the tmpfs ─▶ pipe                 what it holds is there twice until it is killed
//!  from there:   pipe ─▶ tmpfs of a new process ─▶ /snapshot/load, mapped privately ─▶ names removed ─▶ resumed
//! ```
//! The daemon reaches the tmpfs through `/proc/PID/root` (`CAP_SYS_PTRACE`). What the guest writes after it was woken is copied, so that
//! it may take up what it was woken with once more.

use std::{
    fs::{self, File, OpenOptions, remove_file},
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::OFlag,
    sys::{
        statfs::{TMPFS_MAGIC, fstatfs},
        statvfs::fstatvfs,
    },
};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    names::{MEMORY, STATE},
    suspend,
};
use crate::{
    blocking, host_memory,
    vmm::{
        ProcessId, SnapshotError, SnapshotFiles,
        guest_stream::{self, MAX_STATE_BYTES},
    },
};

/// Where the tmpfs is, in the working directory of a Firecracker.
pub(super) const PLACE: &str = "hibernation";
/// What there is for the state.
const STATE_MIB: u64 = MAX_STATE_BYTES >> 20;

/// What the tmpfs of such a guest may take up. One that was woken still maps what it was woken with while it is written again, and of a
/// mapped tmpfs every page takes room that was only read.
pub(super) fn room_mib(guest_mib: u64) -> u64 {
    2 * guest_mib + STATE_MIB
}

/// Held by the VM whose memory is there twice.
static TURN: Mutex<()> = Mutex::const_new(());

/// As a Firecracker sees them from its working directory.
pub(super) fn files() -> SnapshotFiles {
    let file = |name| Path::new(PLACE).join(name);
    SnapshotFiles { memory: file(MEMORY), state: file(STATE) }
}

/// One machine at a time is written, because that takes so much memory; the others wait.
///
/// # Errors
/// When this host does not have that.
pub(super) async fn turn(needed_mib: u64) -> Result<MutexGuard<'static, ()>, SnapshotError> {
    let turn = TURN.lock().await;
    match host_memory::available_mib() {
        Some(available_mib) if available_mib < needed_mib => {
            Err(SnapshotError::NoMemory { needed_mib, available_mib })
        }
        _ => Ok(turn),
    }
}

/// What a process takes up (proc_pid_smaps(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Residence {
    pub(super) resident_mib: u64,
    pub(super) is_swapped: bool,
}

impl Residence {
    pub(super) fn of(process: ProcessId) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid))?;
        Self::read(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn read(text: &str) -> Option<Self> {
        let kib = |field: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix("kB")?;
            value.trim().parse::<u64>().ok()
        };
        Some(Self { resident_mib: kib("Rss:")?.div_ceil(1024), is_swapped: kib("Swap:")? > 0 })
    }
}

/// That of one Firecracker, which can put into it what it likes.
#[derive(Debug)]
pub(super) struct Tmpfs(File);

impl Tmpfs {
    /// `inside` is the working directory as the process sees it.
    ///
    /// # Errors
    /// When it has none: nothing must be written then, because it would be on the disk.
    pub(super) fn of(process: ProcessId, inside: &Path) -> io::Result<Self> {
        let root = PathBuf::from(format!("/proc/{}/root", process.pid));
        let place = root.join(inside.strip_prefix("/").unwrap_or(inside)).join(PLACE);
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let directory = OpenOptions::new().read(true).custom_flags(flags.bits()).open(place)?;
        if fstatfs(&directory)?.filesystem_type() != TMPFS_MAGIC {
            let words = "the VM was launched where, or when, no place in memory was made for it";
            return Err(io::Error::new(io::ErrorKind::Unsupported, words));
        }
        Ok(Self(directory))
    }

    /// What the guest's memory is, for which it was made.
    pub(super) fn guest_mib(&self) -> io::Result<u64> {
        let room = fstatvfs(&self.0)?;
        Ok(((room.blocks() * room.fragment_size()) >> 20).saturating_sub(STATE_MIB) / 2)
    }

    /// Carries what Firecracker has written there into a pipe.
    pub(super) async fn carry_out(self, into: OwnedFd) -> io::Result<()> {
        blocking::run(move || {
            let memory_bytes = self.guest_mib()? << 20;
            let memory = suspend::open(&self.path(MEMORY), |length| length == memory_bytes)?;
            let mut state =
                suspend::open(&self.path(STATE), |length| (1..=MAX_STATE_BYTES).contains(&length))?;
            guest_stream::write(&memory, &mut state, into)
        })
        .await
    }

    /// The same in the other direction, for Firecracker to load.
    pub(super) async fn carry_in(self, from: OwnedFd) -> io::Result<()> {
        blocking::run(move || {
            let make = |name| {
                // It may belong to another user, who alone comes in here.
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o444).open(self.path(name))
            };
            let (memory, mut state) = (make(MEMORY)?, make(STATE)?);
            memory.set_len(self.guest_mib()? << 20)?;
            guest_stream::read(from, &memory, &mut state)
        })
        .await
    }

    /// What nobody has open or mapped takes up no memory any more.
    pub(super) fn empty(&self) -> io::Result<()> {
        for name in [MEMORY, STATE] {
            match remove_file(self.path(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd())).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_written_to_a_place_that_is_on_the_disk() {
        let scratch = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        fs::create_dir(scratch.path().join(PLACE)).unwrap();
        let ours = ProcessId::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        let refused = Tmpfs::of(ours, scratch.path()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported, "{refused}");
        assert!(Tmpfs::of(ours, &scratch.path().join("elsewhere")).is_err());
    }

    #[test]
    fn what_a_process_takes_up_is_read_in_whole_mebibytes() {
        let text = "55e-7ff ---p 0 00:00 0 [rollup]\nRss:   1025 kB\nPss: 9 kB\nSwap:  0 kB\nSwapPss: 4 kB\n";
        assert_eq!(Residence::read(text), Some(Residence { resident_mib: 2, is_swapped: false }));
        assert!(Residence::read(&text.replace("Swap:  0", "Swap:  4")).unwrap().is_swapped);
        assert_eq!(Residence::read("Rss: 1 kB\n"), None);
    }

    #[tokio::test]
    async fn a_guest_with_more_memory_than_there_is_left_is_refused_with_both_numbers() {
        let refused = turn(u64::MAX >> 20).await.unwrap_err().to_string();
        assert!(refused.contains("MiB are available"), "{refused}");
        assert!(turn(1).await.is_ok(), "it holds nothing up");
    }
}
