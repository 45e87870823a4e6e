//! Stands where keys, pointer and clipboard will be: there are none yet.

use std::sync::Arc;

use anteroom_protocol::stream::PeerRole;
use tokio::sync::mpsc;

#[derive(Debug, Default)]
pub(crate) struct Options {}

#[derive(Debug, thiserror::Error)]
#[error("there are no hands in this build")]
pub(crate) struct DeskError;

#[derive(Debug)]
pub(crate) struct Desk;

impl Desk {
    pub(crate) fn open(_display: &str, _options: Options) -> Result<Arc<Self>, DeskError> {
        Err(DeskError)
    }

    pub(crate) fn join(&self, _role: PeerRole) -> (HandIn, mpsc::Receiver<String>) {
        (HandIn, mpsc::channel(1).1)
    }
}

#[derive(Debug)]
pub(crate) struct HandIn;

impl HandIn {
    pub(crate) fn receive(&self, _text: &str) {}
}
