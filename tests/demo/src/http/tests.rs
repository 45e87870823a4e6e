use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::{HttpError, get, post_form};

/// A peer that answers `reply` to whatever it is asked, and hands back what that was.
fn peer(reply: String) -> (DuplexStream, tokio::task::JoinHandle<String>) {
    let (ours, mut theirs) = duplex(256 * 1024);
    let heard = tokio::spawn(async move {
        let mut heard = vec![0; 4096];
        let length = theirs.read(&mut heard).await.unwrap();
        theirs.write_all(reply.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    });
    (ours, heard)
}

#[tokio::test]
async fn a_form_is_sent_encoded_and_the_answer_comes_back_whole() {
    let (connection, heard) = peer("HTTP/1.1 418 Teapot\r\ncontent-length: 5\r\n\r\nshort".to_owned());
    let answer = post_form(connection, "idp:9400", "/token", &[("a", "1 &2")]).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (418, b"short".as_ref()));
    let heard = heard.await.unwrap();
    assert!(heard.starts_with("POST /token HTTP/1.1\r\n") && heard.ends_with("\r\n\r\na=1+%262"), "{heard}");
    assert!(heard.contains("host: idp:9400\r\n"), "{heard}");
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let (connection, _heard) = peer(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000)));
    assert!(matches!(get(connection, "idp", "/").await, Err(HttpError::Body(_))));
}

#[tokio::test]
async fn a_broken_connection_is_an_error() {
    let (connection, theirs) = duplex(64);
    drop(theirs);
    assert!(matches!(get(connection, "idp", "/").await, Err(HttpError::Connection(_))));
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up() {
    let (connection, _theirs) = duplex(4096);
    assert!(matches!(get(connection, "idp", "/").await, Err(HttpError::Silence)));
}
