//! How many VMs this machine can hold, and launch at once, when nobody says.

use std::num::{NonZeroU32, NonZeroUsize};

use crate::config::{VmLimit, VmShape};

/// Left for the host itself, in MiB.
const HOST_MIB: u64 = 1024;
/// As many as the original took at most.
const MOST: u64 = 180;

/// The operator's word, or what fits into the memory: two at least, because two people may sign in at once and a guest
/// seldom uses all that it may.
pub(super) fn most_vms(limit: VmLimit, shape: VmShape, memory_mib: Option<u64>) -> NonZeroU32 {
    let count = match limit {
        VmLimit::Exactly(count) => count,
        VmLimit::Auto => {
            let fits =
                memory_mib.unwrap_or_default().saturating_sub(HOST_MIB) / u64::from(shape.memory_mib).max(1);
            u32::try_from(fits.clamp(2, MOST)).unwrap_or(2)
        }
    };
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// The operator's word, or one for each processor: a guest that boots keeps one busy for most of the time, whatever it has, and
/// VMs that share processors are ready together, late, instead of one after another.
pub(super) fn launches_at_once(limit: VmLimit, processors: NonZeroUsize) -> NonZeroUsize {
    match limit {
        VmLimit::Exactly(count) => NonZeroUsize::new(count as usize).unwrap_or(NonZeroUsize::MIN),
        VmLimit::Auto => processors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: VmShape = VmShape { vcpus: 2, memory_mib: 4096 };

    fn auto(memory_mib: u64) -> u32 {
        most_vms(VmLimit::Auto, SHAPE, Some(memory_mib)).get()
    }

    #[test]
    fn as_many_vms_as_fit_but_two_at_least() {
        assert_eq!(auto(24_000), 5);
        assert_eq!(auto(4_000), 2);
        assert_eq!(auto(4_000_000), 180);
        assert_eq!(most_vms(VmLimit::Auto, SHAPE, None).get(), 2);
    }

    #[test]
    fn the_operators_word_counts() {
        assert_eq!(most_vms(VmLimit::Exactly(7), SHAPE, Some(1)).get(), 7);
        assert_eq!(launches_at_once(VmLimit::Exactly(7), NonZeroUsize::MIN).get(), 7);
    }

    #[test]
    fn as_many_are_launched_at_once_as_there_are_processors() {
        assert_eq!(launches_at_once(VmLimit::Auto, NonZeroUsize::new(4).unwrap()).get(), 4);
    }
}
