//! Ports of this machine behind which a program of the host's side is (`GET /reverse/{port}`).
//!
//! ```text
//!  host:  GET /reverse/8000, Upgrade: anteroom-reverse  ──▶
//!                                  ◀──  "8000\n"             it listens; for port 0 on this one
//!                                  ◀──  "7\n"                somebody has connected: number 7
//!  host:  GET /reverse/8000/7, Upgrade: tcp  ──▶ ◀──         the bytes of number 7
//! ```
//! It listens as long as the first stream lives.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anteroom_protocol::agent::{UPGRADE_REVERSE, UPGRADE_TCP};
use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{Control, Refusal, connect::carry, life::Use, upgrade};

/// Connections that the host has not taken yet, on all ports.
const MOST_WAITING: usize = 256;
/// How long the host may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who has connected and was not taken yet, by port and number.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    connections: Mutex<BTreeMap<(u16, u64), TcpStream>>,
    last: AtomicU64,
}

impl Waiting {
    fn connections(&self) -> MutexGuard<'_, BTreeMap<(u16, u64), TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its number; nothing when too many wait, and it is hung up on.
    fn add(&self, port: u16, stream: TcpStream) -> Option<u64> {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let mut connections = self.connections();
        if connections.len() == MOST_WAITING {
            return None;
        }
        connections.insert((port, number), stream);
        Some(number)
    }
}

/// `GET /reverse/{port}`
pub(super) async fn listen(
    State(control): State<Control>,
    Path(port): Path<u16>,
    mut request: Request,
) -> Result<Response, Refusal> {
    upgrade::expect(&request, UPGRADE_REVERSE)?;
    control.0.life.begin(Use::Program)?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        Refusal::conflict(format!("nobody can listen on port {port} of the guest: {error}"))
    })?;
    let waiting = Arc::clone(&control.0.reverse);
    Ok(upgrade::take(&mut request, UPGRADE_REVERSE, async move |host| {
        if let Err(error) = serve(host, &listener, &waiting).await {
            tracing::debug!("nobody listens on port {port} any more: {error}");
        }
        waiting.connections().retain(|(of, _), _| *of != port);
    }))
}

async fn serve(
    host: impl AsyncRead + AsyncWrite,
    listener: &TcpListener,
    waiting: &Arc<Waiting>,
) -> io::Result<()> {
    let (mut from_host, mut to_host) = tokio::io::split(host);
    let port = listener.local_addr()?.port();
    let tell = async {
        say(&mut to_host, port.into()).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let _ = stream.set_nodelay(true);
            let Some(number) = waiting.add(port, stream) else { continue };
            say(&mut to_host, number).await?;
            let waiting = Arc::clone(waiting);
            tokio::spawn(async move {
                sleep(PATIENCE).await;
                waiting.connections().remove(&(port, number));
            });
        }
    };
    // The host has nothing to say but that it has had enough.
    let end = async { from_host.read_u8().await.map(drop) };
    tokio::select! { told = tell => told, ended = end => ended }
}

async fn say(host: &mut (impl AsyncWrite + Unpin), number: u64) -> io::Result<()> {
    host.write_all(format!("{number}\n").as_bytes()).await?;
    host.flush().await
}

/// `GET /reverse/{port}/{number}`
pub(super) async fn take(
    State(control): State<Control>,
    Path((port, number)): Path<(u16, u64)>,
    mut request: Request,
) -> Result<Response, Refusal> {
    upgrade::expect(&request, UPGRADE_TCP)?;
    let taken = control.0.reverse.connections().remove(&(port, number));
    let stream = taken.ok_or_else(|| {
        Refusal::new(StatusCode::GONE, format!("connection {number} does not wait any more"))
    })?;
    Ok(upgrade::take(&mut request, UPGRADE_TCP, |host| carry(host, stream)))
}
