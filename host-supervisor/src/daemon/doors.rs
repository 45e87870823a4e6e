//! The sockets of the API: where everybody comes in, and where operators do when they have one of their own.

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    DaemonError, listener,
    server::{Seats, Server},
    tls::{Identity, Tls},
};
use crate::{
    api::{self, Api, Reach},
    config::Config,
};

/// Bound; nobody is let in yet.
#[derive(Debug)]
pub(super) struct Doors {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    admin: Option<TcpListener>,
    pub(super) tls: Option<Arc<Tls>>,
    seats: Arc<Seats>,
}

impl Doors {
    /// # Errors
    /// When a certificate is not right, or an address is somebody else's.
    pub(super) async fn open(
        config: &Config,
        handed_down: Option<std::net::TcpListener>,
    ) -> Result<Self, DaemonError> {
        let tls = config.tls.as_ref().map(Identity::read).transpose()?.map(|read| Arc::new(Tls::with(read)));
        let listener = listener::open(handed_down, config.listen).await?;
        let address = listener.local_addr().map_err(DaemonError::Serve)?;
        let admin = match config.admin_listen {
            Some(address) => Some(listener::bind(address, "admin.listen").await?),
            None => None,
        };
        Ok(Self { listener, address, admin, tls, seats: Seats::new(config.trusted_proxies.clone()) })
    }

    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }

    /// Lets everybody in until `stop`; the tasks end when all that was asked is answered.
    pub(super) fn serve(self, api: &Arc<Api>, stop: &CancellationToken) -> JoinSet<()> {
        let reach = match self.admin {
            Some(_) => Reach::AllButOperators,
            None => Reach::Everybody,
        };
        let admin = self.admin.map(|listener| (listener, Reach::Everybody));
        let mut servers = JoinSet::new();
        if let Some(tls) = &self.tls {
            servers.spawn(Arc::clone(tls).watch(stop.clone()));
        }
        for (listener, reach) in [(self.listener, reach)].into_iter().chain(admin) {
            let (tls, seats) = (self.tls.clone(), Arc::clone(&self.seats));
            servers.spawn(Server { listener, router: api::router(api, reach), tls, seats }.run(stop.clone()));
        }
        servers
    }
}
