//! Whether the host passes packets on, for as few interfaces as that takes.
//!
//! The kernel asks the interface by which a packet *arrives* (`net.ipv4.conf.<if>.forwarding`; for IPv6 since Linux 6.17
//! `net.ipv6.conf.<if>.force_forwarding`, before only for all at once). The bridge alone is therefore not enough: answers
//! arrive by the uplink. `net.ipv4.ip_forward` would make the host a router between all its interfaces; instead the
//! uplinks are opened one by one, and the rules close again what nobody asked for: of what arrives there, only answers and
//! what somebody has redirected (published ports of containers) goes on to other interfaces. Which those are is kept in a
//! set of the rules, which lives exactly as long as the settings do: until the next boot, in this namespace.
//!
//! Where the host forwards everywhere by its own choice nothing is changed, and nothing guarded.

use std::collections::BTreeSet;

use super::{
    HostNetworkError, HostNetworkSettings,
    sysctl::{self, Family},
};

/// Names of interfaces, for each version of IP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Interfaces {
    pub(super) v4: BTreeSet<String>,
    pub(super) v6: BTreeSet<String>,
}

impl Interfaces {
    pub(super) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    pub(super) fn and(mut self, more: &Self) -> Self {
        self.v4.extend(more.v4.iter().cloned());
        self.v6.extend(more.v6.iter().cloned());
        self
    }
}

/// Which of these uplinks do not pass on what arrives there, although guests wait for it.
///
/// # Errors
/// When guests are to have IPv6 and this kernel can only forward it everywhere.
pub(super) fn closed(
    settings: &HostNetworkSettings,
    uplinks: &Interfaces,
) -> Result<Interfaces, HostNetworkError> {
    let mut closed = Interfaces::default();
    if !everywhere(Family::V4)? {
        closed.v4 = closed_of(Family::V4, &uplinks.v4)?;
    }
    if settings.ipv6.is_some() && !everywhere(Family::V6)? {
        if sysctl::read(Family::V6, "all", switch(Family::V6))?.is_none() {
            return Err(HostNetworkError::Ipv6Forwarding);
        }
        closed.v6 = closed_of(Family::V6, &uplinks.v6)?;
    }
    Ok(closed)
}

/// What was opened before and still needs its guard: nothing, where the host forwards everywhere by now.
pub(super) fn still_guarded(opened: Interfaces) -> Result<Interfaces, HostNetworkError> {
    let kept =
        |family, names| Ok::<_, HostNetworkError>(if everywhere(family)? { BTreeSet::new() } else { names });
    Ok(Interfaces { v4: kept(Family::V4, opened.v4)?, v6: kept(Family::V6, opened.v6)? })
}

/// Lets the bridge and these uplinks pass packets on.
pub(super) fn switch_on(
    settings: &HostNetworkSettings,
    uplinks: &Interfaces,
) -> Result<(), HostNetworkError> {
    for name in uplinks.v4.iter().chain([&settings.bridge]) {
        sysctl::ensure(Family::V4, name, switch(Family::V4), "1")?;
    }
    if settings.ipv6.is_some() {
        for name in uplinks.v6.iter().chain([&settings.bridge]) {
            sysctl::ensure(Family::V6, name, switch(Family::V6), "1")?;
        }
    }
    Ok(())
}

/// The opposite for uplinks, unless the host forwards everywhere by now: then it is not ours to say.
pub(super) fn switch_off(uplinks: &Interfaces) -> Result<(), HostNetworkError> {
    for (family, names) in [(Family::V4, &uplinks.v4), (Family::V6, &uplinks.v6)] {
        if !everywhere(family)? {
            names.iter().try_for_each(|name| sysctl::ensure(family, name, switch(family), "0"))?;
        }
    }
    Ok(())
}

fn switch(family: Family) -> &'static str {
    match family {
        Family::V4 => "forwarding",
        Family::V6 => "force_forwarding",
    }
}

fn everywhere(family: Family) -> Result<bool, HostNetworkError> {
    Ok(sysctl::read(family, "all", "forwarding")?.as_deref() == Some("1"))
}

fn closed_of(family: Family, names: &BTreeSet<String>) -> Result<BTreeSet<String>, HostNetworkError> {
    let mut closed = BTreeSet::new();
    for name in names {
        if sysctl::read(family, name, switch(family))?.as_deref() == Some("0") {
            closed.insert(name.clone());
        }
    }
    Ok(closed)
}
