//! The desktop's viewers: their offers are handed on to the stream role, which answers them.
//!
//! | call | |
//! |---|---|
//! | `PUT /stream/peers/{id}` | an offer; another one with the same id is an ICE restart |
//! | `DELETE /stream/peers/{id}` | the viewer has gone |
//! | `GET /stream/stats` | who looks, and how that goes |
//!
//! Nothing is kept here for a role that crashes: whoever was connected to it is not any more, and the host, which sees the
//! role's pipe break, asks again for those that were still waiting.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use tokio::time::timeout;

use super::{Control, Refusal, life::Use, sign_in::handed_on};
use crate::call::Peer;

const STREAM: &str = "stream";
/// How long a viewer that is early waits for a role that is still starting, or starting again.
const ROLE_PATIENCE: Duration = Duration::from_secs(8);

pub(super) fn router() -> Router<Control> {
    Router::new().route("/stream/peers/{id}", put(offer).delete(remove)).route("/stream/stats", get(stats))
}

async fn offer(
    State(control): State<Control>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let path = peer_path(&id)?;
    control.0.life.begin(Use::Viewer)?;
    ready(&control).await?;
    answered(Peer::stream().call(Method::PUT, &path, body).await)
}

async fn remove(Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    Peer::stream().call(Method::DELETE, &peer_path(&id)?, Bytes::new()).await.map_err(handed_on)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn stats() -> Result<Response, Refusal> {
    answered(Peer::stream().call(Method::GET, "/stats", Bytes::new()).await)
}

async fn ready(control: &Control) -> Result<(), Refusal> {
    match timeout(ROLE_PATIENCE, control.supervisor()?.wait_ready(STREAM)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Refusal::not_yet("the service stream is not ready")),
    }
}

fn answered(answer: Result<Bytes, crate::call::CallError>) -> Result<Response, Refusal> {
    let body = answer.map_err(handed_on)?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Ids are the host's own; what is in one must not become part of another path.
fn peer_path(id: &str) -> Result<String, Refusal> {
    let good =
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if good { Ok(format!("/peers/{id}")) } else { Err(Refusal::bad("this is no id of a peer")) }
}
