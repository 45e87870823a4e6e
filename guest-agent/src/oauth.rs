//! The role that holds the sign-in: unprivileged, on a Unix socket for the other roles and on port 8080.
//!
//! ```text
//!  init ──(sign-in, credentials, events)──▶ ┌─ oauth.sock ─┐        ┌─▶ browser (pages)
//!  open-url, portal ──(address)───────────▶ │              ├─ owner ┼─▶ terminal (orders)
//!  terminal ◀─(orders)── ──(reports)──────▶ └─ port 8080 ──┘        └─▶ journal (events)
//!                                              credential files ──▶ watch
//! ```
//! One task owns the sign-in; everybody else sends it messages. What happens is decided in [`flow`].

mod app;
mod browser;
pub(crate) mod callback;
mod flow;
mod launch;
mod owner;
mod place;
mod port;
mod redact;
mod sign_in;
#[cfg(test)]
mod tests;
mod verify;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anteroom_protocol::ports::GUEST_HTTP;
use tokio::net::TcpListener;

use crate::{
    call::{self, OAUTH_SOCKET},
    caller::Caller,
    journal::Journal,
    process::Children,
    role,
};
pub(crate) use app::{BeginBody, Resumed};
use sign_in::{Places, SignIn};

#[derive(Debug, thiserror::Error)]
enum OAuthError {
    #[error("{what} cannot be opened")]
    Listen { what: String, source: io::Error },
    #[error("the signals of children cannot be received")]
    Children(#[source] io::Error),
    #[error("nobody answers any more")]
    Serve(#[source] io::Error),
}

/// Runs until the process is ended.
pub(crate) fn run() -> ExitCode {
    role::play(role::one_thread(), serve())
}

async fn serve() -> Result<(), OAuthError> {
    let listen = |what: &str, source| OAuthError::Listen { what: what.to_owned(), source };
    let port =
        TcpListener::bind(("0.0.0.0", GUEST_HTTP)).await.map_err(|error| listen("port 8080", error))?;
    let socket = call::listen(Path::new(OAUTH_SOCKET)).map_err(|error| listen(OAUTH_SOCKET, error))?;
    let journal = Arc::new(Journal::new());
    let children = Children::watch().map_err(OAuthError::Children)?;
    let sign_in = SignIn::start(Arc::clone(&journal), children, places());
    tracing::info!("listening on port {GUEST_HTTP} and {OAUTH_SOCKET}");
    let app = app::router(sign_in.clone(), journal).into_make_service_with_connect_info::<Caller>();
    tokio::try_join!(axum::serve(socket, app), axum::serve(port, port::router(sign_in)))
        .map_err(OAuthError::Serve)?;
    Ok(())
}

fn places() -> Places {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/home/desktop"), PathBuf::from);
    Places { home, browser: PathBuf::from("/usr/lib/anteroom/browser") }
}
