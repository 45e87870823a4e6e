//! The desktop in a browser: the page, and the bytes of its WebSocket.

use std::sync::Arc;

use anteroom_protocol::EventBody;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode, header::CONTENT_SECURITY_POLICY};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};

use crate::{
    guest::Guest,
    service::{PATIENCE, Service, answer},
};

type Viewer = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(
    service: &Service,
    session: &str,
    headers: &[(&'static str, &str)],
) -> Result<Viewer, StatusCode> {
    let url = format!("ws://{}/api/auth/session/{session}/vnc", service.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((viewer, answer)) => {
            let wanted = headers.iter().any(|(name, _)| *name == "sec-websocket-protocol");
            assert_eq!(answer.headers().contains_key("sec-websocket-protocol"), wanted);
            Ok(viewer)
        }
        Err(Error::Http(answer)) => Err(StatusCode::from_u16(answer.status().as_u16()).unwrap()),
        Err(error) => panic!("{error}"),
    }
}

async fn view(service: &Service, session: &str) -> Viewer {
    view_as(service, session, "").await
}

/// With this query.
async fn view_as(service: &Service, session: &str, query: &str) -> Viewer {
    let bearer = format!("Bearer {}", service.key);
    let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "binary")];
    // What follows it in `connect` becomes a part of the query.
    connect(service, &format!("{session}/vnc?{query}&x="), &headers).await.unwrap()
}

/// The next so many bytes of the picture.
async fn receive(viewer: &mut Viewer, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let message = tokio::time::timeout(PATIENCE, viewer.next()).await.unwrap().unwrap().unwrap();
        if let Message::Binary(part) = message {
            bytes.extend_from_slice(&part);
        }
    }
    bytes
}

async fn ready(service: &Service) -> (String, Arc<Guest>) {
    let (session, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    (session, guest)
}

#[tokio::test]
async fn the_bytes_of_the_desktop_pass_both_ways_unchanged() {
    let service = Service::start().await;
    let (session, _guest) = ready(&service).await;
    let mut viewer = view(&service, &session).await;
    assert_eq!(receive(&mut viewer, 12).await, b"RFB 003.008\n");
    let picture: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[2]).collect();
    let (mut send, mut take) = viewer.split();
    let sending = async {
        for part in picture.chunks(50_000) {
            send.send(Message::Binary(part.to_vec().into())).await.unwrap();
        }
    };
    let taking = async {
        let mut echo = Vec::new();
        while echo.len() < picture.len() {
            if let Message::Binary(part) = take.next().await.unwrap().unwrap() {
                echo.extend_from_slice(&part);
            }
        }
        echo
    };
    let ((), echo) = tokio::time::timeout(PATIENCE, async { tokio::join!(sending, taking) }).await.unwrap();
    assert!(echo == picture);
    service.stop().await;
}

#[tokio::test]
async fn several_may_look_at_once_but_not_any_number() {
    let service = Service::start().await;
    let (session, _guest) = ready(&service).await;
    let mut viewers = Vec::new();
    for _ in 0..8 {
        let mut viewer = view(&service, &session).await;
        assert_eq!(receive(&mut viewer, 12).await, b"RFB 003.008\n");
        viewers.push(viewer);
    }
    let bearer = format!("Bearer {}", service.key);
    let one_more = async || connect(&service, &session, &[("authorization", &bearer)]).await;
    assert_eq!(one_more().await.err(), Some(StatusCode::TOO_MANY_REQUESTS));
    viewers.pop().unwrap().close(None).await.unwrap();
    let mut again = one_more().await;
    while again.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        again = one_more().await;
    }
    service.stop().await;
}

#[tokio::test]
async fn there_is_no_desktop_before_it_is_ready_and_none_after_the_end() {
    let service = Service::start().await;
    let bearer = format!("Bearer {}", service.key);
    let headers = [("authorization", bearer.as_str())];
    let (session, guest) = service.session("ann").await;
    let early = connect(&service, &session, &headers).await.err();
    // Either no agent has answered yet, or it has and the stage's VNC server is there at once.
    assert!(matches!(early, Some(StatusCode::CONFLICT) | None), "{early:?}");
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;
    let mut viewer = view(&service, &session).await;
    receive(&mut viewer, 12).await;
    service.post(&format!("/api/auth/session/{session}/cancel"), &Value::Null).await;
    let end = tokio::time::timeout(PATIENCE, async {
        while let Some(Ok(message)) = viewer.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| frame.reason.to_string());
            }
        }
        None
    });
    assert_eq!(end.await.unwrap().as_deref(), Some("the session has ended"));
    assert_eq!(connect(&service, &session, &headers).await.err(), Some(StatusCode::GONE));
    service.stop().await;
}

#[tokio::test]
async fn a_web_socket_needs_a_key_or_the_sessions_token_and_a_page_of_ours() {
    let service = Service::start().await;
    let (session, _guest) = ready(&service).await;
    let shown = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
    let (_, token) = shown["novnc_url"].as_str().unwrap().split_once("?token=").unwrap();
    let own = format!("http://{}", service.address);
    assert_eq!(connect(&service, &session, &[]).await.err(), Some(StatusCode::UNAUTHORIZED));
    let with_token = format!("{session}/vnc?token={token}&x=");
    assert!(connect(&service, &with_token, &[("origin", &own)]).await.is_ok());
    let foreign = connect(&service, &with_token, &[("origin", "https://evil.example")]).await;
    assert_eq!(foreign.err(), Some(StatusCode::FORBIDDEN));
    service.stop().await;
}

/// RFC 6143: version, security type None, and to share the desktop.
const HELLO: &[u8] = b"RFB 003.008\n\x01\x01";
const KEY: &[u8] = &[4, 1, 0, 0, 0, 0, 0, 97];
const REQUEST: &[u8] = &[3, 1, 0, 0, 0, 0, 5, 0, 3, 32];
const CUT_TEXT: &[u8] = b"\x06\0\0\0\0\0\0\x04word";

/// What the stage's VNC server, which gives every byte back, got of these messages; the last must get through.
async fn let_through(viewer: &mut Viewer, messages: &[&[u8]], expected: &[&[u8]]) {
    receive(viewer, 12).await;
    for message in messages {
        viewer.send(Message::binary(message.to_vec())).await.unwrap();
    }
    let expected = expected.concat();
    let got = receive(viewer, expected.len()).await;
    assert_eq!(got, expected);
}

#[tokio::test]
async fn text_for_a_closed_clipboard_does_not_reach_the_guest() {
    let service = Service::with(&[("desktop.clipboard_in", "false")]).await;
    let (session, _guest) = ready(&service).await;
    let mut viewer = view(&service, &session).await;
    let expected = [HELLO, KEY, REQUEST];
    let_through(&mut viewer, &[HELLO, KEY, CUT_TEXT, CUT_TEXT, REQUEST], &expected).await;
    viewer.send(Message::binary(b"\x0bwhat is this".to_vec())).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, async { while let Some(Ok(_)) = viewer.next().await {} });
    end.await.expect("a message that nobody knows ends the stream");
    service.stop().await;
}

#[tokio::test]
async fn of_a_viewer_that_only_looks_no_input_reaches_the_guest() {
    let service = Service::start().await;
    let (session, _guest) = ready(&service).await;
    let mut viewer = view_as(&service, &session, "role=viewer").await;
    let_through(&mut viewer, &[HELLO, KEY, REQUEST, CUT_TEXT, REQUEST], &[HELLO, REQUEST, REQUEST]).await;
    service.stop().await;
}

#[tokio::test]
async fn a_plain_request_for_the_stream_is_told_what_is_missing() {
    let service = Service::start().await;
    let (session, _guest) = ready(&service).await;
    let refused = service.get(&format!("/api/auth/session/{session}/vnc")).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::BAD_REQUEST, &json!("not_a_websocket")));
    service.stop().await;
}

#[tokio::test]
async fn only_pages_opened_by_a_token_may_be_framed_and_only_by_whom_the_operator_named() {
    let service = Service::with(&[("frame_ancestors", "https://app.example.com")]).await;
    let policy = async |path: &str| {
        let page = answer(service.request(Method::GET, path)).await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    };
    assert!(policy("/api/auth/session/x/novnc").await.ends_with("frame-ancestors https://app.example.com"));
    for path in ["/", "/session/x"] {
        assert!(policy(path).await.ends_with("frame-ancestors 'none'"), "{path}");
    }
    let (session, _guest) = service.session("ann").await;
    let (other, _guest) = service.session("ann").await;
    let shown = service.get(&format!("/api/auth/session/{session}")).await.body["session"].take();
    let (_, token) = shown["novnc_url"].as_str().unwrap().split_once("?token=").unwrap();
    let framed = policy(&format!("/session/{session}?view=only&token={token}")).await;
    assert!(framed.ends_with("frame-ancestors https://app.example.com"), "{framed}");
    for path in [
        format!("/session/{session}"),
        format!("/session/{session}?token={}", "0".repeat(64)),
        format!("/session/{other}?token={token}"),
        format!("/session/x?token={token}"),
        format!("/?token={token}"),
    ] {
        assert!(policy(&path).await.ends_with("frame-ancestors 'none'"), "{path}");
    }
    service.stop().await;
}
