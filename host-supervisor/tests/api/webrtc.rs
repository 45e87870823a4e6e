//! The desktop over WebRTC: offers and answers as the page has them, and packets through the relay.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anteroom_protocol::{
    desk::Directions,
    stream::datagram::{Remote, Transport},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};

use crate::{
    guest::Guest,
    service::{Answer, PATIENCE, Service, answer},
    stream::{PASSWORD, name},
};

/// An offer of a connection that is called like this.
pub(crate) fn sdp(connection: &str, ufrag: &str) -> String {
    format!(
        "v=0\r\no=- {connection} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n\
         a=fingerprint:sha-256 {connection}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{PASSWORD}\r\na=recvonly\r\n"
    )
}

fn offer(connection: &str, ufrag: &str) -> Value {
    json!({ "offer": { "type": "offer", "sdp": sdp(connection, ufrag) }, "candidates": [] })
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

fn path(session: &str, rest: &str) -> String {
    format!("/api/webrtc/session/{session}/{rest}")
}

/// Asks as the page does, until there is something else than "again".
async fn answered(service: &Service, session: &str) -> Answer {
    soon(async {
        loop {
            let answer = service.get(&path(session, "answer")).await;
            if answer.body["retry"] != true {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// A session whose page has its answer, and where packets go.
async fn shown(service: &Service) -> (String, Arc<Guest>, SocketAddr) {
    let (session, guest) = service.session("ann").await;
    let offered = service.post(&path(&session, "offer"), &offer("1", "viewer")).await;
    assert_eq!(offered.status, StatusCode::OK, "{}", offered.text);
    let answer = answered(service, &session).await;
    let candidate = answer.body["candidates"][0]["candidate"].as_str().unwrap().to_owned();
    let words: Vec<&str> = candidate.split(' ').collect();
    soon(guest.stream.dialled(1)).await;
    (session, guest, format!("{}:{}", words[4], words[5]).parse().unwrap())
}

/// A connectivity check for this name.
fn check(name: &str) -> Vec<u8> {
    let username = format!("{name}:viewer");
    let mut packet = b"\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa\x00\x06\x00".to_vec();
    packet.push(u8::try_from(username.len()).unwrap());
    packet.extend(username.as_bytes());
    packet.resize(packet.len().next_multiple_of(4), 0);
    let length = u16::try_from(packet.len() - 20).unwrap().to_be_bytes();
    packet[2..4].copy_from_slice(&length);
    packet
}

#[tokio::test]
async fn the_page_offers_and_gets_an_answer_that_leads_to_the_host_and_nowhere_else() {
    let service = Service::with(&[("media.public_addresses", "203.0.113.5:4444,2001:db8::5")]).await;
    let (session, guest) = service.session("ann").await;
    let early = service.get(&path(&session, "answer")).await;
    assert_eq!((early.status, &early.body["retry"]), (StatusCode::OK, &json!(true)));
    let offered = service.post(&path(&session, "offer"), &offer("1", "viewer")).await;
    assert_eq!(offered.body["success"], true, "{}", offered.text);
    for candidate in [
        json!({"candidate": "candidate:1 1 udp 1 a-b-c.local 9 typ host", "sdpMLineIndex": 0, "from": "browser"}),
        json!({"candidate": ""}),
    ] {
        assert_eq!(service.post(&path(&session, "candidate"), &candidate).await.body["success"], true);
    }
    let answer = answered(&service, &session).await;
    let text = answer.body["answer"]["sdp"].as_str().unwrap();
    assert!(text.contains("a=candidate:1 1 udp 2130706431 203.0.113.5 4444 typ host\r\n"), "{text}");
    assert!(text.contains(" 2001:db8::5 ") && !text.contains("10.0.0.1"), "{text}");
    assert_eq!(answer.body["answer"]["type"], "answer");
    assert_eq!(answer.body["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(answer.body["candidates"][0]["sdpMLineIndex"], 0);
    let vm = service.get(&path(&session, "candidates/vm?since=0")).await;
    let stamp = vm.body["candidates"][0]["timestamp"].as_i64().unwrap();
    let later = service.get(&path(&session, &format!("candidates/vm?since={stamp}"))).await;
    assert_eq!(later.body, json!({ "candidates": [] }));
    let offers = guest.stream.offers(1).await;
    assert_eq!(offers[0].1.sdp, sdp("1", "viewer"), "the guest gets the offer as it was");
    assert_eq!(offers[0].1.most_bps, 8_000_000);
    assert_eq!(service.delete(&format!("/api/webrtc/session/{session}")).await.body["success"], true);
    soon(guest.stream.removed(&offers[0].0)).await;
    service.stop().await;
}

#[tokio::test]
async fn an_offer_that_comes_before_there_is_a_vm_is_answered_when_there_is_one() {
    let service = Service::start().await;
    let body = json!({ "userId": "ann", "provider": "demo", "webrtcOffer": { "type": "offer", "sdp": sdp("1", "early") } });
    let started = service.post("/api/auth/start", &body).await;
    let session = started.body["sessionId"].as_str().unwrap();
    assert_eq!(answered(&service, session).await.body["answer"]["type"], "answer");
    let senseless =
        json!({ "userId": "ann", "provider": "demo", "webrtcOffer": { "type": "offer", "sdp": "hello" } });
    let refused = service.post("/api/auth/start", &senseless).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_offer")));
    service.stop().await;
}

#[tokio::test]
async fn an_offer_survives_a_stream_that_is_down_and_one_that_dies_before_the_answer_is_taken() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.stream.is_down();
    service.post(&path(&session, "offer"), &offer("1", "viewer")).await;
    guest.stream.starts_again();
    soon(guest.stream.offers(1)).await;
    soon(guest.stream.dialled(1)).await;
    guest.stream.starts_again();
    soon(guest.stream.offers(2)).await;
    soon(guest.stream.dialled(2)).await;
    let answer = answered(&service, &session).await;
    let second = format!("a=ice-ufrag:{}\r\n", name(1));
    assert!(answer.body["answer"]["sdp"].as_str().unwrap().contains(&second), "the living stream's answer");
    // Now it is taken, and of no use when the stream dies.
    guest.stream.starts_again();
    let gone = soon(async {
        loop {
            let answer = service.get(&path(&session, "answer")).await;
            if answer.status != StatusCode::OK {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert_eq!(gone.await.body["code"], "stream_restarted");
    service.post(&path(&session, "offer"), &offer("2", "again")).await;
    assert_eq!(answered(&service, &session).await.status, StatusCode::OK);
    service.stop().await;
}

#[tokio::test]
async fn a_second_offer_of_the_same_connection_is_an_ice_restart_of_the_same_viewer() {
    let service = Service::start().await;
    let (session, guest, _) = shown(&service).await;
    service.post(&path(&session, "offer"), &offer("1", "another")).await;
    let answer = answered(&service, &session).await;
    assert!(answer.body["answer"]["sdp"].as_str().unwrap().contains(&name(1)), "not the answer of before");
    service.post(&path(&session, "offer"), &offer("2", "viewer")).await;
    let offers = soon(guest.stream.offers(3)).await;
    assert_eq!(offers[0].0, offers[1].0);
    assert_ne!(offers[1].0, offers[2].0, "another connection is another viewer");
    service.stop().await;
}

#[tokio::test]
async fn what_a_clipboard_may_do_is_told_to_the_guest_and_to_the_page() {
    for (settings, expected) in [
        (&[][..], Directions::BOTH),
        (&[("desktop.clipboard_in", "false")], Directions { to_desktop: false, from_desktop: true }),
        (&[("desktop.clipboard_out", "false")], Directions { to_desktop: true, from_desktop: false }),
    ] {
        let service = Service::with(settings).await;
        let (session, guest) = service.session("ann").await;
        service.post(&path(&session, "offer"), &offer("1", "viewer")).await;
        let offers = soon(guest.stream.offers(1)).await;
        assert_eq!(offers[0].1.clipboard, expected, "{settings:?}");
        assert_eq!(guest.spec.clipboard, expected, "{settings:?}");
        let shown = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
        assert_eq!(shown["clipboard"], serde_json::to_value(expected).unwrap());
        service.stop().await;
    }
}

#[tokio::test]
async fn packets_pass_between_a_viewer_and_its_guest_and_a_guest_reaches_nobody_else() {
    let service = Service::start().await;
    let (_, guest, host) = shown(&service).await;
    let [viewer, stranger] =
        [UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap()];
    let remote = |socket: &UdpSocket| Remote::new(Transport::Udp, socket.local_addr().unwrap());
    viewer.send_to(b"\x80 before any check", host).await.unwrap();
    viewer.send_to(&check("nobody"), host).await.unwrap();
    stranger.send_to(b"\x80 a stranger", host).await.unwrap();
    viewer.send_to(&check(&name(0)), host).await.unwrap();
    let first = soon(guest.stream.arrives()).await;
    assert_eq!(
        (first.remote, &first.payload[..]),
        (remote(&viewer), &check(&name(0))[..]),
        "the first that is let in"
    );
    viewer.send_to(b"\x80 media", host).await.unwrap();
    assert_eq!(&soon(guest.stream.arrives()).await.payload[..], b"\x80 media");
    // In this order: when the last has come, the others have been refused.
    guest.stream.sends(remote(&stranger), b"unwanted");
    guest.stream.sends(Remote::new(Transport::Udp, "127.0.0.1:9".parse().unwrap()), b"unwanted");
    guest.stream.sends(Remote::new(Transport::Tcp, remote(&viewer).address), b"unwanted");
    guest.stream.sends(remote(&viewer), b"wanted");
    let mut buffer = [0; 2000];
    let (length, from) = soon(viewer.recv_from(&mut buffer)).await.unwrap();
    assert_eq!((&buffer[..length], from), (&b"wanted"[..], host));
    assert!(stranger.try_recv_from(&mut buffer).is_err(), "a stranger hears nothing");
    let stats = service.get("/api/webrtc/stats").await.body["stats"].take();
    assert_eq!(stats["relay"]["packetsForbidden"], 3, "{stats:#}");
    assert_eq!((&stats["relay"]["flows"], &stats["relay"]["packetsOfStrangers"]), (&json!(1), &json!(3)));
    assert_eq!(stats["guests"][0]["peers"].as_array().unwrap().len(), 1);
    service.stop().await;
}

#[tokio::test]
async fn a_viewer_that_floods_is_held_back_and_counted() {
    let service = Service::start().await;
    let (_, guest, host) = shown(&service).await;
    let viewer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    viewer.send_to(&check(&name(0)), host).await.unwrap();
    soon(guest.stream.arrives()).await;
    let too_many = soon(async {
        loop {
            for _ in 0..200 {
                viewer.send_to(b"\x80 flood", host).await.unwrap();
            }
            let stats = service.get("/api/webrtc/stats").await.body["stats"]["relay"].take();
            let too_many = stats["packetsTooMany"].as_u64().unwrap();
            if too_many > 0 {
                return too_many;
            }
        }
    });
    assert!(too_many.await > 0);
    service.stop().await;
}

#[tokio::test]
async fn a_viewer_without_udp_has_the_same_by_tcp() {
    let service = Service::with(&[("media.tcp_listen", "127.0.0.1:0")]).await;
    let (session, guest, _) = shown(&service).await;
    let answer = service.get(&path(&session, "answer")).await;
    let line = answer.body["candidates"][1]["candidate"].as_str().unwrap();
    assert!(line.contains(" tcp ") && line.ends_with("typ host tcptype passive"), "{line}");
    let words: Vec<&str> = line.split(' ').collect();
    let host: SocketAddr = format!("{}:{}", words[4], words[5]).parse().unwrap();
    let framed = |packet: &[u8]| [&u16::try_from(packet.len()).unwrap().to_be_bytes(), packet].concat();
    let mut stranger = TcpStream::connect(host).await.unwrap();
    stranger.write_all(&framed(&check("nobody"))).await.unwrap();
    assert_eq!(soon(stranger.read(&mut [0; 8])).await.unwrap(), 0, "who names no guest is hung up on");
    let mut viewer = TcpStream::connect(host).await.unwrap();
    viewer.write_all(&framed(&check(&name(0)))).await.unwrap();
    let arrived = soon(guest.stream.arrives()).await;
    assert_eq!(arrived.remote, Remote::new(Transport::Tcp, viewer.local_addr().unwrap()));
    guest.stream.sends(arrived.remote, b"picture");
    let mut answer = [0; 9];
    soon(viewer.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"\0\x07picture");
    service.stop().await;
}

#[tokio::test]
async fn what_is_too_much_or_no_offer_is_refused() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    let refused = async |body: Value| {
        let answer = service.post(&path(&session, "offer"), &body).await;
        (answer.status.as_u16(), answer.body["code"].as_str().unwrap_or_default().to_owned())
    };
    let with = |kind: &str, sdp: String| json!({ "offer": { "type": kind, "sdp": sdp } });
    assert_eq!(refused(with("answer", sdp("1", "viewer"))).await, (400, "invalid_offer".into()));
    assert_eq!(refused(with("offer", "v=0\r\n".into())).await, (400, "invalid_offer".into()));
    let large = sdp("1", "viewer") + &"a=x\r\n".repeat(14_000);
    assert_eq!(refused(with("offer", large)).await, (413, "invalid_offer".into()));
    let mut many = offer("1", "viewer");
    many["candidates"] = json!(vec!["candidate"; 65]);
    assert_eq!(refused(many).await, (400, "invalid_offer".into()));
    let long = json!({ "candidate": "x".repeat(2000) });
    assert_eq!(service.post(&path(&session, "candidate"), &long).await.status, StatusCode::BAD_REQUEST);
    guest.stream.refuses("no codec of these");
    service.post(&path(&session, "offer"), &offer("1", "viewer")).await;
    let answer = answered(&service, &session).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (StatusCode::BAD_REQUEST, &json!("no codec of these"))
    );
    service.stop().await;
}

#[tokio::test]
async fn only_those_who_may_see_the_desktop_may_offer() {
    let service = Service::start().await;
    let (session, _guest) = service.session("ann").await;
    let body = offer("1", "viewer");
    let nobody = answer(service.request(Method::POST, &path(&session, "offer")).json(&body)).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let other = service.request(Method::POST, &path(&session, "offer")).bearer_auth(&service.key);
    let other = answer(other.header("x-user-id", "bob").json(&body)).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let shown = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
    let (_, token) = shown["novnc_url"].as_str().unwrap().split_once("?token=").unwrap();
    let tokened = service.request(Method::POST, &path(&session, &format!("offer?token={token}")));
    assert_eq!(answer(tokened.json(&body)).await.status, StatusCode::OK);
    for operators_only in ["/api/webrtc/stats", "/api/webrtc/ice-servers"] {
        let asked = answer(service.request(Method::GET, &format!("{operators_only}?token={token}"))).await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{operators_only}");
    }
    service.post(&format!("/api/auth/session/{session}/cancel"), &Value::Null).await;
    assert_eq!(service.post(&path(&session, "offer"), &body).await.status, StatusCode::GONE);
    service.stop().await;
}

#[tokio::test]
async fn servers_that_relay_come_with_credentials_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("turn");
    std::fs::write(&secret, "north\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let service = Service::with(&[
        ("media.ice_servers", "stun:stun.example.com:3478,turn:turn.example.com:3478?transport=udp"),
        ("media.turn_secret_file", secret.to_str().unwrap()),
    ])
    .await;
    let servers = service.get("/api/webrtc/ice-servers").await.body;
    assert_eq!(servers["success"], true);
    assert_eq!(servers["iceServers"][0], json!({ "urls": ["stun:stun.example.com:3478"] }));
    assert!(servers["iceServers"][1]["username"].as_str().unwrap().ends_with(":operator"));
    assert!(servers["iceServers"][1]["credential"].is_string());
    service.stop().await;
}

#[tokio::test]
async fn without_a_port_for_pictures_an_offer_is_told_so() {
    let service = Service::with(&[("media.listen", "off")]).await;
    let (session, _guest) = service.session("ann").await;
    let refused = service.post(&path(&session, "offer"), &offer("1", "viewer")).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("webrtc_off")));
    service.stop().await;
}
