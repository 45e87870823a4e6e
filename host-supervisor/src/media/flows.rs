//! Which viewer's address belongs to which VM: the rule that keeps a hostile guest from sending packets to anybody else.
//!
//! ```text
//!  an answer is given      ──▶ name of the guest's ICE agent ─▶ VM
//!  a check comes from A    ──▶ its name is known ─▶ A ─▶ VM        for 30 s after every packet from A
//!  a packet comes from A   ──▶ to A's VM, or nowhere
//!  a VM sends a packet to A ─▶ only when A is this VM's
//! ```
//! What comes for one name, from however many addresses, has a limit of its own ([`Bucket`]), so that no viewer takes the room of
//! another on the way to their guest.
//! Pure: the clock is an argument. Who makes up a name (16 random characters, in the answer that only the viewer gets) could
//! have its packets relayed; whether its sender may see the desktop, the guest decides by password and certificate.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, HashSet, btree_map},
    time::{Duration, Instant},
};

use super::bucket::Bucket;
use anteroom_protocol::{
    VmId,
    stream::{datagram::Remote, stun},
};

/// A viewer checks its path every few seconds (RFC 7675 section 5.1).
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// Eight viewers with all the addresses that a laptop has.
const MAX_FLOWS_OF_A_VM: usize = 64;
const MAX_FLOWS: usize = 8192;

#[derive(Debug, Default)]
pub(super) struct Flows {
    names: HashMap<String, Named>,
    flows: BTreeMap<Remote, Flow>,
    /// By the names' numbers.
    buckets: HashMap<u64, Bucket>,
    last_number: u64,
}

/// What a name means. Its number stays with the addresses that have shown it, also when the name is forgotten.
#[derive(Debug, Clone, Copy)]
struct Named {
    vm: VmId,
    number: u64,
}

#[derive(Debug, Clone, Copy)]
struct Flow {
    of: Named,
    last: Instant,
}

/// What is to be done with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    For(VmId),
    /// Its viewer sends too much.
    TooMuch,
    Nobodys,
}

/// The name is another VM's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guest calls itself by a name that is not its own")]
pub(super) struct Taken;

impl Flows {
    /// From now on checks for this name are the VM's.
    pub(super) fn name(&mut self, name: &str, vm: VmId) -> Result<(), Taken> {
        match self.names.get(name) {
            Some(owner) if owner.vm != vm => Err(Taken),
            Some(_) => Ok(()),
            None => {
                self.last_number += 1;
                self.names.insert(name.to_owned(), Named { vm, number: self.last_number });
                Ok(())
            }
        }
    }

    /// The name means nobody any more. Addresses that have shown it stay until they fall silent.
    pub(super) fn forget_name(&mut self, name: &str) {
        self.names.remove(name);
        self.tidy_buckets();
    }

    /// The VM is gone.
    pub(super) fn forget_vm(&mut self, vm: VmId) {
        self.names.retain(|_, owner| owner.vm != vm);
        self.flows.retain(|_, flow| flow.of.vm != vm);
        self.tidy_buckets();
    }

    /// For which VM a packet is that has come from there.
    pub(super) fn arrived(&mut self, from: Remote, packet: &[u8], now: Instant) -> Arrival {
        let Some(of) = self.whose(from, packet, now) else { return Arrival::Nobodys };
        let bucket = self.buckets.entry(of.number).or_insert_with(|| Bucket::full(now));
        if bucket.take(now) { Arrival::For(of.vm) } else { Arrival::TooMuch }
    }

    fn whose(&mut self, from: Remote, packet: &[u8], now: Instant) -> Option<Named> {
        let named = stun::called(packet).and_then(|name| self.names.get(name).copied());
        match (self.flows.entry(from), named) {
            (btree_map::Entry::Occupied(mut known), named) => {
                let flow = known.get_mut();
                if named.is_none() && now.saturating_duration_since(flow.last) > SILENCE {
                    known.remove();
                    return None;
                }
                // An address can change hands, behind a NAT for example; a name says so.
                *flow = Flow { of: named.unwrap_or(flow.of), last: now };
                Some(flow.of)
            }
            (btree_map::Entry::Vacant(_), None) => None,
            (btree_map::Entry::Vacant(_), Some(of)) => {
                self.make_room(of.vm, now)?;
                self.flows.insert(from, Flow { of, last: now });
                Some(of)
            }
        }
    }

    /// Whether this VM may send a packet there.
    pub(super) fn may_reach(&self, vm: VmId, to: Remote, now: Instant) -> bool {
        self.flows
            .get(&to)
            .is_some_and(|flow| flow.of.vm == vm && now.saturating_duration_since(flow.last) <= SILENCE)
    }

    /// How many addresses have been heard lately.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.flows.values().filter(|flow| now.saturating_duration_since(flow.last) <= SILENCE).count()
    }

    /// `None` when every place is taken by others. Of its own places a VM loses the one that was silent for longest.
    fn make_room(&mut self, vm: VmId, now: Instant) -> Option<()> {
        let own = self.flows.values().filter(|flow| flow.of.vm == vm).count();
        if own < MAX_FLOWS_OF_A_VM && self.flows.len() < MAX_FLOWS {
            return Some(());
        }
        self.flows.retain(|_, flow| now.saturating_duration_since(flow.last) <= SILENCE);
        self.tidy_buckets();
        let mine = self.flows.iter().filter(|(_, flow)| flow.of.vm == vm);
        if mine.clone().count() >= MAX_FLOWS_OF_A_VM {
            let longest = mine.min_by_key(|(_, flow)| flow.last).map(|(remote, _)| *remote)?;
            self.flows.remove(&longest);
        }
        (self.flows.len() < MAX_FLOWS).then_some(())
    }

    fn tidy_buckets(&mut self) {
        let of_flows = self.flows.values().map(|flow| flow.of.number);
        let used: HashSet<u64> = self.names.values().map(|named| named.number).chain(of_flows).collect();
        self.buckets.retain(|number, _| used.contains(number));
    }
}
