//! When a person would say that the desktop is there: the terminal's text is on the screen.

use std::{path::Path, sync::Arc};

use anteroom_protocol::timeline::mark;

use crate::{console, display, service::Supervisor, timeline::Timeline};

/// The X server's service and socket, and the terminal's window, as the services' files have them.
const X_SERVER: &str = "xvfb";
const X_SOCKET: &str = "/tmp/.X11-unix/X1";
const TERMINAL_WINDOW: &str = "anteroom-terminal";

/// Marks the moment, once.
pub(crate) async fn mark_painted(supervisor: Supervisor, timeline: Arc<Timeline>) {
    if supervisor.wait_ready(X_SERVER).await.is_err() {
        return;
    }
    match display::is_painted(Path::new(X_SOCKET), TERMINAL_WINDOW).await {
        Ok(()) => timeline.mark(mark::DESKTOP_PAINTED),
        Err(error) => tracing::warn!("nobody saw the desktop being painted: {}", console::chain(&error)),
    }
}
