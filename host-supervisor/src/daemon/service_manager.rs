//! The service manager above the daemon, where there is one: what it hands down, and what it is told.
//!
//! ```text
//!            ── LISTEN_FDS ─────────────────▶ the API's socket: bound before us, and kept while we restart
//!  manager   ── NOTIFY_SOCKET, WATCHDOG_USEC ▶ where to tell, and how often a sign of life is due
//!            ◀─ READY, STATUS, WATCHDOG, STOPPING
//! ```
//! The protocols are those of sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3), which others than systemd speak as
//! well. They are written here because the crates for them either do not know the sockets in the abstract namespace that
//! managers of containers use, or bring a library's worth of other things.

mod notify;
mod pulse;
mod sockets;

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use crate::{config::Environment, session::Sessions, store::Store};
pub(super) use notify::State;
use notify::{Notifier, watchdog};
use pulse::Load;
pub(super) use pulse::Pulse;
pub use sockets::SocketError;

/// What there is of it; nothing where the daemon was started by hand.
#[derive(Debug, Default)]
pub struct ServiceManager {
    /// The API's, listening.
    pub(super) socket: Option<TcpListener>,
    notifier: Option<Arc<Notifier>>,
    /// Within which time it wants a sign of life.
    watchdog: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
pub enum ServiceManagerError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("the service manager's socket {socket:?}, which NOTIFY_SOCKET names")]
    Notify {
        socket: String,
        #[source]
        source: io::Error,
    },
}

impl ServiceManager {
    /// Takes what this process was given. To be called before the first child is started, which would inherit the sockets;
    /// a second call finds no sockets any more.
    ///
    /// # Errors
    /// When what was given is not what the daemon understands.
    pub fn of(environment: &Environment) -> Result<Self, ServiceManagerError> {
        let socket = sockets::take(environment)?;
        let notifier = match environment.get("NOTIFY_SOCKET") {
            Some(socket) => {
                let at = |source| ServiceManagerError::Notify { socket: socket.clone(), source };
                Some(Arc::new(Notifier::open(socket).map_err(at)?))
            }
            None => None,
        };
        Ok(Self { socket, notifier, watchdog: watchdog(environment, std::process::id()) })
    }

    /// Tells it, if it listens. That it cannot be told is logged: the daemon works without.
    pub(super) fn tell(&self, states: &[State<'_>]) {
        if let Some(notifier) = &self.notifier {
            notifier.tell(states);
        }
    }

    /// What keeps it informed.
    pub(super) fn pulse(&self, store: Store, sessions: Sessions) -> Option<Pulse> {
        let notifier = Arc::clone(self.notifier.as_ref()?);
        let load = Box::new(move || Load::of(&sessions));
        Some(Pulse { notifier, watchdog: self.watchdog, store, load })
    }
}
