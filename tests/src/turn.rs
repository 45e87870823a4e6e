//! Turns at the machine: a VM under emulation wants every core, so tests that boot one wait for each other.
//!
//! A lock on a file works between test processes (nextest) and between threads of one (`cargo test`) alike, and the
//! kernel gives it back when a test dies.

use std::fs::File;

use crate::workspace;

/// Held by one test at a time.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

impl Turn {
    /// Waits until no other test holds the machine.
    ///
    /// # Errors
    /// When the lock file cannot be made or locked.
    pub fn take() -> anyhow::Result<Self> {
        let path = workspace().join("target/vm-tests.lock");
        let lock = File::options().create(true).truncate(false).write(true).open(path)?;
        lock.lock()?;
        Ok(Self { _lock: lock })
    }
}
