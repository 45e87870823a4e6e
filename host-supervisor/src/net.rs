//! What a guest may reach, and which addresses it has there.
//!
//! ```text
//!  user   the VMM's own stack: no privileges, but the guest reaches the host's loopback
//!  tap    a device of the host's own network, which `host` makes: a bridge, and rules for what passes
//! ```
//! [`Network`] is data, which a backend makes true for its guest.

pub mod host;
mod tap;
mod user;

use serde::{Deserialize, Serialize};

pub use host::{HostNetwork, HostNetworkError, HostNetworkSettings, Neighbours, Outlook};
pub use tap::{TapIpv6, TapNetwork};
pub use user::{Forward, NetworkError, Reach, UserNetwork};

/// How a guest reaches the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// No interface at all.
    None,
    /// The VMM's own user-mode stack; needs no privileges on the host.
    User(UserNetwork),
    /// A device of the host's bridge; [`HostNetwork::attach`] makes it before the VMM starts.
    Tap(TapNetwork),
}
