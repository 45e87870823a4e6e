//! The calls of PID 1, on the Unix socket: `PUT /peers/{id}`, `DELETE /peers/{id}`, `GET /stats`, as in the control API.

use std::io;

use anteroom_protocol::stream::{MAX_SDP_BYTES, PeerAnswer, PeerOffer, StreamStats};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    middleware,
    routing::{get, put},
};
use tokio::{net::UnixListener, sync::oneshot};

use super::{
    Wire,
    peer::{self, PeerError},
    room::Ask,
    source::{Hands, Pictures},
};
use crate::{
    caller::{Caller, Init},
    control::{Refusal, in_json},
};

/// An offer in JSON, in which every character may be escaped.
const MAX_BODY_BYTES: usize = 2 * MAX_SDP_BYTES + 1024;

/// Answers until the socket breaks.
pub(in crate::stream) async fn serve<P: Pictures, H: Hands>(
    wire: Wire<P, H>,
    socket: UnixListener,
) -> io::Result<()> {
    let app = Router::new()
        .route("/peers/{id}", put(offer::<P, H>).delete(remove::<P, H>))
        .route("/stats", get(stats::<P, H>))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(in_json))
        .with_state(wire);
    axum::serve(socket, app.into_make_service_with_connect_info::<Caller>()).await
}

async fn offer<P: Pictures, H: Hands>(
    _: Init,
    State(wire): State<Wire<P, H>>,
    Path(id): Path<String>,
    Json(offer): Json<PeerOffer>,
) -> Result<Json<PeerAnswer>, Refusal> {
    wire.answer(&id, offer).await.map(Json).map_err(refusal)
}

async fn remove<P: Pictures, H: Hands>(
    _: Init,
    State(wire): State<Wire<P, H>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    if wire.0.room.remove(&id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::unknown("there is no such peer"))
    }
}

async fn stats<P: Pictures, H: Hands>(_: Init, State(wire): State<Wire<P, H>>) -> Json<StreamStats> {
    Json(wire.0.room.stats())
}

impl<P: Pictures, H: Hands> Wire<P, H> {
    /// Answers an offer: of a new peer, or of one that is there for an ICE restart.
    pub(super) async fn answer(&self, id: &str, offer: PeerOffer) -> Result<PeerAnswer, PeerError> {
        let (answer, answered) = oneshot::channel();
        match self.0.room.find(id) {
            Some(asks) => {
                asks.send(Ask::Offer { offer, answer }).await.map_err(|_| PeerError::Ended)?;
            }
            None => {
                let seated = self.0.room.seat(id, &offer)?;
                tokio::spawn(peer::run(self.clone(), seated, offer, answer));
            }
        }
        let sdp = answered.await.map_err(|_| PeerError::Ended)??;
        Ok(PeerAnswer { sdp })
    }
}

fn refusal(error: PeerError) -> Refusal {
    let status = match &error {
        PeerError::Offer(_) | PeerError::NotUnderstood => StatusCode::BAD_REQUEST,
        PeerError::Full(_) => StatusCode::CONFLICT,
        PeerError::Ended => StatusCode::GONE,
        PeerError::NoSecrets(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refusal::new(status, error.to_string())
}
