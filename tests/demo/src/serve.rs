//! Serving a router until somebody says stop, and not for ever after.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio_util::sync::CancellationToken;

/// A browser may keep a connection open for minutes without asking anything.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves until `shutdown`, then lets running requests finish, for two seconds at most.
///
/// # Errors
/// When the listener is lost.
pub(crate) async fn serve<L>(
    listener: L,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let stopping = CancellationToken::new();
    let server = axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned());
    tokio::select! {
        served = server.into_future() => served,
        () = async {
            shutdown.await;
            stopping.cancel();
            tokio::time::sleep(DRAIN).await;
        } => Ok(()),
    }
}
