//! What is kept ready so that nobody has to wait for a boot.

use std::{num::NonZeroU32, time::Duration};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// How many are kept, the one in use among them.
    pub keep: NonZeroU32,
    /// Others that are older are removed.
    pub max_age: Duration,
}

/// VMs that wait for somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolSettings {
    /// Always.
    pub min: u32,
    /// While people come one after another; 0: no pool at all.
    pub max: u32,
}
