//! A user, and a group of the same number, for each VM.

use std::{
    collections::BTreeSet,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::vmm::LaunchError;

/// Far from those that people and distributions hand out (login.defs(5) ends its subordinate ids at 600 100 000).
pub(crate) const UIDS: RangeInclusive<u32> = 700_000_000..=700_065_535;

/// Which are taken by VMs of this daemon.
#[derive(Debug, Clone, Default)]
pub(in crate::vmm) struct Uids(Arc<Mutex<BTreeSet<u32>>>);

/// One VM's own, given back when this is dropped.
#[derive(Debug)]
pub(in crate::vmm) struct Uid {
    number: u32,
    of: Uids,
}

impl Uids {
    pub(in crate::vmm) fn take(&self) -> Result<Uid, LaunchError> {
        let mut taken = self.lock();
        let free = UIDS.into_iter().find(|uid| !taken.contains(uid));
        let number =
            free.ok_or_else(|| LaunchError::Shape { what: "a user of its own: all are taken".to_owned() })?;
        taken.insert(number);
        Ok(Uid { number, of: self.clone() })
    }

    /// The one that a VM has from another daemon.
    pub(in crate::vmm) fn adopt(&self, number: u32) -> Uid {
        self.lock().insert(number);
        Uid { number, of: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Uid {
    pub(in crate::vmm) fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Uid {
    fn drop(&mut self) {
        self.of.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_vms_have_the_same_user_and_one_is_given_back() {
        let uids = Uids::default();
        let adopted = uids.adopt(*UIDS.start());
        let (first, second) = (uids.take().unwrap(), uids.take().unwrap());
        assert!(![second.number, adopted.number].contains(&first.number) && second.number != adopted.number);
        let number = first.number;
        drop(first);
        assert_eq!(uids.take().unwrap().number, number);
    }
}
