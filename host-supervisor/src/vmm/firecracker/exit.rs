//! Firecracker's exit codes: it catches signals that would end it, and ends with codes of its own for them (`FcExitCode` of its
//! `src/vmm/src/lib.rs`), which would be read as other signals.

use nix::libc;

/// As a shell tells it: 128 + signal for one that a signal has ended.
pub(super) fn as_a_shell_tells(code: i32) -> i32 {
    let signal = match code {
        // A system call that its filter forbids.
        148 => libc::SIGSYS,
        149 => libc::SIGBUS,
        150 => libc::SIGSEGV,
        151 => libc::SIGXFSZ,
        154 => libc::SIGXCPU,
        155 => libc::SIGPIPE,
        156 => libc::SIGHUP,
        157 => libc::SIGILL,
        // A configuration or an argument that it does not take, as its last words say.
        152 | 153 => return 1,
        other => return other,
    };
    128 + signal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_codes_become_the_signals_that_it_has_caught_and_others_stay() {
        assert_eq!(as_a_shell_tells(148), 128 + 31);
        assert_eq!(as_a_shell_tells(150), 128 + 11);
        assert_eq!(as_a_shell_tells(153), 1);
        for same in [0, 1, 2, 134, 137] {
            assert_eq!(as_a_shell_tells(same), same);
        }
    }
}
