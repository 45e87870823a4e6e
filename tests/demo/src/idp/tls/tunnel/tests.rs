use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::{LONGEST_HEAD_BYTES, TunnelError, open};
use crate::idp::{Event, Log};

/// What a peer that says `words` is told, and what was made of it.
async fn told(words: &[u8]) -> (String, Result<(), TunnelError>, Vec<Event>) {
    let (mut peer, mut ours) = duplex(64 * 1024);
    peer.write_all(words).await.unwrap();
    peer.shutdown().await.unwrap();
    let log = Log::default();
    let opened = open(&mut ours, &["auth.openai.com".to_owned()], &log).await;
    drop(ours);
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    (answer, opened, log.events())
}

#[tokio::test]
async fn a_tunnel_to_a_name_we_stand_in_for_is_opened() {
    let (answer, opened, events) = told(b"CONNECT Auth.OpenAI.com:443 HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\n");
    assert!(opened.is_ok() && events.is_empty());
}

#[tokio::test]
async fn the_handshake_behind_the_head_is_not_swallowed() {
    let (mut peer, mut ours) = duplex(1024);
    peer.write_all(b"CONNECT auth.openai.com:443 HTTP/1.1\r\n\r\nhello").await.unwrap();
    open(&mut ours, &["auth.openai.com".to_owned()], &Log::default()).await.unwrap();
    let mut rest = [0; 5];
    ours.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"hello");
}

#[tokio::test]
async fn a_tunnel_to_elsewhere_is_refused_and_logged() {
    for authority in
        ["example.org:443", "auth.openai.com:80", "auth.openai.com", "auth.openai.com.example.org:443"]
    {
        let (answer, opened, events) = told(format!("CONNECT {authority} HTTP/1.1\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(matches!(opened, Err(TunnelError::Elsewhere)));
        assert_eq!(events, [Event::TunnelRefused { authority: authority.to_owned() }]);
    }
}

#[tokio::test]
async fn what_is_no_connect_is_refused() {
    for words in
        ["GET http://auth.openai.com/ HTTP/1.1\r\n\r\n", "CONNECT auth.openai.com:443\r\n\r\n", "\r\n\r\n"]
    {
        let (answer, opened, _) = told(words.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(matches!(opened, Err(TunnelError::NotConnect)));
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let (answer, opened, _) = told(&[b'a'; LONGEST_HEAD_BYTES + 1]).await;
    assert!(answer.is_empty() && matches!(opened, Err(TunnelError::NotConnect)));
    let (_, opened, _) = told(b"CONNECT auth.").await;
    assert!(matches!(opened, Err(TunnelError::Broken(_))));
}
