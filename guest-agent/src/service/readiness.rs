//! Whether a service answers, asked in its own protocol.
//!
//! Each check waits for a sign that asking is worth while (a socket's file, a line in the log) and then asks. Only when
//! a sign is missed does the coarse interval matter.

use std::{io, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::{sleep, timeout},
};

use super::spec::Readiness;
use crate::{appear, display, process::LogRing};

/// How soon to ask again when the sign has come but the answer has not; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// How often to ask without any sign.
const COARSE: Duration = Duration::from_millis(500);
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until the service answers; without end, so the caller bounds it. `position` is the log's at the start.
///
/// # Cancel safety
/// Dropping it closes whatever it has open, and ends its thread.
pub(super) async fn answered(readiness: &Readiness, log: &LogRing, position: u64) {
    match readiness {
        Readiness::Started => {}
        // Its end is the answer, and that comes from the reaper.
        Readiness::Exit => std::future::pending().await,
        Readiness::X11 { socket, size: None } => by_socket(socket, || display::accepts(socket)).await,
        Readiness::X11 { socket, size: Some((width, height)) } => {
            by_socket(socket, || display::resize(socket, *width, *height)).await;
        }
        Readiness::WindowManager { socket } => {
            by_socket(socket, || display::has_window_manager(socket)).await
        }
        Readiness::Window { socket, class } => by_socket(socket, || display::has_window(socket, class)).await,
        Readiness::Dbus { socket } => by_socket(socket, || greet_bus(socket)).await,
        Readiness::Listening { socket } => {
            by_socket(socket, || async { UnixStream::connect(socket).await.map(drop) }).await
        }
        Readiness::Rfb { port, hint } => by_line(log, hint.as_deref(), position, || greet_rfb(*port)).await,
        Readiness::Http { port, path, status, hint } => {
            by_line(log, hint.as_deref(), position, || fetch(*port, path, *status)).await;
        }
    }
}

/// Asks as soon as the socket's file is there.
async fn by_socket<A, F, E>(socket: &Path, ask: A)
where
    A: Fn() -> F,
    F: Future<Output = Result<(), E>>,
{
    if appear::wait(socket).await.is_err() {
        sleep(COARSE).await;
    }
    // The file exists from bind(2) on, the listener only from listen(2).
    let mut pause = FIRST_PAUSE;
    while ask().await.is_err() {
        sleep(pause).await;
        pause = (pause * 2).min(COARSE);
    }
}

/// Asks as soon as the log says so, and now and then without.
async fn by_line<A, F>(log: &LogRing, hint: Option<&str>, position: u64, ask: A)
where
    A: Fn() -> F,
    F: Future<Output = io::Result<()>>,
{
    let mut hint = hint;
    loop {
        if let Some(text) = hint {
            if timeout(COARSE, log.wait_for(text, position)).await.is_ok() {
                hint = None;
            }
        } else {
            sleep(FIRST_PAUSE).await;
        }
        let mut pause = FIRST_PAUSE;
        while pause < COARSE {
            if timeout(PATIENCE, ask()).await.is_ok_and(|answer| answer.is_ok()) {
                return;
            }
            if hint.is_some() {
                break;
            }
            sleep(pause).await;
            pause *= 2;
        }
    }
}

/// D-Bus specification, "Authentication Protocol". That root is rejected is an answer as well.
async fn greet_bus(socket: &Path) -> io::Result<()> {
    let mut bus = UnixStream::connect(socket).await?;
    // "30" is "0", the uid, in hexadecimal.
    bus.write_all(b"\0AUTH EXTERNAL 30\r\n").await?;
    let mut answer = [0; 2];
    timeout(PATIENCE, bus.read_exact(&mut answer)).await??;
    if matches!(&answer, b"OK" | b"RE") { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// RFC 6143 section 7.1.1: the server speaks first.
async fn greet_rfb(port: u16) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut version = [0; 12];
    server.read_exact(&mut version).await?;
    if version.starts_with(b"RFB ") { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

async fn fetch(port: u16, path: &str, wanted: u16) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    server.write_all(request.as_bytes()).await?;
    // "HTTP/1.1 200": RFC 9112 section 4.
    let mut status = [0; 12];
    server.read_exact(&mut status).await?;
    let answered = status.strip_prefix(b"HTTP/1.").and_then(|rest| std::str::from_utf8(&rest[1..]).ok());
    let code = answered.and_then(|rest| rest.trim().parse().ok());
    if code == Some(wanted) { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests;
