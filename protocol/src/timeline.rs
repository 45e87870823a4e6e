//! When what happened in a VM: marks on the guest's monotonic clock, kept by the agent for every VM.

use serde::{Deserialize, Serialize};

/// One moment, in nanoseconds of `CLOCK_BOOTTIME` (clock_gettime(2)): zero is the kernel's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub name: String,
    pub uptime_ns: u64,
}

/// Names of the marks that the host and the benchmarks ask for. A service that became ready is marked
/// `service:<name>`.
pub mod mark {
    pub const PID1: &str = "pid1";
    pub const MODULES_LOADED: &str = "modules-loaded";
    pub const ROOT_MOUNTED: &str = "root-mounted";
    /// The agent asks for its addresses.
    pub const NETWORK_BEGUN: &str = "network-begun";
    pub const NETWORK_CONFIGURED: &str = "network-configured";
    pub const CONTROL_READY: &str = "control-ready";
    pub const DESKTOP_READY: &str = "desktop-ready";
    pub const DESKTOP_PAINTED: &str = "desktop-painted";
    /// A copy of a frozen guest was told which VM it is. Its timeline begins here.
    pub const RESUMED: &str = "resumed";
    pub const SIGN_IN_STARTED: &str = "sign-in-started";
    pub const SIGN_IN_URL: &str = "sign-in-url";
    pub const CREDENTIALS: &str = "credentials";

    #[must_use]
    pub fn service(name: &str) -> String {
        format!("service:{name}")
    }
}
