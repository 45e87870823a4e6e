//! What stands for a guest here: the vsock device's side of the handshake, and an HTTP server behind it.

use std::{
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use anteroom_protocol::ports::HOST_KNOCK;
use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse as _, routing::get};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

use crate::{agent::AgentClient, vmm::AgentAddress};

/// How a guest treats a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    Serves,
    ClosesAtOnce,
    SaysNothing,
    Says(&'static [u8]),
    SaysNothingAfterOk,
}

pub(super) struct Guest {
    _scratch: tempfile::TempDir,
    directory: PathBuf,
}

impl Guest {
    pub(super) fn serving(app: Router) -> Self {
        Self::behaving(Manner::Serves, app)
    }

    pub(super) fn behaving(manner: Manner, app: Router) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().to_owned();
        Self::at(scratch, directory, manner, app)
    }

    pub(super) fn deep(app: Router) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&directory).unwrap();
        Self::at(scratch, directory, Manner::Serves, app)
    }

    fn at(scratch: tempfile::TempDir, directory: PathBuf, manner: Manner, app: Router) -> Self {
        // Bound in the short directory, then moved: binding has the same limit as connecting.
        let short = scratch.path().join("bound.sock");
        let listener = UnixListener::bind(&short).unwrap();
        std::fs::rename(&short, directory.join("v.sock")).unwrap();
        tokio::spawn(accept(listener, manner, app));
        Self { _scratch: scratch, directory }
    }

    pub(super) fn address(&self) -> AgentAddress {
        AgentAddress { directory: Path::new(&self.directory).to_owned(), socket: "v.sock".to_owned() }
    }

    pub(super) fn client(&self) -> AgentClient {
        AgentClient::new(&self.address()).unwrap()
    }
}

/// The agent's first sign of life. Nobody may care.
pub(crate) async fn knock(address: &AgentAddress) {
    let directory = std::fs::File::open(&address.directory).unwrap();
    let short = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let _ = UnixStream::connect(Path::new(&short).join(address.host_socket(HOST_KNOCK))).await;
}

/// A guest whose agent is this application; ends never.
pub(crate) async fn serve(listener: UnixListener, app: Router) {
    accept(listener, Manner::Serves, app).await;
}

async fn accept(listener: UnixListener, manner: Manner, app: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(treat(stream, manner, app.clone()));
    }
}

async fn treat(mut stream: UnixStream, manner: Manner, app: Router) {
    let mut line = [0; 13];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"CONNECT 1024\n");
    match manner {
        Manner::ClosesAtOnce => return,
        Manner::Says(words) => stream.write_all(words).await.unwrap(),
        Manner::SaysNothing => {}
        Manner::Serves | Manner::SaysNothingAfterOk => {
            // Whatever has been sent before the OK would have been lost.
            let early = stream.try_read(&mut [0; 1]).unwrap_err();
            assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "bytes before the OK");
            stream.write_all(b"OK 1024\n").await.unwrap();
        }
    }
    if let Manner::Serves = manner {
        let served = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
            .with_upgrades();
        // A client that hangs up is no failure of the test.
        let _ = served.await;
    } else {
        std::future::pending().await
    }
}

/// `GET /connect/{port}` that gives every byte back.
pub(super) fn echoing_connect() -> Router {
    let connect = |request: Request| async {
        assert_eq!(request.headers()["upgrade"], "tcp");
        tokio::spawn(async {
            let upgraded = hyper::upgrade::on(request).await.unwrap();
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "tcp")]).into_response()
    };
    Router::new().route("/connect/{port}", get(connect))
}
