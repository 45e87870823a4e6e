//! VMs that are programs: a sleeper with an agent that answers, or one that floods its console and its events.

use std::path::{Path, PathBuf};

use anteroom::vmm::{AgentAddress, Capabilities, LaunchError, Vm, VmSpec, Vmm};
use anteroom_protocol::{ProtocolVersion, VmId, agent::Hello, ports::HOST_KNOCK};
use async_trait::async_trait;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::Query,
    http::StatusCode,
    routing::{get, post, put},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};
use tokio_util::task::AbortOnDropHandle;

use crate::part::asleep::{self, Asleep};

const SLEEP: &str = "/bin/sleep";
/// Says `y` for ever.
const YES: &str = "/usr/bin/yes";

#[derive(Debug)]
pub(super) struct Sleepers {
    /// As long as this file is there, guests that are launched flood.
    pub(super) flooding: PathBuf,
}

#[async_trait]
impl Vmm for Sleepers {
    fn capabilities(&self) -> Capabilities {
        asleep::capabilities()
    }

    fn agent_address(&self, directory: &Path) -> AgentAddress {
        AgentAddress { directory: directory.to_owned(), socket: "v.sock".into() }
    }

    async fn launch(&self, spec: &VmSpec) -> Result<Box<dyn Vm>, LaunchError> {
        let floods = self.flooding.exists();
        let (program, arguments): (_, &[_]) = if floods { (YES, &[]) } else { (SLEEP, &["36000"]) };
        let mut vm = Asleep::start(program, arguments, spec).await?;
        let socket = spec.directory.join("v.sock");
        let listener = UnixListener::bind(socket)
            .map_err(|source| LaunchError::Start { program: "agent".into(), source })?;
        vm.agent = Some(AbortOnDropHandle::new(tokio::spawn(serve(listener, agent(spec.id, floods)))));
        let knock = self.agent_address(&spec.directory).host_socket(HOST_KNOCK);
        drop(UnixStream::connect(spec.directory.join(knock)).await);
        Ok(Box::new(vm))
    }
}

fn agent(vm: VmId, floods: bool) -> Router {
    let hello = Hello {
        protocol: ProtocolVersion::CURRENT,
        agent_version: "sleeper".into(),
        vm: Some(vm),
        boot_id: String::new(),
        uptime_ns: 1,
    };
    let events = move |Query(query): Query<Vec<(String, u64)>>| async move {
        events(query.first().map_or(0, |(_, after)| *after), floods)
    };
    Router::new()
        .route("/hello", get(|| async { Json(hello) }))
        .route("/clock", put(|| async { StatusCode::NO_CONTENT }))
        .route("/events", get(events))
        .route("/events/ack", post(|| async { StatusCode::NO_CONTENT }))
        .route("/sign-in", post(|| async { StatusCode::ACCEPTED }))
}

/// The desktop stands at once; then nothing, or marks without end.
fn events(after: u64, floods: bool) -> Body {
    let events = futures_util::stream::unfold(after, move |told| async move {
        let number = told + 1;
        let event = match number {
            1 => r#"{"type":"desktop_ready","number":1,"uptime_ns":1}"#.to_owned(),
            _ if floods => {
                let name = "m".repeat(200);
                format!(r#"{{"type":"mark","name":"{name}{number}","number":{number},"uptime_ns":{number}}}"#)
            }
            _ => std::future::pending().await,
        };
        Some((Ok::<_, std::io::Error>(Bytes::from(event + "\n")), number))
    });
    Body::from_stream(events)
}

async fn serve(listener: UnixListener, app: Router) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, app.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(mut stream: UnixStream, app: Router) {
    let mut line = [0; 13];
    let asked = stream.read_exact(&mut line).await.is_ok() && &line == b"CONNECT 1024\n";
    if !asked || stream.write_all(b"OK 1\n").await.is_err() {
        return;
    }
    let http = hyper::server::conn::http1::Builder::new();
    let _ = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).await;
}
