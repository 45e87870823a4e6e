//! The processor time that a stream takes, and whose.

use std::time::Duration;

use anteroom_tests::{
    Daemon,
    meter::{descendants, processor_time},
};
use anyhow::Result;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::{TimeVal, TimeValLike as _},
};

/// Processor time in milliseconds.
#[derive(Debug)]
pub(super) struct Cost {
    pub(super) daemon: f64,
    /// Its VMM's processes, or the guest's own where there is none, but for programs that have ended.
    pub(super) vm: f64,
    /// Of commands that have ended, and of those that are named.
    pub(super) command: f64,
}

impl Cost {
    pub(super) fn so_far(daemon: &Daemon, commands: &[u32]) -> Result<Self> {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let of_children = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        #[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
        let spent = |time: TimeVal| time.num_microseconds() as f64 / 1e3;
        Ok(Self {
            daemon: ms(processor_time(&[daemon.pid()])),
            vm: ms(processor_time(&descendants(daemon.pid()))),
            command: spent(of_children.user_time())
                + spent(of_children.system_time())
                + ms(processor_time(commands)),
        })
    }

    /// For each MiB of so many.
    pub(super) fn since(&self, before: &Self, mib: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
        let each = |now: f64, before: f64| (now - before) / mib as f64;
        Self {
            daemon: each(self.daemon, before.daemon),
            vm: each(self.vm, before.vm),
            command: each(self.command, before.command),
        }
    }
}
