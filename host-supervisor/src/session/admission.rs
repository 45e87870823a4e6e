//! Whether one more session is let in. Pure; the registry knows how many there are.

use std::num::NonZeroU32;

/// Of a VM's memory, what has to be available when it is started, as a fraction: a desktop with a browser touches less than
/// half of what it may.
const TOUCHED: u64 = 2;

/// What the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// VMs at once.
    pub most: NonZeroU32,
    /// Of them, those of one user.
    pub most_per_user: NonZeroU32,
    /// Memory of the VM that is asked for.
    pub vm_mib: u32,
}

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) vms: usize,
    pub(crate) of_user: usize,
    /// Of them, those that wait to be launched: what they will touch is still there.
    pub(crate) waiting: usize,
    /// Memory of this machine that is available; `None` when it does not say.
    pub(crate) available_mib: Option<u64>,
}

/// Why it is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{most} VMs are running, which is the limit (setting vm.max)")]
    Host { most: NonZeroU32 },
    #[error("this user has {most} sessions under way, which is the limit (setting vm.max_per_user)")]
    User { most: NonZeroU32 },
    #[error(
        "this machine has no memory left for a VM: {available_mib} MiB are available, {needed_mib} MiB are needed with those that wait"
    )]
    Memory { needed_mib: u64, available_mib: u64 },
    #[error("{most} starts are waiting already, which is the limit (setting launch.waiting)")]
    Queue { most: usize },
}

impl Admission {
    /// # Errors
    /// With the limit that is met. The user's own comes first: others need not wait for it.
    pub(crate) fn admit(&self, load: &Load) -> Result<(), Refusal> {
        let reached = |count: usize, most: NonZeroU32| count >= most.get() as usize;
        if reached(load.of_user, self.most_per_user) {
            return Err(Refusal::User { most: self.most_per_user });
        }
        if reached(load.vms, self.most) {
            return Err(Refusal::Host { most: self.most });
        }
        let needed_mib = u64::from(self.vm_mib) / TOUCHED * (1 + load.waiting as u64);
        match load.available_mib {
            Some(available_mib) if available_mib < needed_mib => {
                Err(Refusal::Memory { needed_mib, available_mib })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(vms: usize, of_user: usize, available_mib: Option<u64>) -> Result<(), Refusal> {
        let most = |count| NonZeroU32::new(count).unwrap();
        let admission = Admission { most: most(4), most_per_user: most(2), vm_mib: 4096 };
        admission.admit(&Load { vms, of_user, waiting: 0, available_mib })
    }

    #[test]
    fn each_limit_is_met_at_its_own_number() {
        assert_eq!(admit(3, 1, Some(2048)), Ok(()));
        assert!(matches!(admit(4, 1, Some(2048)), Err(Refusal::Host { .. })));
        assert!(matches!(admit(3, 2, Some(2048)), Err(Refusal::User { .. })));
        assert_eq!(admit(3, 1, Some(2047)), Err(Refusal::Memory { needed_mib: 2048, available_mib: 2047 }));
    }

    #[test]
    fn a_user_at_their_own_limit_is_told_that_one_and_a_machine_that_says_nothing_has_memory() {
        assert!(matches!(admit(4, 2, Some(0)), Err(Refusal::User { .. })));
        assert_eq!(admit(0, 0, None), Ok(()));
    }

    #[test]
    fn memory_that_is_promised_to_those_that_wait_is_not_promised_again() {
        let most = NonZeroU32::new(9).unwrap();
        let admission = Admission { most, most_per_user: most, vm_mib: 4096 };
        let load = Load { vms: 3, of_user: 0, waiting: 2, available_mib: Some(6144) };
        assert_eq!(admission.admit(&load), Ok(()));
        let refused = admission.admit(&Load { waiting: 3, ..load });
        assert_eq!(refused, Err(Refusal::Memory { needed_mib: 8192, available_mib: 6144 }));
    }

    #[test]
    fn a_refusal_names_what_to_change() {
        assert!(admit(4, 1, None).unwrap_err().to_string().contains("vm.max"));
        assert!(admit(1, 2, None).unwrap_err().to_string().contains("vm.max_per_user"));
        assert!(Refusal::Queue { most: 1 }.to_string().contains("launch.waiting"));
    }
}
