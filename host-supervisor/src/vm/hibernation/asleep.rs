//! How many VMs are on the disk: they take nothing of this machine's.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Asleep(Arc<AtomicUsize>);

impl Asleep {
    pub(super) fn among(all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(all))
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
