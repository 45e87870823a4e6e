//! Who a clone is: what it is told before anything else, because it still takes itself for the guest that was snapshotted.

use std::time::{SystemTime, UNIX_EPOCH};

use anteroom_protocol::{
    MacAddress, Secret, VmId,
    agent::{Clock, Resume, Wake},
    cmdline::{Ip6Config, IpConfig},
};
use zeroize::Zeroizing;

use crate::{failure::Failure, net::Network};

/// Bytes of chance for the kernel: a clone's has the generator of all its siblings.
const ENTROPY_BYTES: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Identity {
    ip: Option<IpConfig>,
    ip6: Option<Ip6Config>,
    mac: Option<MacAddress>,
}

impl Identity {
    pub(super) fn on(network: &Network) -> Self {
        match network {
            Network::None => Self { ip: None, ip6: None, mac: None },
            Network::User(user) => Self { ip: Some(user.ip_config()), ip6: None, mac: None },
            Network::Tap(tap) => {
                Self { ip: Some(tap.ip_config()), ip6: tap.ip6_config(), mac: Some(tap.mac) }
            }
        }
    }

    /// # Errors
    /// Without random numbers from the kernel.
    pub(super) fn introduction(&self, vm: VmId) -> Result<Resume, Failure> {
        Ok(Resume {
            vm,
            clock: clock(),
            entropy: entropy()?,
            ip: self.ip.clone(),
            ip6: self.ip6,
            mac: self.mac,
        })
    }
}

/// What a guest is told that comes from the disk.
///
/// # Errors
/// Without random numbers from the kernel.
pub(super) fn greeting() -> Result<Wake, Failure> {
    Ok(Wake { clock: clock(), entropy: entropy()? })
}

fn entropy() -> Result<Secret, Failure> {
    let mut entropy = Zeroizing::new([0; ENTROPY_BYTES]);
    getrandom::fill(&mut *entropy)
        .map_err(|error| Failure::new("no_randomness", format!("no random numbers: {error}")))?;
    Ok(Secret::new(*entropy))
}

/// This host's clock, now.
pub(super) fn clock() -> Clock {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Clock { unix_ns: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX) }
}
