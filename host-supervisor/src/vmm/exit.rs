//! How a VM has ended, and what that was.

/// How a VM ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmExit {
    /// Which process ended, and with it the VM: `qemu-system-x86_64`, for example.
    pub program: String,
    /// Its exit code, 128 + signal when a signal ended it. Unknown of a process that another daemon had started, which is told
    /// to the host's PID 1 instead.
    pub code: Option<i32>,
    /// The last lines of its standard error.
    pub stderr: Vec<String>,
    /// The VMM ended because the guest did: it powered off, or it panicked and reset.
    pub by_guest: bool,
    /// Set when the host's kernel has killed a process of the VM to get memory.
    pub out_of_memory: Option<OutOfMemory>,
}

impl VmExit {
    /// In words, its own last ones among them: `ended with exit code 1: no such file`.
    #[must_use]
    pub fn how(&self) -> String {
        let said = self.stderr.last().map(|line| format!(": {line}")).unwrap_or_default();
        match self.code {
            Some(code @ 129..=192) => format!("was ended by {}{said}", signal_name(code - 128)),
            Some(code) => format!("ended with exit code {code}{said}"),
            None => format!("ended; how, only the daemon would know that had started it{said}"),
        }
    }

    /// Whether a signal has ended it; that of somebody else's child is not known.
    #[must_use]
    pub fn by_signal(&self) -> bool {
        matches!(self.code, Some(129..=192))
    }
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |name| name.to_string())
}

/// Whose memory was at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfMemory {
    /// What the VM's control group allows.
    Vm {
        /// `None` when it is not known any more.
        limit_mib: Option<u64>,
    },
    /// The host's, or of what surrounds Anteroom there.
    Host,
}
