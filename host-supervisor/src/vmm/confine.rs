//! What keeps a VMM that its guest has taken over from the rest of the host, where the daemon is root and can arrange it.

pub(crate) mod group;

use std::ops::RangeInclusive;

/// Users, and groups of the same numbers, that VMs run as, each its own; far from those that people and distributions hand out
/// (login.defs(5) ends its subordinate ids at 600 100 000).
pub(crate) const UIDS: RangeInclusive<u32> = 700_000_000..=700_065_535;
