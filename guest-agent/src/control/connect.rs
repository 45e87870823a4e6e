//! `GET /connect/{port}`: the bytes of a port on the guest's loopback, after an upgrade.

use std::{io, time::Duration};

use anteroom_protocol::agent::UPGRADE_TCP;
use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{Control, Refusal, upgrade};

/// How long a service may take that is started by the connection.
const WAKE_PATIENCE: Duration = Duration::from_secs(60);
/// A screen's worth of pixels comes in large pieces.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) async fn open(
    State(control): State<Control>,
    Path(port): Path<u16>,
    mut request: Request,
) -> Result<Response, Refusal> {
    upgrade::expect(&request, UPGRADE_TCP)?;
    if let Ok(supervisor) = control.supervisor() {
        let _ = timeout(WAKE_PATIENCE, supervisor.wake(port)).await;
    }
    let target = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| {
        Refusal::new(StatusCode::BAD_GATEWAY, format!("nothing answers on port {port} of the guest: {error}"))
    })?;
    // Key presses and mouse moves are small and urgent; without the option they wait for each other.
    let _ = target.set_nodelay(true);
    Ok(upgrade::take(&mut request, UPGRADE_TCP, |host| carry(host, target)))
}

/// Carries bytes both ways. The host may stop sending and still wait for an answer; when the guest's program is done,
/// everything is: vhost-device-vsock does not tell the host of a connection that is closed only halfway.
pub(super) async fn carry(host: impl AsyncRead + AsyncWrite, target: TcpStream) {
    let (from_host, to_host) = tokio::io::split(host);
    let (from_target, mut to_target) = target.into_split();
    let up = async {
        // Either side may hang up at any time; that is how such a connection ends.
        let _ = copy(from_host, &mut to_target).await;
        let _ = to_target.shutdown().await;
        std::future::pending::<()>().await;
    };
    let down = async {
        let _ = copy(from_target, to_host).await;
    };
    tokio::select! { () = up => {}, () = down => {} }
}

async fn copy(from: impl AsyncRead, to: impl AsyncWrite) -> io::Result<()> {
    let (from, mut to) = (std::pin::pin!(from), std::pin::pin!(to));
    let mut from = BufReader::with_capacity(BUFFER_BYTES, from);
    tokio::io::copy_buf(&mut from, &mut to).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, DuplexStream, duplex},
        net::TcpListener,
    };

    use super::*;

    async fn carried() -> (DuplexStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (host, near) = duplex(1024);
        tokio::spawn(carry(near, target));
        (host, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn the_answer_comes_although_the_host_has_stopped_sending() {
        let (mut host, mut program) = carried().await;
        host.write_all(b"question").await.unwrap();
        host.shutdown().await.unwrap();
        let mut question = String::new();
        program.read_to_string(&mut question).await.unwrap();
        program.write_all(b"answer").await.unwrap();
        drop(program);
        let mut answer = String::new();
        host.read_to_string(&mut answer).await.unwrap();
        assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
    }

    #[tokio::test]
    async fn everything_ends_with_the_program() {
        let (mut host, program) = carried().await;
        drop(program);
        assert_eq!(host.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(host.write_all(&[0; 4096]).await.is_err());
    }
}
