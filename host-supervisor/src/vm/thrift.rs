//! How many VMs may wait for somebody while this machine is short of memory: a pure function of what its kernel says.
//!
//! ```text
//!  memory left                     programs wait for memory        VMs that wait
//!  ≥ 1 GiB + half of a VM          < 5 % of the time               as many as are wanted
//!  < 1 GiB + half of a VM                                          no more than there are
//!                                  ≥ 5 %                           one less at each look
//!  < 1 GiB + a quarter of a VM     ≥ 20 %                          none
//! ```
//! How much is left says whether there is room, and stalls that there is none although it looks so: memory that is used again and
//! again counts as left. Where the kernel does not count stalls, what is left has to do.

use std::fmt;

use crate::host_memory::Reading;

/// For everything else.
const RESERVE_MIB: u64 = 1024;
const STALLS_PERCENT: f64 = 5.0;
const MANY_STALLS_PERCENT: f64 = 20.0;

/// Why fewer VMs wait than are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shortage {
    Memory {
        available_mib: u64,
        needed_mib: u64,
    },
    Stalls {
        percent: f64,
    },
    /// As many VMs live as may.
    Vms {
        most: usize,
    },
}

impl Shortage {
    /// Of metrics.
    pub const WORDS: [&str; 3] = ["memory", "stalls", "vms"];

    #[must_use]
    pub fn word(&self) -> &'static str {
        let [memory, stalls, vms] = Self::WORDS;
        match self {
            Self::Memory { .. } => memory,
            Self::Stalls { .. } => stalls,
            Self::Vms { .. } => vms,
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { available_mib, needed_mib } => {
                write!(
                    f,
                    "{available_mib} MiB of this machine's memory are left, {needed_mib} MiB are needed"
                )
            }
            Self::Stalls { percent } => {
                write!(f, "programs of this machine wait for memory {percent:.0} % of the time")
            }
            Self::Vms { most } => write!(f, "{most} VMs live, and no more may (vm.max)"),
        }
    }
}

/// How many may wait now, of which `ready` do, and why those are fewer than are wanted.
pub(crate) fn may_wait(
    reading: Reading,
    vm_mib: u32,
    ready: usize,
    wanted: usize,
) -> (usize, Option<Shortage>) {
    let vm_mib = u64::from(vm_mib);
    let left = reading.available_mib.unwrap_or(u64::MAX);
    let percent = reading.stalls_percent.unwrap_or_default();
    let lacks = |needed_mib| Shortage::Memory { available_mib: left, needed_mib };
    let (to_stay, to_grow) = (RESERVE_MIB + vm_mib / 4, RESERVE_MIB + vm_mib / 2);
    let (most, why) = match () {
        () if left < to_stay => (0, lacks(to_stay)),
        () if percent >= MANY_STALLS_PERCENT => (0, Shortage::Stalls { percent }),
        () if percent >= STALLS_PERCENT => (ready.saturating_sub(1), Shortage::Stalls { percent }),
        () if left < to_grow => (ready, lacks(to_grow)),
        () => return (wanted, None),
    };
    if most < wanted { (most, Some(why)) } else { (wanted, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(available_mib: u64, stalls_percent: Option<f64>) -> (usize, Option<&'static str>) {
        let reading = Reading { available_mib: Some(available_mib), stalls_percent };
        let (most, why) = may_wait(reading, 4096, 2, 4);
        (most, why.map(|why| why.word()))
    }

    #[test]
    fn with_less_and_less_memory_first_none_is_added_and_then_none_is_kept() {
        assert_eq!(of(3072, None), (4, None));
        assert_eq!(of(3071, None), (2, Some("memory")));
        assert_eq!(of(2048, None), (2, Some("memory")));
        assert_eq!(of(2047, None), (0, Some("memory")));
    }

    #[test]
    fn programs_that_wait_for_memory_count_however_much_seems_to_be_left() {
        assert_eq!(of(100_000, Some(4.9)), (4, None));
        assert_eq!(of(100_000, Some(5.0)), (1, Some("stalls")));
        assert_eq!(of(100_000, Some(20.0)), (0, Some("stalls")));
        assert_eq!(of(3000, Some(0.0)), (2, Some("memory")));
    }

    #[test]
    fn who_wants_no_more_than_may_wait_lacks_nothing() {
        let short = Reading { available_mib: Some(3000), stalls_percent: None };
        assert_eq!(may_wait(short, 4096, 2, 2), (2, None));
        assert_eq!(may_wait(Reading { available_mib: Some(1), stalls_percent: None }, 4096, 0, 0), (0, None));
        assert_eq!(may_wait(Reading::default(), 4096, 0, 3), (3, None), "a kernel that says nothing");
    }

    #[test]
    fn a_shortage_is_told_with_its_figures() {
        let reading = Reading { available_mib: Some(1500), stalls_percent: None };
        let (_, why) = may_wait(reading, 4096, 0, 1);
        assert_eq!(
            why.unwrap().to_string(),
            "1500 MiB of this machine's memory are left, 2048 MiB are needed"
        );
    }
}
