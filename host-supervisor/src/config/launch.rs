//! How many VMs start at once, and how many starts wait for that.

use super::{
    ConfigError, Reader,
    value::{self, VmLimit},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchSettings {
    /// VMs that start at once.
    pub at_once: VmLimit,
    /// Most starts of people that wait for that, 0 to 1000.
    pub waiting: u32,
}

pub(super) fn read(read: &Reader) -> Result<LaunchSettings, ConfigError> {
    Ok(LaunchSettings {
        at_once: read.value("launch.at_once", value::vm_limit)?,
        waiting: read.value("launch.waiting", value::number(0..=1000))?,
    })
}
