//! The page's calls for the desktop over WebRTC: it offers, asks for the answer again and again, and trickles.
//!
//! The guest's agent is of the lite kind (RFC 8445 section 2.5), which needs no candidates of the viewer: those that come,
//! `.local` names of mDNS among them, are taken note of and left at that. Ours are known from the start and stand in the
//! answer.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::{SessionId, stream::PeerRole};
use axum::{Json, extract::State};
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Api,
    access::OnlyLooks,
    body::{InQuery, Strict},
    error::ApiError,
    seen::{Acting, Seen},
    words::Done,
};
use crate::{
    media::{
        AnswerState, Direction, OfferError, PeerId,
        sdp::{MAX_CANDIDATE_BYTES, MAX_CANDIDATES, Offer, SdpError},
    },
    session::SessionHandle,
};

/// `RTCSessionDescription`
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SessionDescription")]
pub(super) struct Description {
    #[serde(rename = "type")]
    kind: String,
    sdp: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Offered {
    offer: Description,
    #[serde(default)]
    candidates: Vec<Value>,
    /// Ours beyond the original: `viewer` only looks.
    #[schemars(with = "Option<String>")]
    #[serde(default)]
    role: PeerRole,
}

/// `RTCIceCandidate`, as its `toJSON` makes it; some pages wrap it once more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trickled {
    candidate: Value,
}

/// Of which viewer; the page's when it is not said.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Which {
    peer: Option<String>,
    /// Milliseconds since 1970.
    since: Option<i64>,
}

impl Description {
    pub(super) fn into_offer(self) -> Result<Offer, ApiError> {
        if self.kind != "offer" {
            return Err(ApiError::bad_request("invalid_offer", "the description must be of the type offer"));
        }
        Ok(Offer::parse(&self.sdp)?)
    }
}

pub(super) async fn offer(
    State(api): State<Arc<Api>>,
    seen: Seen,
    OnlyLooks(only_looks): OnlyLooks,
    Strict(body): Strict<Offered>,
) -> Result<Json<Value>, ApiError> {
    let session = seen.still_going()?;
    if body.candidates.len() > MAX_CANDIDATES {
        return Err(SdpError::TooManyCandidates.into());
    }
    let offer = body.offer.into_offer()?;
    // Whoever only looks takes nobody's place.
    let (role, whose) =
        if only_looks { (PeerRole::Viewer, Direction::Own) } else { (body.role, Direction::Page) };
    let peer = api.media.signalling.offer(session, offer, role, whose).await?;
    session.touch();
    Ok(Json(json!({ "success": true, "peer": peer })))
}

/// Hands an offer on that came with the request for the session. A viewer that cannot be shown pictures has noVNC.
pub(super) async fn offer_at_start(api: &Api, session: &SessionHandle, offer: Offer) {
    if let Err(error) =
        api.media.signalling.offer(session, offer, PeerRole::Controller, Direction::Page).await
    {
        tracing::warn!(session = %session.id(), "the offer that came with the request is not answered: {error}");
    }
}

pub(super) async fn answer(
    State(api): State<Arc<Api>>,
    seen: Seen,
    only_looks: OnlyLooks,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Value>, ApiError> {
    let id = seen.still_going()?.id();
    let signalling = &api.media.signalling;
    let retry = |error: &str| Ok(Json(json!({ "retry": true, "error": error })));
    let Some(peer) = which.of(&api, id, only_looks)? else { return retry("there is no offer to answer") };
    match signalling.answer(id, &peer, Duration::ZERO).await? {
        AnswerState::Waiting => retry("the desktop has not answered yet"),
        AnswerState::Ready { answer, .. } => {
            let candidates: Vec<Value> = answer.candidates.iter().map(|line| candidate(line)).collect();
            let description = json!({ "type": "answer", "sdp": answer.sdp });
            Ok(Json(json!({ "answer": description, "candidates": candidates, "peer": peer })))
        }
        AnswerState::Refused(reason) => Err(ApiError::bad_request("offer_refused", reason)),
        AnswerState::Gone => {
            Err(ApiError::gone("stream_restarted", "the desktop's stream has been restarted: offer again"))
        }
    }
}

pub(super) async fn trickle(seen: Seen, Strict(body): Strict<Trickled>) -> Result<Json<Done>, ApiError> {
    seen.still_going()?.touch();
    let text = match &body.candidate {
        Value::Object(inner) => inner.get("candidate").unwrap_or(&Value::Null),
        plain => plain,
    };
    // The empty text and null mean that there are no more.
    let good = text.is_null() || text.as_str().is_some_and(|text| text.len() <= MAX_CANDIDATE_BYTES);
    if good {
        return Ok(Done::json());
    }
    let message = format!("a candidate is a text of at most {MAX_CANDIDATE_BYTES} bytes");
    Err(ApiError::bad_request("invalid_candidate", message))
}

pub(super) async fn our_candidates(
    State(api): State<Arc<Api>>,
    seen: Seen,
    only_looks: OnlyLooks,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Value>, ApiError> {
    let id = seen.still_going()?.id();
    let none = Json(json!({ "candidates": [] }));
    let Some(peer) = which.of(&api, id, only_looks)? else { return Ok(none) };
    let Some((answer, at)) = api.media.signalling.answered(id, &peer) else { return Ok(none) };
    let timestamp = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    if which.since.is_some_and(|since| since >= timestamp) {
        return Ok(none);
    }
    let stamped = answer.candidates.iter().map(|line| {
        let mut candidate = candidate(line);
        candidate["timestamp"] = timestamp.into();
        candidate
    });
    Ok(Json(json!({ "candidates": stamped.collect::<Vec<_>>() })))
}

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    seen: Seen,
    only_looks: OnlyLooks,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Done>, ApiError> {
    let id = seen.record().id;
    if let Some(peer) = which.of(&api, id, only_looks)? {
        // It may have gone by itself, which is what was wanted.
        let _ = api.media.signalling.remove(id, &peer);
    }
    Ok(Done::json())
}

pub(super) async fn ice_servers(State(api): State<Arc<Api>>) -> Json<Value> {
    servers(&api, "operator")
}

pub(super) async fn ice_servers_of(State(api): State<Arc<Api>>, seen: Seen) -> Result<Json<Value>, ApiError> {
    let id = seen.still_going()?.id();
    Ok(servers(&api, &id.to_string()))
}

pub(super) async fn stats(State(api): State<Arc<Api>>, acting: Acting) -> Result<Json<Value>, ApiError> {
    acting.must_be_nobody()?;
    let viewing = api.media.signalling.viewing();
    let ask = |session: SessionHandle| async move {
        let stats = session.vm().agent()?.stream_stats().await.ok()?;
        Some(json!({ "sessionId": session.id(), "peers": stats.peers }))
    };
    let living = viewing.viewers.keys().filter_map(|id| api.sessions.living(*id));
    let guests: Vec<Value> = join_all(living.map(ask)).await.into_iter().flatten().collect();
    let (udp, tcp) = (api.media.udp, api.media.tcp);
    Ok(Json(json!({
        "success": true,
        "stats": { "relay": viewing, "guests": guests, "listen": { "udp": udp, "tcp": tcp } },
    })))
}

fn servers(api: &Api, whom: &str) -> Json<Value> {
    let entries = api.media.ice_servers.entries(whom, OffsetDateTime::now_utc());
    Json(json!({ "success": true, "iceServers": entries }))
}

/// Whether a query asks for a viewer without input.
pub(super) fn wants_to_look(query: Option<&str>) -> bool {
    query.unwrap_or_default().split('&').any(|word| word == "role=viewer")
}

fn candidate(line: &str) -> Value {
    json!({ "candidate": line, "sdpMLineIndex": 0 })
}

impl Which {
    fn of(
        &self,
        api: &Api,
        session: SessionId,
        OnlyLooks(only_looks): OnlyLooks,
    ) -> Result<Option<PeerId>, ApiError> {
        match &self.peer {
            Some(peer) => peer.parse().map(Some).map_err(|()| OfferError::Unknown.into()),
            // The page's connection is its own: whoever only looks names the one that its offer has made.
            None if only_looks => Ok(None),
            None => Ok(api.media.signalling.page(session)),
        }
    }
}
