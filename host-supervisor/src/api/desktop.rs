//! The desktop in a browser: the pages, and the RFB stream that a page's WebSocket carries (RFC 6143 over RFC 6455).
//!
//! ```text
//!  page ══WebSocket══ daemon ══HTTP upgrade over vsock══ agent ══ x11vnc on the guest's loopback
//! ```
//! The daemon understands none of the bytes where a viewer may do everything; else [`sieve`] leaves out what it may not. Each direction waits for its receiver before it reads on, so a slow
//! viewer holds up its own stream only and nothing piles up here.

mod sieve;

use std::sync::Arc;

use anteroom_protocol::ports::GUEST_VNC;
use axum::{
    extract::{
        Path, RawQuery, State, WebSocketUpgrade,
        rejection::PathRejection,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, stream::SplitStream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use self::sieve::{Permits, Sieve};
use super::{Api, access::OnlyLooks, error::ApiError, seen::Seen, webrtc::wants_to_look, websocket};
use crate::{
    page::{self, Page},
    session::SessionHandle,
};

pub(super) async fn start_page(headers: HeaderMap) -> Response {
    page::page(Page::Start, &[], &headers)
}

/// For operators and developers; which place of it is shown, the page finds in its address.
pub(super) async fn console_page(headers: HeaderMap) -> Response {
    page::page(Page::Console, &[], &headers)
}

/// In a frame only with the session's token in its address: then it needs no cookie, and does no more than the token allows.
pub(super) async fn session_page(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let session = id.ok().and_then(|Path(id)| id.parse().ok());
    let opened = session.is_some_and(|session| api.access.opened_by(query.as_deref(), session));
    let settings = api.settings.now();
    let ancestors = if opened { &settings.frame_ancestors[..] } else { &[] };
    page::page(Page::Session, ancestors, &headers)
}

/// Says nothing about the session, either; what it asks for then needs the key or the cookie.
pub(super) async fn terminal_page(headers: HeaderMap) -> Response {
    page::page(Page::Terminal, &[], &headers)
}

/// The page itself says nothing about the session; what it asks for then needs the token of its address.
pub(super) async fn desktop_page(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    page::page(Page::Desktop, &api.settings.now().frame_ancestors, &headers)
}

pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let missing = || ApiError::not_found("not_found", "there is nothing at this address").into_response();
    page::asset(&name, &headers).unwrap_or_else(missing)
}

pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    seen: Seen,
    OnlyLooks(only_looks): OnlyLooks,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let session = seen.still_going()?.clone();
    let looks = only_looks || wants_to_look(query.as_deref());
    let permits = Permits { input: !looks, clipboard: !looks && api.settings.now().clipboard.to_desktop };
    let upgrade = upgrade
        .map_err(|_| ApiError::bad_request("not_a_websocket", "this address takes WebSockets only"))?;
    let viewer = session.admit_viewer().ok_or_else(|| {
        ApiError::too_many("viewer_limit", "too many viewers are looking at this desktop", 10)
    })?;
    let not_yet = || ApiError::not_yet("vm_not_ready", "the desktop is not there yet");
    let vm = session.vm().visit().await?;
    let guest = vm
        .connect(GUEST_VNC)
        .await
        .map_err(|error| if error.status().is_some() { not_yet() } else { error.into() })?;
    Ok(websocket::bounded(upgrade.protocols(["binary"])).on_upgrade(move |socket| async move {
        carry(socket, guest, &session, permits).await;
        drop((viewer, vm));
    }))
}

/// Carries bytes until either side ends.
async fn carry(
    socket: WebSocket,
    guest: impl AsyncRead + AsyncWrite + Send,
    session: &SessionHandle,
    permits: Permits,
) {
    let (to_viewer, from_viewer) = socket.split();
    let (from_guest, to_guest) = tokio::io::split(guest);
    tokio::select! {
        () = websocket::tell(from_guest, to_viewer, session.over(), "the desktop is gone") => {}
        () = obey(from_viewer, to_guest, session, permits) => {}
    }
}

/// From the viewer to the guest.
async fn obey(
    mut viewer: SplitStream<WebSocket>,
    mut guest: impl AsyncWrite + Unpin,
    session: &SessionHandle,
    permits: Permits,
) {
    let mut sieve = (!permits.everything()).then(|| Sieve::new(permits));
    while let Some(Ok(message)) = viewer.next().await {
        match message {
            Message::Binary(bytes) => {
                if permits.input {
                    session.touch();
                }
                let bytes = match sieve.as_mut().map(|sieve| sieve.pass(&bytes)) {
                    None => bytes,
                    Some(Ok(passed)) => passed.freeze(),
                    Some(Err(error)) => {
                        tracing::debug!(session = %session.id(), "a viewer's RFB stream ends: {error}");
                        return;
                    }
                };
                if guest.write_all(&bytes).await.is_err() || guest.flush().await.is_err() {
                    return;
                }
            }
            Message::Ping(_) | Message::Pong(_) => {}
            // RFB is binary.
            Message::Text(_) | Message::Close(_) => return,
        }
    }
}
