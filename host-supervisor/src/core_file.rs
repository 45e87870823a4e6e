//! Core files (core(5)): there are none. The daemon's memory holds the master keys and credentials on their way into the
//! vault, a VMM's holds all that its guest knows.
//!
//! | what | of whom | against |
//! |---|---|---|
//! | `RLIMIT_CORE` 0 | the daemon and what it starts | core files |
//! | `coredump_filter` 0 | the daemon and what it starts | crash handlers behind a pipe, which ask for no limit: they get no memory |
//! | `PR_SET_DUMPABLE` 0 | the daemon | both, and debuggers of the same user |
//! | `dump-guest-core=off` | QEMU | both; it stands on its command line |

#[cfg(test)]
mod tests;

use std::{fs, io};

use nix::sys::{
    prctl::set_dumpable,
    resource::{Resource, setrlimit},
};

/// Forbids core files of this process and of every one that it starts from now on; for good, as limits can only go down.
///
/// # Errors
/// When the kernel does not take it.
pub fn forbid() -> io::Result<()> {
    // The first, because what is not dumpable belongs to root in /proc.
    match fs::write("/proc/self/coredump_filter", "0") {
        // A kernel without core files.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        written => written?,
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    set_dumpable(false)?;
    Ok(())
}
