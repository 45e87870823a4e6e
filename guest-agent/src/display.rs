//! The X display as the agent sees it: whether it accepts clients, whether a window manager and a window are there,
//! and whether that window has really been drawn.
//!
//! The client is blocking, so each observation runs on a thread of its own; dropping the observation hangs up its
//! connection, which ends the thread. An X server that stops answering thus stops nothing here.

mod paint;
pub(crate) mod size;
#[cfg(test)]
mod tests;
mod window;

use std::{io, net::Shutdown, os::unix::net::UnixStream, path::Path};

use x11rb::{
    connection::Connection as _,
    errors::{ConnectError, ConnectionError, ReplyError},
    protocol::xproto::Window,
    rust_connection::{DefaultStream, RustConnection},
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum DisplayError {
    #[error("the X server cannot be reached")]
    Unreachable(#[from] io::Error),
    #[error("the X server refuses the connection")]
    Refused(#[from] ConnectError),
    #[error("the connection to the X server is lost")]
    Lost(#[from] ConnectionError),
    #[error("the X server refuses a request")]
    Reply(#[from] ReplyError),
    #[error("the X server has no output to give a size to")]
    NoOutput,
    #[error("the X server does not take this size")]
    NoSuchSize,
}

/// One connection, and the root window of its only screen.
struct Screen {
    connection: RustConnection,
    root: Window,
}

/// Whether the display behind this socket accepts a client.
pub(crate) async fn accepts(socket: &Path) -> Result<(), DisplayError> {
    observe(socket, |_| Ok(())).await
}

/// Gives the screen a size, in pixels.
pub(crate) async fn resize(socket: &Path, width: u16, height: u16) -> Result<(), DisplayError> {
    observe(socket, move |screen| size::set(&screen.connection, screen.root, width.into(), height.into()))
        .await
}

/// Waits for a window manager.
pub(crate) async fn has_window_manager(socket: &Path) -> Result<(), DisplayError> {
    observe(socket, |screen| screen.wait_for_window_manager()).await
}

/// Waits for a window whose class or instance is `class` to be on the screen.
pub(crate) async fn has_window(socket: &Path, class: &str) -> Result<(), DisplayError> {
    let class = class.to_owned();
    observe(socket, move |screen| screen.wait_for_window(&class).map(drop)).await
}

/// Waits until that window shows more than its background and a cursor.
pub(crate) async fn is_painted(socket: &Path, class: &str) -> Result<(), DisplayError> {
    let class = class.to_owned();
    observe(socket, move |screen| {
        let window = screen.wait_for_window(&class)?;
        screen.wait_for_paint(window)
    })
    .await
}

async fn observe(
    socket: &Path,
    work: impl FnOnce(&Screen) -> Result<(), DisplayError> + Send + 'static,
) -> Result<(), DisplayError> {
    // A connect to a local socket answers at once: with a place in the queue, or with an error.
    let stream = UnixStream::connect(socket)?;
    let _hang_up = HangUp(stream.try_clone()?);
    let thread = tokio::task::spawn_blocking(move || {
        let (stream, _) = DefaultStream::from_unix_stream(stream)?;
        let connection = RustConnection::connect_to_stream(stream, 0)?;
        let root = connection.setup().roots.first().map_or(x11rb::NONE, |screen| screen.root);
        work(&Screen { connection, root })
    });
    thread.await.unwrap_or(Err(DisplayError::Lost(ConnectionError::UnknownError)))
}

/// Ends the conversation when the observer is gone.
struct HangUp(UnixStream);

impl Drop for HangUp {
    fn drop(&mut self) {
        // An error means that the other side was faster.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
