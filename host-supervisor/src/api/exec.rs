//! Ways into a VM that are streams: programs, and ports of its loopback.
//!
//! ```text
//!  command line ══HTTP upgrade, or WebSocket of a page══ daemon ══HTTP upgrade over vsock══ agent ══ program, or port
//! ```
//! The daemon keeps nothing of them: whoever comes again, to this daemon or to the next one, goes on with the program that the
//! guest has kept. It reads the first frame only, to write down who ran what.

use std::{io, sync::Arc};

use anteroom_protocol::{
    VmId,
    agent::{UPGRADE_REVERSE, UPGRADE_TCP},
    exec::{FIRST_HEADER, Frame, MAX_FIRST_BYTES, UPGRADE_EXEC},
};
use axum::{
    Json,
    extract::{
        FromRequestParts, Path, Request, WebSocketUpgrade,
        rejection::PathRejection,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONNECTION, UPGRADE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex};

use super::{
    Api,
    audit::Trail,
    body::InPath,
    error::ApiError,
    seen::Acting,
    tenant::{Tenant, of_somebody},
    websocket,
};
use crate::vm::Visit;

/// On its way in one direction, in bytes.
const CHUNK_BYTES: usize = 128 * 1024;

/// `GET /api/vms/{id}/exec`
pub(super) async fn open(
    WayIn { vm, tenant, agent }: WayIn,
    trail: Trail,
    websocket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    mut request: Request,
) -> Result<Response, ApiError> {
    if websocket.is_err() {
        expect(&request, UPGRADE_EXEC)?;
    }
    let mut first = first_frames(request.headers())?;
    if !first.is_empty() {
        note_first(&mut tokio::io::empty(), &mut first, vm, &trail).await.map_err(|_| no_frames())?;
    }
    let taken = !first.is_empty();
    let guest = agent.exec(first.freeze()).await?;
    if let Ok(upgrade) = websocket {
        let serve = async move |socket| {
            in_websocket(socket, guest, vm, tenant, trail).await;
            drop(agent);
        };
        return Ok(websocket::bounded(upgrade).on_upgrade(serve));
    }
    let mut response = upgraded(&mut request, UPGRADE_EXEC, move |mut caller| async move {
        let mut first = BytesMut::new();
        if !taken {
            note_first(&mut caller, &mut first, vm, &trail).await?;
        }
        let carried = carry(caller, guest, &first, &tenant).await;
        drop(agent);
        carried
    });
    if taken {
        response.headers_mut().insert(FIRST_HEADER, HeaderValue::from_static("taken"));
    }
    Ok(response)
}

/// Those that came with the call; none, when it has none.
fn first_frames(headers: &HeaderMap) -> Result<BytesMut, ApiError> {
    let Some(header) = headers.get(FIRST_HEADER) else { return Ok(BytesMut::new()) };
    let bytes = BASE64_STANDARD.decode(header.as_bytes()).map_err(|_| no_frames())?;
    if (1..=MAX_FIRST_BYTES).contains(&bytes.len()) {
        Ok(BytesMut::from(&bytes[..]))
    } else {
        Err(no_frames())
    }
}

fn no_frames() -> ApiError {
    let message =
        format!("{FIRST_HEADER} is no whole frame in base64, or has more than {MAX_FIRST_BYTES} bytes");
    ApiError::bad_request("invalid_frames", message)
}

/// The same stream in binary messages, for a page; how it is cut into messages means nothing.
async fn in_websocket(
    socket: WebSocket,
    guest: impl AsyncRead + AsyncWrite + Send + 'static,
    vm: VmId,
    tenant: Tenant,
    trail: Trail,
) {
    let (near, mut far) = duplex(websocket::CHUNK_BYTES);
    let (to_page, mut from_page) = socket.split();
    let (from_program, mut to_program) = tokio::io::split(near);
    tokio::spawn({
        let tenant = tenant.clone();
        async move {
            let mut first = BytesMut::new();
            note_first(&mut far, &mut first, vm, &trail).await?;
            carry(far, guest, &first, &tenant).await
        }
    });
    let obey = async {
        while let Some(Ok(message)) = from_page.next().await {
            match message {
                Message::Binary(bytes) if to_program.write_all(&bytes).await.is_ok() => {}
                Message::Ping(_) | Message::Pong(_) => {}
                _ => return,
            }
        }
    };
    tokio::select! {
        () = websocket::tell(from_program, to_page, tenant.over(), "the VM has hung up") => {}
        () = obey => {}
    }
}

/// `GET /api/vms/{id}/programs`
pub(super) async fn list(WayIn { agent, .. }: WayIn) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "programs": agent.programs().await? })))
}

/// `GET /api/vms/{id}/ports/{port}`
pub(super) async fn forward(
    WayIn { vm, tenant, agent }: WayIn,
    port: Result<Path<(String, u16)>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    expect(&request, UPGRADE_TCP)?;
    let Ok(Path((_, port @ 1..))) = port else { return Err(no_port()) };
    let guest = agent.connect(port).await?;
    tracing::info!(%vm, %tenant, port, "a port is forwarded");
    Ok(carried(request, UPGRADE_TCP, guest, tenant, agent))
}

/// `GET /api/vms/{id}/reverse/{port}`
pub(super) async fn listen(
    WayIn { vm, tenant, agent }: WayIn,
    port: Result<Path<(String, u16)>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    expect(&request, UPGRADE_REVERSE)?;
    let Ok(Path((_, port))) = port else { return Err(no_port()) };
    let guest = agent.listen(port).await?;
    tracing::info!(%vm, %tenant, port, "a port of the VM leads out of it");
    Ok(carried(request, UPGRADE_REVERSE, guest, tenant, agent))
}

/// `GET /api/vms/{id}/reverse/{port}/{number}`
pub(super) async fn accept(
    WayIn { tenant, agent, .. }: WayIn,
    place: Result<Path<(String, u16, u64)>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    expect(&request, UPGRADE_TCP)?;
    let Ok(Path((_, port, number))) = place else { return Err(no_port()) };
    let guest = agent.accept(port, number).await?;
    Ok(carried(request, UPGRADE_TCP, guest, tenant, agent))
}

fn no_port() -> ApiError {
    ApiError::bad_request("invalid_port", "a port is a number from 1 to 65535")
}

/// The answer after which the caller has the guest's stream.
fn carried(
    mut request: Request,
    protocol: &'static str,
    guest: impl AsyncRead + AsyncWrite + Send + 'static,
    tenant: Tenant,
    visit: Visit,
) -> Response {
    upgraded(&mut request, protocol, |caller| async move {
        let carried = carry(caller, guest, &[], &tenant).await;
        drop(visit);
        carried
    })
}

fn expect(request: &Request, protocol: &str) -> Result<(), ApiError> {
    if request.headers().get(UPGRADE).is_some_and(|value| value == protocol) {
        return Ok(());
    }
    let message = format!("this address wants the header `Upgrade: {protocol}`");
    Err(ApiError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message))
}

/// The VM in the path, which belongs to somebody in whose name the caller may act. One that waits in the pool is nobody's, and
/// must stay as it is until it is.
#[derive(Debug)]
pub(super) struct WayIn {
    pub(super) vm: VmId,
    pub(super) tenant: Tenant,
    /// The VM does not hibernate as long as it is held.
    pub(super) agent: Visit,
}

impl FromRequestParts<Arc<Api>> for WayIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let InPath(vm) = InPath::<VmId>::from_request_parts(parts, api).await?;
        let acting = Acting::from_request_parts(parts, api).await?;
        let (handle, tenant) = of_somebody(api, vm, &acting).await?;
        let agent = handle.visit().await?;
        Ok(Self { vm, tenant, agent })
    }
}

/// The answer; when it is sent, `serve` gets the connection.
fn upgraded<F>(
    request: &mut Request,
    protocol: &'static str,
    serve: impl FnOnce(TokioIo<Upgraded>) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = io::Result<()>> + Send,
{
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let served = match upgrade.await {
            Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
            Err(error) => Err(io::Error::other(error)),
        };
        if let Err(error) = served {
            tracing::debug!("a stream of {protocol} has ended: {error}");
        }
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(CONNECTION, "upgrade"), (UPGRADE, protocol)]).into_response()
}

/// Reads until the first frame is whole, and writes down what it asks for; without arguments, which may hold secrets.
async fn note_first(
    caller: &mut (impl AsyncRead + Unpin),
    bytes: &mut BytesMut,
    vm: VmId,
    trail: &Trail,
) -> io::Result<()> {
    loop {
        match Frame::read(&mut bytes.clone()) {
            Ok(None) => {}
            Ok(Some(Frame::Start(spec))) => {
                let user = spec.user.as_deref().map(|user| format!(" as {user}")).unwrap_or_default();
                let terminal = if spec.terminal.is_some() { " in a terminal" } else { "" };
                tracing::info!(%vm, program = spec.program(), "a program is run");
                trail
                    .note(StatusCode::SWITCHING_PROTOCOLS, format!("runs {}{user}{terminal}", spec.program()))
                    .await;
                return Ok(());
            }
            Ok(Some(Frame::Attach { .. })) => {
                trail.note(StatusCode::SWITCHING_PROTOCOLS, "goes on with a program".to_owned()).await;
                return Ok(());
            }
            // The agent has the words for it.
            Ok(Some(_)) | Err(_) => return Ok(()),
        }
        if caller.read_buf(bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Carries bytes both ways until the guest's end; each direction waits for its receiver before it reads on.
async fn carry(
    caller: impl AsyncRead + AsyncWrite,
    guest: impl AsyncRead + AsyncWrite,
    first: &[u8],
    tenant: &Tenant,
) -> io::Result<()> {
    let (from_caller, to_caller) = tokio::io::split(caller);
    let (from_guest, mut to_guest) = tokio::io::split(guest);
    to_guest.write_all(first).await?;
    to_guest.flush().await?;
    let up = async {
        copy(from_caller, &mut to_guest, || tenant.touch()).await?;
        // Whoever has said everything may still wait for the answer; the guest's end is the end of both.
        to_guest.shutdown().await?;
        std::future::pending::<io::Result<()>>().await
    };
    let down = copy(from_guest, to_caller, || {});
    tokio::select! { up = up => up, down = down => down }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: impl Fn(),
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        moved();
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
    }
}
