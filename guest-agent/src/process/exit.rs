//! How a process ended.

use std::fmt;

use nix::sys::signal::Signal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    Signal(Signal),
    /// SIGKILL from the kernel, which needed the memory.
    OutOfMemory,
}

impl Exit {
    /// One number for both, as shells have it: 128 and the signal's number.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal as i32,
            Self::OutOfMemory => Self::Signal(Signal::SIGKILL).code(),
        }
    }

    pub(crate) fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with code {code}"),
            Self::Signal(signal) => write!(f, "killed by {signal}"),
            Self::OutOfMemory => f.write_str("killed by the kernel, which had no memory left"),
        }
    }
}
