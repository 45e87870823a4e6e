//! The desktop for players of WHEP.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode};

use crate::{
    service::{Answer, Service, answer},
    stream::{PASSWORD, name},
    webrtc::{sdp, soon},
};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

fn post(service: &Service, session: &str, body: String) -> RequestBuilder {
    let path = format!("/api/webrtc/session/{session}/whep");
    service.request(Method::POST, &path).bearer_auth(&service.key).header("content-type", SDP).body(body)
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn a_player_gets_its_answer_trickles_restarts_and_goes() {
    let service = Service::with(&[("media.ice_servers", "stun:stun.example.com")]).await;
    let (session, guest) = service.session("ann").await;
    let created = answer(post(&service, &session, sdp("1", "viewer"))).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    assert_eq!(header(&created, "content-type"), SDP);
    assert!(created.text.contains("a=candidate:1 1 udp ") && created.text.contains("a=end-of-candidates"));
    assert_eq!(header(&created, "link"), "<stun:stun.example.com>; rel=\"ice-server\"");
    let (location, etag) = (header(&created, "location").to_owned(), header(&created, "etag").to_owned());
    let patch = async |matches: Option<&str>, body: &str| {
        let request = service.request(Method::PATCH, &location).bearer_auth(&service.key);
        let request = request.header("content-type", FRAGMENT).body(body.to_owned());
        answer(match matches {
            Some(matches) => request.header("if-match", matches),
            None => request,
        })
        .await
    };
    let trickle = format!(
        "a=ice-ufrag:viewer\r\na=ice-pwd:{PASSWORD}\r\nm=video 9 X 0\r\na=candidate:1 1 udp 1 10.0.0.2 9 typ host\r\n"
    );
    assert_eq!(patch(Some(&etag), &trickle).await.status, StatusCode::NO_CONTENT);
    assert_eq!(patch(Some("\"other\""), &trickle).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(patch(None, &trickle).await.status, StatusCode::PRECONDITION_REQUIRED);
    let restart = patch(Some("*"), &trickle.replace("viewer", "another")).await;
    assert_eq!((restart.status, header(&restart, "content-type")), (StatusCode::OK, FRAGMENT));
    assert!(restart.text.contains(&format!("a=ice-ufrag:{}\r\n", name(1))), "{}", restart.text);
    assert_ne!(header(&restart, "etag"), etag);
    let offers = guest.stream.offers(2).await;
    assert_eq!((&offers[1].1.sdp, &offers[0].0), (&sdp("1", "another"), &offers[1].0));
    let removed = answer(service.request(Method::DELETE, &location).bearer_auth(&service.key)).await;
    assert_eq!(removed.status, StatusCode::OK);
    soon(guest.stream.removed(&offers[0].0)).await;
    let again = answer(service.request(Method::DELETE, &location).bearer_auth(&service.key)).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    service.stop().await;
}

#[tokio::test]
async fn a_player_shows_the_sessions_token_as_its_own() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let shown = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
    let (_, token) = shown["novnc_url"].as_str().unwrap().split_once("?token=").unwrap();
    let path = format!("/api/webrtc/session/{session}/whep");
    let with = |path: &str, token: Option<&str>| {
        let request =
            service.request(Method::POST, path).header("content-type", SDP).body(sdp("1", "viewer"));
        answer(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    };
    assert_eq!(with(&path, Some("0".repeat(64).as_str())).await.status, StatusCode::UNAUTHORIZED);
    let created = with(&path, Some(token)).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert!(!header(&created, "location").contains("token"));
    let created = with(&format!("{path}?token={token}&role=viewer"), None).await;
    let location = header(&created, "location");
    assert!(location.ends_with(&format!("?token={token}")), "{location}");
    assert_eq!(answer(service.request(Method::DELETE, location)).await.status, StatusCode::OK);
    let roles: Vec<_> = guest.stream.offers(2).await.into_iter().map(|(_, offer)| offer.role).collect();
    assert_eq!(format!("{roles:?}"), "[Controller, Viewer]");
    let other = format!("/api/auth/session/{session}/vm");
    assert_eq!(
        answer(service.request(Method::GET, &other).bearer_auth(token)).await.status,
        StatusCode::UNAUTHORIZED
    );
    service.stop().await;
}

#[tokio::test]
async fn a_player_that_is_not_one_is_told_what_is_wrong() {
    let service = Service::start().await;
    let (session, _guest) = service.session("ann").await;
    let path = format!("/api/webrtc/session/{session}/whep");
    let json = service.post(&path, &serde_json::json!({})).await;
    assert_eq!(json.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let senseless = answer(post(&service, &session, "hello".into())).await;
    assert_eq!(
        (senseless.status, senseless.body["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid_offer"))
    );
    let options = answer(service.request(Method::OPTIONS, &path).bearer_auth(&service.key)).await;
    assert_eq!((options.status, header(&options, "accept-post")), (StatusCode::NO_CONTENT, SDP));
    service.stop().await;
}

#[tokio::test]
async fn eight_may_look_and_those_who_have_closed_their_page_are_not_counted() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    for number in 0..8 {
        let created = answer(post(&service, &session, sdp(&number.to_string(), "viewer"))).await;
        assert_eq!(created.status, StatusCode::CREATED);
    }
    let refused = answer(post(&service, &session, sdp("9", "viewer"))).await;
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (StatusCode::TOO_MANY_REQUESTS, Some("viewer_limit"))
    );
    guest.stream.loses(&guest.stream.offers(8).await[3].0);
    assert_eq!(answer(post(&service, &session, sdp("9", "viewer"))).await.status, StatusCode::CREATED);
    service.stop().await;
}

/// How many viewers of this session have a seat.
async fn seats(service: &Service, session: &str) -> Option<u64> {
    let stats = service.get("/api/webrtc/stats").await;
    stats.body["stats"]["relay"]["viewers"][session].as_u64()
}

#[tokio::test]
async fn players_that_hang_up_before_they_have_an_answer_take_no_seat() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    // Nobody is answered.
    guest.stream.is_down();
    let waiting: Vec<_> = (0..8)
        .map(|number| tokio::spawn(post(&service, &session, sdp(&number.to_string(), "viewer")).send()))
        .collect();
    let until = async |wanted: u64| {
        while seats(&service, &session).await != Some(wanted) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(until(8)).await;
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    soon(until(0)).await;
    guest.stream.starts_again();
    let created = answer(post(&service, &session, sdp("9", "viewer"))).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    assert_eq!(seats(&service, &session).await, Some(1));
    service.stop().await;
}

#[tokio::test]
async fn a_guest_that_is_full_or_just_ending_is_asked_again() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.stream.turns_away(&[StatusCode::GONE, StatusCode::CONFLICT, StatusCode::CONFLICT]);
    let created = answer(post(&service, &session, sdp("1", "viewer"))).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    guest.stream.turns_away(&[StatusCode::PAYLOAD_TOO_LARGE]);
    let refused = answer(post(&service, &session, sdp("2", "viewer"))).await;
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("offer_refused")),
        "what is wrong with an offer does not pass"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_player_keeps_the_session_as_long_as_its_person_does_something_and_not_by_looking() {
    let service = Service::with(&[("session.idle_limit", "2s")]).await;
    let (session, guest) = service.session("ann").await;
    let created = answer(post(&service, &session, sdp("1", "viewer"))).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let peer = guest.stream.offers(1).await[0].0.clone();
    // Three times the limit.
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        guest.stream.acts(&peer);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let shown = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
    assert_eq!(shown["status"], "vm_created", "{shown:#}");
    let timeout = service.until(&session, "timeout").await;
    assert_eq!(timeout["failure"]["code"], "idle_limit");
    service.stop().await;
}
