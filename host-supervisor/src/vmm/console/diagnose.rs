//! Reading the cause of a failed boot out of the last lines of a console.
//!
//! The guest writes those lines, so a cause found here is an explanation for people, never a decision: whether a VM
//! has failed is seen from its processes and its agent.

use anteroom_protocol::agent::FATAL_PREFIX;

/// What the console says went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The kernel, or the out-of-memory killer, had no memory left.
    OutOfMemory {
        line: String,
    },
    /// PID 1 could not be run or the root could not be mounted.
    NoRoot {
        line: String,
    },
    /// PID 1 gave up and said why.
    Agent {
        line: String,
    },
    KernelPanic {
        line: String,
    },
    /// The firmware found nothing to boot.
    NoKernel {
        line: String,
    },
}

impl Cause {
    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfMemory { .. } => "guest_out_of_memory",
            Self::NoRoot { .. } => "guest_without_root",
            Self::Agent { .. } => "agent_failed",
            Self::KernelPanic { .. } => "kernel_panic",
            Self::NoKernel { .. } => "kernel_not_bootable",
        }
    }

    /// The line of the console that tells it, without the kernel's time stamp.
    #[must_use]
    pub fn line(&self) -> &str {
        let (Self::OutOfMemory { line }
        | Self::NoRoot { line }
        | Self::Agent { line }
        | Self::KernelPanic { line }
        | Self::NoKernel { line }) = self;
        line
    }

    /// One sentence for people.
    #[must_use]
    pub fn message(&self) -> String {
        let what = match self {
            Self::OutOfMemory { .. } => "the guest ran out of memory",
            Self::NoRoot { .. } => "the guest's kernel found no root file system or no PID 1 to run",
            Self::Agent { .. } => "the agent, as PID 1 of the guest, gave up",
            Self::KernelPanic { .. } => "the guest's kernel panicked",
            Self::NoKernel { .. } => "the VM's firmware could not boot the kernel file",
        };
        format!("{what}: {}", self.line())
    }
}

/// A text of a line, and what it means.
type Pattern = (&'static str, fn(String) -> Cause);

/// Patterns in the order of what explains most; the first that any line has counts. The kernel's own texts are in
/// `mm/oom_kill.c`, `init/main.c`, `init/do_mounts.c`, `init/initramfs.c`, `kernel/panic.c`.
const PATTERNS: [Pattern; 15] = [
    ("Out of memory and no killable processes", |line| Cause::OutOfMemory { line }),
    ("System is deadlocked on memory", |line| Cause::OutOfMemory { line }),
    ("Out of memory: Killed process", |line| Cause::OutOfMemory { line }),
    ("Initramfs unpacking failed: write error", |line| Cause::OutOfMemory { line }),
    ("Failed to allocate memory", |line| Cause::OutOfMemory { line }),
    ("Cannot allocate memory", |line| Cause::OutOfMemory { line }),
    (FATAL_PREFIX, |line| Cause::Agent { line }),
    ("VFS: Unable to mount root fs", |line| Cause::NoRoot { line }),
    ("No working init found", |line| Cause::NoRoot { line }),
    ("Requested init", |line| Cause::NoRoot { line }),
    ("Initramfs unpacking failed", |line| Cause::NoRoot { line }),
    ("Kernel panic - not syncing", |line| Cause::KernelPanic { line }),
    ("Kernel panic", |line| Cause::KernelPanic { line }),
    ("BUG: unable to handle", |line| Cause::KernelPanic { line }),
    ("No bootable device", |line| Cause::NoKernel { line }),
];

/// What the last lines of a console give as the cause of a failure.
#[must_use]
pub fn diagnose<S: AsRef<str>>(tail: &[S]) -> Option<Cause> {
    PATTERNS.iter().find_map(|(pattern, cause)| {
        let line = tail.iter().rev().map(AsRef::as_ref).find(|line| line.contains(pattern))?;
        Some(cause(without_stamp(line).to_owned()))
    })
}

/// `[    1.234567] text` → `text`
fn without_stamp(line: &str) -> &str {
    let line = line.trim();
    match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((stamp, text)) if stamp.trim().bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            text.trim_start()
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Cause> {
        diagnose(&text.lines().collect::<Vec<_>>())
    }

    #[test]
    fn a_panic_is_told_in_the_kernels_words_without_the_time_stamp() {
        let cause =
            of("[    1.0] fine\n[    1.234567] Kernel panic - not syncing: Attempted to kill init!\n")
                .unwrap();
        assert_eq!(cause.code(), "kernel_panic");
        assert_eq!(cause.line(), "Kernel panic - not syncing: Attempted to kill init!");
    }

    #[test]
    fn what_led_to_a_panic_explains_more_than_the_panic() {
        let missing_root = "[    2.1] VFS: Unable to mount root fs on unknown-block(0,0)\n\
                            [    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)";
        assert_eq!(of(missing_root).unwrap().code(), "guest_without_root");
        let no_memory = "[    0.9] Initramfs unpacking failed: write error\n\
                         [    1.1] Kernel panic - not syncing: No working init found.";
        assert_eq!(of(no_memory).unwrap().code(), "guest_out_of_memory");
        let agent =
            "[    3.0] anteroom: fatal: the layer /dev/vdb cannot be mounted\n[    3.1] reboot: Power down";
        assert_eq!(of(agent).unwrap().code(), "agent_failed");
    }

    #[test]
    fn the_last_of_several_lines_counts_and_a_sound_console_has_no_cause() {
        let twice = "Out of memory: Killed process 7 (a)\nOut of memory: Killed process 9 (b)";
        assert_eq!(of(twice).unwrap().line(), "Out of memory: Killed process 9 (b)");
        assert_eq!(of("[    1.0] anteroom: ready\nlogin:"), None);
    }
}
