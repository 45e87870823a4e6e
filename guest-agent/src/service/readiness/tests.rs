use std::{path::PathBuf, sync::Arc, time::Instant};

use tokio::net::{TcpListener, UnixListener};

use super::*;

async fn within(readiness: Readiness, log: Arc<LogRing>) -> bool {
    timeout(Duration::from_secs(3), answered(&readiness, &log, 0)).await.is_ok()
}

/// Answers every connection with these bytes.
fn say(listener: TcpListener, bytes: &'static [u8]) {
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let _ = peer.write_all(bytes).await;
            // Read what the peer asks, so that closing is no reset.
            let _ = peer.read(&mut [0; 512]).await;
        }
    });
}

async fn port_that_says(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    say(listener, bytes);
    port
}

#[tokio::test]
async fn only_the_services_own_protocol_counts_as_an_answer() {
    let log = || Arc::new(LogRing::new());
    let rfb = |port| Readiness::Rfb { port, hint: None };
    assert!(within(rfb(port_that_says(b"RFB 003.008\n").await), log()).await);
    assert!(!within(rfb(port_that_says(b"HTTP/1.1 200 OK\r\n\r\n").await), log()).await);
    let http = |port, status| Readiness::Http { port, path: "/".into(), status, hint: None };
    assert!(within(http(port_that_says(b"HTTP/1.1 200 OK\r\n\r\n").await, 200), log()).await);
    assert!(!within(http(port_that_says(b"HTTP/1.1 503 Busy\r\n\r\n").await, 200), log()).await);
}

#[tokio::test]
async fn a_line_in_the_log_is_noticed_at_once() {
    let log = Arc::new(LogRing::new());
    let port = port_that_says(b"RFB 003.008\n").await;
    let readiness = Readiness::Rfb { port, hint: Some("PORT=".into()) };
    log.append("PORT=5900".into());
    let start = Instant::now();
    assert!(within(readiness, log).await);
    assert!(start.elapsed() < COARSE / 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_missed_line_costs_no_more_than_the_coarse_interval() {
    let port = port_that_says(b"RFB 003.008\n").await;
    assert!(within(Readiness::Rfb { port, hint: Some("never said".into()) }, Arc::new(LogRing::new())).await);
}

#[tokio::test]
async fn a_bus_that_appears_later_is_greeted() {
    let directory = tempfile::tempdir().unwrap();
    let socket: PathBuf = directory.path().join("bus");
    let readiness = Readiness::Dbus { socket: socket.clone() };
    let waiting = tokio::spawn(within(readiness, Arc::new(LogRing::new())));
    tokio::task::yield_now().await;
    let listener = UnixListener::bind(&socket).unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    let mut greeting = [0; 19];
    peer.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"\0AUTH EXTERNAL 30\r\n");
    peer.write_all(b"REJECTED EXTERNAL\r\n").await.unwrap();
    assert!(waiting.await.unwrap());
}
