//! The object that stands for one call while its page is being opened (`org.freedesktop.portal.Request`).
//!
//! ```text
//!  made ──▶ the call is answered with its path ──▶ the page is opened, or not ──▶ gone ──▶ Response
//!                                        └─ Close ──▶ gone, and no Response
//! ```

use std::collections::HashMap;

use tokio::sync::oneshot;
use zbus::{
    Connection, Variant, fdo, interface, message::Header, names::UniqueName, object_server::SignalEmitter,
};

/// What becomes of a call; the numbers are the portal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Opened = 0,
    NotOpened = 2,
}

#[derive(Debug)]
pub(super) struct Request {
    caller: UniqueName<'static>,
    close: Option<oneshot::Sender<()>>,
}

/// The other end of a [`Request`]: whether its caller has lost interest.
#[derive(Debug)]
pub(super) struct Closed(oneshot::Receiver<()>);

impl Request {
    pub(super) fn of(caller: UniqueName<'static>) -> (Self, Closed) {
        let (close, closed) = oneshot::channel();
        (Self { caller, close: Some(close) }, Closed(closed))
    }
}

#[interface(name = "org.freedesktop.portal.Request", introspection_docs = false)]
impl Request {
    async fn close(&mut self, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        if header.sender() != Some(&self.caller) {
            return Err(fdo::Error::AccessDenied("this request is another program's".to_owned()));
        }
        // A second one, or one that comes when it is over, changes nothing.
        let _ = self.close.take().map(|close| close.send(()));
        Ok(())
    }

    #[zbus(signal)]
    async fn response(
        emitter: &SignalEmitter<'_>,
        response: u32,
        results: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<()>;
}

impl Closed {
    /// What the work comes to; `None` when the caller closes the request first.
    pub(super) async fn or(mut self, work: impl Future<Output = Outcome>) -> Option<Outcome> {
        let outcome = tokio::select! {
            outcome = work => outcome,
            Ok(()) = &mut self.0 => return None,
        };
        // From here on it cannot be closed any more; it may have been in this very moment.
        self.0.close();
        self.0.try_recv().is_err().then_some(outcome)
    }
}

/// Tells the caller, and nobody else: an object that has just gone may still send its last signal.
pub(super) async fn respond(
    portal: &Connection,
    path: &str,
    caller: UniqueName<'static>,
    outcome: Outcome,
) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(portal, path)?.set_destination(caller.into());
    Request::response(&emitter, outcome as u32, HashMap::new()).await
}
