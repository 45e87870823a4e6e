//! When what happened, noted beside the credentials for whoever measures how fast it is noticed elsewhere. Only when the
//! environment asks for it.

use std::ffi::OsStr;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// The variable that asks for it, with any text.
pub(crate) const VARIABLE: &str = "ANTEROOM_DEMO_MOMENTS";

/// In nanoseconds of `CLOCK_BOOTTIME`, the clock that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moments {
    /// Just before the program that opens the sign-in page is started.
    emitted_boottime_ns: u64,
    /// Just before the complete file gets its name.
    written_boottime_ns: u64,
}

impl Moments {
    /// The address is emitted now; nothing is written yet.
    pub(crate) fn begin(asked: Option<&OsStr>) -> Option<Self> {
        asked
            .filter(|asked| !asked.is_empty())
            .map(|_| Self { emitted_boottime_ns: now_ns(), written_boottime_ns: 0 })
    }

    pub(crate) fn written_now(self) -> Self {
        Self { written_boottime_ns: now_ns(), ..self }
    }
}

fn now_ns() -> u64 {
    // The clock exists on every Linux since 2.6.39, and the call has no other way to fail.
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map(std::time::Duration::from);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
