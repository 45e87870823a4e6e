//! WHEP (draft-ietf-wish-whep, on top of RFC 9725): the desktop for players of the standard.
//!
//! | call | |
//! |---|---|
//! | `POST /api/webrtc/session/{id}/whep` | an offer as `application/sdp`; 201 with the answer, `Location` and `ETag` |
//! | `PATCH <Location>` | candidates as `application/trickle-ice-sdpfrag`; 204; with other credentials and `If-Match: *` an ICE restart; 200 |
//! | `DELETE <Location>` | the viewer has gone |
//! | `OPTIONS` of the first | what is taken, and the STUN and TURN servers as `Link` |
//!
//! A player sends the key or the session's view token as bearer token, or has the token in the address.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::{SessionId, stream::PeerRole};
use axum::{
    extract::{Path, RawQuery, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_TYPE, ETAG, IF_MATCH, LINK, LOCATION},
    },
    response::{IntoResponse as _, Response},
};
use schemars::JsonSchema;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{Api, access::OnlyLooks, error::ApiError, seen::Seen, webrtc::wants_to_look};
use crate::media::{
    AnswerState, Direction, OfferError, PeerId,
    sdp::{Fragment, Offer, Published},
};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// How long a player waits for a desktop that is still starting.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// A viewer of a session; the session is in the path before it.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Resource {
    peer: String,
}

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    seen: Seen,
    OnlyLooks(only_looks): OnlyLooks,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Result<Response, ApiError> {
    require(&headers, SDP)?;
    let session = seen.still_going()?;
    let id = session.id();
    let offer = Offer::parse(&body)?;
    let looks = only_looks || wants_to_look(query.as_deref());
    let role = if looks { PeerRole::Viewer } else { PeerRole::Controller };
    let peer = api.media.signalling.offer(session, offer, role, Direction::Own).await?;
    session.touch();
    // Whoever hangs up before has no use for it, and a seat is taken.
    let mut seat = Seat { api: &api, id, peer: &peer, taken: false };
    let answer = answered(&api, id, &peer).await?;
    seat.taken = true;
    drop(seat);
    // Whoever came with a token in the address goes on with it.
    let token = query.as_deref().unwrap_or_default().split('&').find(|word| word.starts_with("token="));
    let location = format!(
        "/api/webrtc/session/{id}/whep/{peer}{}",
        token.map(|token| format!("?{token}")).unwrap_or_default()
    );
    let mut response = (StatusCode::CREATED, [(CONTENT_TYPE, SDP)], answer.sdp.clone()).into_response();
    let headers = response.headers_mut();
    put(headers, LOCATION, &location);
    put(headers, ETAG, &etag(&answer));
    put(headers, ACCEPT_PATCH, FRAGMENT);
    put_links(&api, headers, id);
    Ok(response)
}

pub(super) async fn patch(
    State(api): State<Arc<Api>>,
    seen: Seen,
    Path(resource): Path<Resource>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, ApiError> {
    require(&headers, FRAGMENT)?;
    let (id, peer) = find(&seen, &resource)?;
    let fragment = Fragment::parse(&body)?;
    let (answer, _) = api.media.signalling.answered(id, &peer).ok_or(OfferError::Unknown)?;
    let matches = headers.get(IF_MATCH).ok_or_else(|| {
        ApiError::new(StatusCode::PRECONDITION_REQUIRED, "no_if_match", "the header If-Match is missing")
    })?;
    if matches == "*" {
        return restart(&api, id, &peer, &fragment).await;
    }
    if matches.as_bytes() != etag(&answer).as_bytes() {
        let message = "this is about credentials that do not count any more";
        return Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "other_etag", message));
    }
    // A guest of the lite kind needs no candidates.
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn restart(api: &Api, id: SessionId, peer: &PeerId, fragment: &Fragment) -> Result<Response, ApiError> {
    let (Some(ufrag), Some(password)) = (&fragment.ufrag, &fragment.password) else {
        let message = "an ICE restart needs a=ice-ufrag and a=ice-pwd";
        return Err(ApiError::bad_request("no_credentials", message));
    };
    let change = |offer: &Offer| offer.with_credentials(ufrag, password).ok();
    if !api.media.signalling.restart(id, peer, change)? {
        return Err(ApiError::conflict("restart_pending", "another ICE restart is under way"));
    }
    let answer = answered(api, id, peer).await?;
    let mut response = (StatusCode::OK, [(CONTENT_TYPE, FRAGMENT)], answer.fragment()).into_response();
    put(response.headers_mut(), ETAG, &etag(&answer));
    Ok(response)
}

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    seen: Seen,
    Path(resource): Path<Resource>,
) -> Result<StatusCode, ApiError> {
    let (id, peer) = find(&seen, &resource)?;
    if api.media.signalling.remove(id, &peer) { Ok(StatusCode::OK) } else { Err(OfferError::Unknown.into()) }
}

pub(super) async fn options(State(api): State<Arc<Api>>, seen: Seen) -> Result<Response, ApiError> {
    let id = seen.record().id;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    put(headers, ALLOW, "POST, OPTIONS");
    put(headers, ACCEPT_POST, SDP);
    put_links(&api, headers, id);
    Ok(response)
}

fn find(seen: &Seen, resource: &Resource) -> Result<(SessionId, PeerId), ApiError> {
    let id = seen.still_going()?.id();
    let peer = resource.peer.parse().map_err(|()| OfferError::Unknown)?;
    Ok((id, peer))
}

/// A viewer's, given back when this is dropped before the viewer has an answer, as hanging up does.
struct Seat<'a> {
    api: &'a Api,
    id: SessionId,
    peer: &'a PeerId,
    taken: bool,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if !self.taken {
            // It may have gone by itself.
            let _ = self.api.media.signalling.remove(self.id, self.peer);
        }
    }
}

async fn answered(api: &Api, id: SessionId, peer: &PeerId) -> Result<Arc<Published>, ApiError> {
    match api.media.signalling.answer(id, peer, ANSWER_PATIENCE).await? {
        AnswerState::Ready { answer, .. } => Ok(answer),
        AnswerState::Refused(reason) => Err(ApiError::bad_request("offer_refused", reason)),
        AnswerState::Waiting | AnswerState::Gone => {
            Err(ApiError::unavailable("vm_not_ready", "the desktop has not answered yet", 5))
        }
    }
}

/// Changes with the credentials, as RFC 9725 section 4.3.1 wants it. It is no secret: the name is in every check.
fn etag(answer: &Published) -> String {
    format!("\"{}\"", answer.name)
}

fn require(headers: &HeaderMap, wanted: &str) -> Result<(), ApiError> {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if sent.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let message = format!("send `Content-Type: {wanted}`");
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_type", message))
}

/// RFC 9725 section 4.6.
fn put_links(api: &Api, headers: &mut HeaderMap, id: SessionId) {
    for entry in api.media.ice_servers.entries(&id.to_string(), OffsetDateTime::now_utc()) {
        let credentials = entry.username.as_ref().zip(entry.credential.as_ref()).map(|(name, password)| {
            format!("; username=\"{name}\"; credential=\"{password}\"; credential-type=\"password\"")
        });
        for url in entry.urls {
            let link = format!("<{url}>; rel=\"ice-server\"{}", credentials.as_deref().unwrap_or_default());
            if let Ok(link) = HeaderValue::from_str(&link) {
                headers.append(LINK, link);
            }
        }
    }
}

/// Whatever comes here is ASCII without control characters: ids, names of ICE and our own words.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
