//! Who is at the other end of the Unix socket: told by the kernel (unix(7), SO_PEERCRED), not by the caller.

use axum::{
    extract::{ConnectInfo, FromRequestParts, connect_info::Connected},
    http::{StatusCode, request::Parts},
    serve::IncomingStream,
};
use tokio::net::UnixListener;

use crate::control::Refusal;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|credentials| credentials.uid()) }
    }
}

/// Proof that the caller is init: what it may ask for is the host's business.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Init;

impl<S: Sync> FromRequestParts<S> for Init {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match parts.extensions.get::<ConnectInfo<Caller>>() {
            Some(ConnectInfo(Caller { uid: Some(0) })) => Ok(Self),
            _ => Err(Refusal::new(StatusCode::FORBIDDEN, "this call is for PID 1 only")),
        }
    }
}
