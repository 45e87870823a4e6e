//! What becomes of a VM whose daemon was killed while it was on its way to the disk, or back, or there. Pure.

use crate::store::VmStatus;

/// What a killed daemon has left of a VM that was on its way to the disk, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vm) enum Left {
    /// It hibernates: all of it is on the disk, and it has not taken a step since.
    OnDisk,
    /// It has to go on where it stands.
    InMemory,
    Lost,
}

impl Left {
    pub(in crate::vm) fn of(status: VmStatus, has_key: bool, is_on_disk: bool, processes_live: bool) -> Self {
        match status {
            // Ending its processes may not have come to its end.
            VmStatus::Hibernated => Self::OnDisk,
            // What it was woken from is of use as long as it has not run.
            VmStatus::Waking if has_key => Self::OnDisk,
            VmStatus::Hibernating | VmStatus::Waking if processes_live => Self::InMemory,
            VmStatus::Hibernating if has_key && is_on_disk => Self::OnDisk,
            _ => Self::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_instant_a_daemon_dies_at_the_guest_goes_on_once() {
        use VmStatus::{Hibernated, Hibernating, Waking};
        let left = Left::of;
        assert_eq!(left(Hibernated, true, true, true), Left::OnDisk, "its processes were being ended");
        assert_eq!(left(Hibernated, false, false, false), Left::OnDisk, "and says so when it is woken");
        // It stands still, wherever the writing has come to: what was written is thrown away.
        assert_eq!(left(Hibernating, true, true, true), Left::InMemory);
        assert_eq!(left(Hibernating, true, false, true), Left::InMemory);
        // The host has died.
        assert_eq!(left(Hibernating, true, true, false), Left::OnDisk);
        assert_eq!(left(Hibernating, true, false, false), Left::Lost);
        // The key is forgotten before the first step, and the files after it.
        assert_eq!(left(Waking, true, true, true), Left::OnDisk);
        assert_eq!(left(Waking, false, true, true), Left::InMemory);
        assert_eq!(left(Waking, false, true, false), Left::Lost);
    }
}
