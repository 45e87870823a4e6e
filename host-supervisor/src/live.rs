//! A value that can be replaced while others use it: what the operator may change without a restart.
//!
//! Whoever reads it gets the whole of it as it is at that moment, and never parts of two.

use std::sync::Arc;

use tokio::sync::watch;

#[derive(Debug)]
pub struct Live<T>(watch::Sender<Arc<T>>);

impl<T> Live<T> {
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(watch::Sender::new(Arc::new(value)))
    }

    #[must_use]
    pub fn now(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }

    /// Those who have the value of before keep it as long as they hold it.
    pub fn set(&self, value: T) {
        self.0.send_replace(Arc::new(value));
    }

    /// Changes whenever another value was set.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<T>> {
        self.0.subscribe()
    }
}
