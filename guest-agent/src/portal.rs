//! The part of the desktop portal that opens pages: what a program calls over D-Bus does the same as `xdg-open`.
//!
//! ```text
//!  program ──OpenURI──▶ session bus ──(starts it, if it does not run)──▶ portal ──(address)──▶ oauth.sock
//!          ◀──handle───                                                    │
//!          ◀──Response 0 or 2 ─────────────────────────────────────────────┘
//! ```
//! Once it was asked for it stays until the bus ends. A portal that gave its name back when it had nothing to do would
//! answer a call that comes in that moment from a nameless sender, whose `Response` some callers then do not believe.
//!
//! Other parts of the portal are not there, and a program that looks for one (Chromium looks for several when it starts)
//! is told so by the standard error of D-Bus at once.

mod handle;
mod open_uri;
mod request;

use std::{path::PathBuf, process::ExitCode};

use zbus::connection;

use crate::role;
use handle::DESKTOP_PATH;
use open_uri::OpenUri;

const BUS_NAME: &str = "org.freedesktop.portal.Desktop";

#[derive(Debug, thiserror::Error)]
enum PortalError {
    #[error("the session bus does not take {BUS_NAME}")]
    Bus(#[source] zbus::Error),
}

/// Runs until the bus ends; `oauth` is the socket of the role that opens the pages.
pub(crate) fn run(oauth: PathBuf) -> ExitCode {
    role::play(role::one_thread(), serve(oauth))
}

async fn serve(oauth: PathBuf) -> Result<(), PortalError> {
    let portal = connection::Builder::session()
        .serve_at(DESKTOP_PATH, OpenUri::new(oauth))
        .name(BUS_NAME)
        // Of two, the later one ends.
        .allow_name_replacements(false)
        .replace_existing_names(false)
        .build()
        .await
        .map_err(PortalError::Bus)?;
    portal.closed().await;
    Ok(())
}
