//! The client against a real HTTP server behind the real handshake; only the guest is missing.

pub(crate) mod guest;

use std::time::Duration;

use anteroom_protocol::{
    Event, EventBody, ProtocolVersion, Secret, VmId,
    agent::{Clock, Resume},
};
use axum::{
    Json, Router,
    body::Body,
    http::{HeaderMap, StatusCode},
    routing::{get, post, put},
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use guest::{Guest, Manner};

const SHORT: Duration = Duration::from_millis(100);

fn hello_of(major: u16, minor: u16) -> Router {
    let hello = json!({
        "protocol": { "major": major, "minor": minor }, "agent_version": "9", "vm": null, "boot_id": "b",
        "uptime_ns": 7, "colour": "unknown to this host",
    });
    Router::new().route("/hello", get(|| async { Json(hello) }))
}

#[tokio::test]
async fn a_newer_minor_version_is_understood() {
    let ProtocolVersion { major, minor } = ProtocolVersion::CURRENT;
    let guest = Guest::serving(hello_of(major, minor + 1));
    assert_eq!(guest.client().hello(PATIENCE).await.unwrap().uptime_ns, 7);
}

#[tokio::test]
async fn another_major_version_is_refused_and_the_older_side_named() {
    let major = ProtocolVersion::CURRENT.major;
    let said = async |major| {
        Guest::serving(hello_of(major, 0)).client().hello(PATIENCE).await.unwrap_err().to_string()
    };
    assert!(said(major + 1).await.ends_with("this host is too old for the agent, update anteroom"));
    assert!(said(major - 1).await.ends_with("the agent is too old, rebuild the guest's agent"));
}

#[tokio::test]
async fn every_request_carries_the_version_and_its_body_as_json() {
    let app = Router::new().route(
        "/clock",
        put(|headers: HeaderMap, Json(clock): Json<Clock>| async move {
            let version = ProtocolVersion::CURRENT.to_string();
            let good = headers["anteroom-protocol"] == version.as_str() && clock.unix_ns == 42;
            if good { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST }
        }),
    );
    Guest::serving(app).client().set_clock(Clock { unix_ns: 42 }).await.unwrap();
}

#[tokio::test]
async fn a_refusal_carries_the_agents_words_without_control_characters() {
    let problem = (StatusCode::CONFLICT, Json(json!({ "error": "not\u{1b}[31m yet" })));
    let app = Router::new().route("/sign-in/credentials", get(|| async { problem }));
    let error = Guest::serving(app).client().credentials().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::CONFLICT));
    assert_eq!(error.to_string(), "the agent refused /sign-in/credentials (409 Conflict): not [31m yet");
}

#[tokio::test]
async fn an_endless_answer_is_given_up() {
    let endless = || async {
        let flood = futures_util::stream::repeat_with(|| Ok::<_, io::Error>(vec![b'x'; 64 * KIB]));
        Body::from_stream(flood)
    };
    let guest = Guest::serving(Router::new().route("/timeline", get(endless)));
    assert!(matches!(guest.client().timeline().await, Err(AgentError::TooLarge { .. })));
}

#[tokio::test]
async fn credentials_beyond_the_bounds_are_refused_although_they_are_well_formed() {
    let file = json!({ "path": "a", "mode": 384, "modified_unix_ms": 1, "contents": "e30=" });
    let files = vec![file; CapturedCredentials::MAX_FILES + 1];
    let session = anteroom_protocol::SessionId::random();
    let answer = json!({ "session": session, "provider": "demo", "generation": 1, "files": files });
    let guest = Guest::serving(Router::new().route("/sign-in/credentials", get(|| async { Json(answer) })));
    assert!(matches!(guest.client().credentials().await, Err(AgentError::TooLarge { .. })));
}

#[tokio::test]
async fn an_answer_that_is_not_of_the_protocol_is_not_quoted() {
    let app = Router::new().route("/hello", get(|| async { "token=hunter2" }));
    let error = Guest::serving(app).client().hello(PATIENCE).await.unwrap_err();
    assert!(matches!(error, AgentError::Malformed { .. }));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn whatever_the_guest_does_instead_of_answering_the_call_ends() {
    let client = |manner| Guest::behaving(manner, Router::new());
    let hello = async |manner| {
        let guest = client(manner);
        guest.client().hello(SHORT).await.unwrap_err()
    };
    assert!(matches!(hello(Manner::ClosesAtOnce).await, AgentError::Unreachable(_)));
    assert!(matches!(hello(Manner::SaysNothing).await, AgentError::Late { .. }));
    let babble = hello(Manner::Says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")).await;
    assert!(matches!(babble, AgentError::Unreachable(_)), "{babble}");
    assert!(matches!(hello(Manner::SaysNothingAfterOk).await, AgentError::Late { .. }));
}

#[tokio::test]
async fn a_socket_in_a_directory_deeper_than_a_socket_path_may_be_is_reached() {
    let guest = Guest::deep(hello_of(ProtocolVersion::CURRENT.major, 0));
    assert!(guest.address().directory.as_os_str().len() > 200);
    guest.client().hello(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn events_arrive_one_by_one_and_the_end_of_the_stream_is_told() {
    let lines = [
        "{\"number\":5,\"uptime_ns\":1,\"type\":\"mark\",\"na",
        "me\":\"pid1\"}\n{\"number\":6,",
        "\"uptime_ns\":2,\"type\":\"new\"}\n",
    ];
    let app = Router::new().route(
        "/events",
        get(move |uri: axum::http::Uri| async move {
            assert_eq!(uri.query(), Some("after=4"));
            Body::from_stream(futures_util::stream::iter(lines.map(Ok::<_, io::Error>)))
        }),
    );
    let guest = Guest::serving(app);
    let mut events = guest.client().events(4).await.unwrap();
    let first: Event = events.next().await.unwrap().unwrap();
    assert!(matches!(first.body, EventBody::Mark { name } if name == "pid1"));
    assert_eq!(events.next().await.unwrap().unwrap().number, 6);
    assert!(events.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_port_of_the_guest_becomes_a_byte_stream() {
    let guest = Guest::serving(guest::echoing_connect());
    let mut stream = guest.client().connect(5900).await.unwrap();
    stream.write_all(b"RFB 003.008\n").await.unwrap();
    let mut echo = [0; 12];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"RFB 003.008\n");
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_refused() {
    let answer = (StatusCode::BAD_GATEWAY, Json(json!({ "error": "nothing listens on port 5900" })));
    let guest = Guest::serving(Router::new().route("/connect/{port}", get(|| async { answer })));
    let error = guest.client().connect(5900).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the agent refused /connect/5900 (502 Bad Gateway): nothing listens on port 5900"
    );
}

#[tokio::test]
async fn an_agent_that_does_not_switch_protocols_is_not_taken_for_a_stream() {
    let guest = Guest::serving(Router::new().route("/connect/{port}", get(|| async { "hello" })));
    assert!(matches!(guest.client().connect(5900).await, Err(AgentError::Malformed { .. })));
}

#[tokio::test]
async fn a_power_off_is_asked_for_by_post() {
    let app = Router::new().route("/power-off", post(|| async { StatusCode::ACCEPTED }));
    Guest::serving(app).client().power_off().await.unwrap();
}

#[tokio::test]
async fn a_guest_is_frozen_and_its_copy_told_who_it_is() {
    let hello = json!({
        "protocol": ProtocolVersion::CURRENT, "agent_version": "9", "vm": VmId::random(), "boot_id": "b", "uptime_ns": 7,
    });
    let app = Router::new().route("/freeze", post(|| async { StatusCode::NO_CONTENT })).route(
        "/resume",
        put(|Json(resume): Json<Resume>| async move {
            assert_eq!((resume.clock.unix_ns, resume.entropy.len()), (42, 32));
            Json(hello)
        }),
    );
    let guest = Guest::serving(app);
    guest.client().freeze().await.unwrap();
    let resume = Resume {
        vm: VmId::random(),
        clock: Clock { unix_ns: 42 },
        entropy: Secret::new([7; 32]),
        ip: None,
        ip6: None,
        mac: None,
    };
    assert_eq!(guest.client().resume(&resume).await.unwrap().uptime_ns, 7);
}
