//! Connections of clients that do not behave. Time passes by itself as soon as everybody waits.

use std::net::Ipv4Addr;

use axum::{extract::ConnectInfo, routing::get};
use rcgen::generate_simple_self_signed;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinHandle,
    time::Instant,
};

use super::*;
use crate::{config::TlsChoices, daemon::tls::Identity};

const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

struct House {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl House {
    async fn new(seats: Arc<Seats>, tls: Option<Arc<Tls>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tell = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
        let router = Router::new().route("/", get(tell));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(Server { listener, router, tls, seats }.run(stop.clone()));
        Self { address, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Stops it, and waits until it has.
    async fn close(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

/// What is answered on a connection that stays.
async fn ask(connection: &mut TcpStream) -> String {
    connection.write_all(ASK).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with(&connection.local_addr().unwrap().to_string()) {
        let mut buffer = [0; 1024];
        let count = connection.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "{answer}");
        answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    answer
}

/// How long it takes until the other side has closed the connection; what it says before does not count.
async fn closed(connection: &mut TcpStream) -> Duration {
    let begin = Instant::now();
    let mut rest = Vec::new();
    // An error is an end, too.
    let _ = connection.read_to_end(&mut rest).await;
    begin.elapsed()
}

fn tls() -> Arc<Tls> {
    let directory = tempfile::tempdir().unwrap();
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("certificate"), directory.path().join("key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    crate::private_file::read_or_make(&key, || made.signing_key.serialize_pem().into()).unwrap();
    Arc::new(Tls::with(Identity::read(&TlsChoices { certificate, key }).unwrap()))
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_finish_a_requests_head_is_left() {
    let house = House::new(Seats::of(10, 10, Vec::new()), None).await;
    let (mut silent, mut slow) = (house.connect().await, house.connect().await);
    slow.write_all(&ASK[..10]).await.unwrap();
    for connection in [&mut silent, &mut slow] {
        let took = closed(connection).await;
        assert!(took <= HEAD + Duration::from_secs(1), "{took:?}");
    }
    let mut idle = house.connect().await;
    assert!(ask(&mut idle).await.starts_with("HTTP/1.1 200 "));
    assert!(closed(&mut idle).await >= HEAD - Duration::from_secs(1), "the next request has as much time");
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_finish_a_handshake_is_left_and_is_in_nobodys_way() {
    let house = House::new(Seats::of(10, 10, Vec::new()), Some(tls())).await;
    let mut silent = house.connect().await;
    let mut in_clear = house.connect().await;
    in_clear.write_all(ASK).await.unwrap();
    assert!(closed(&mut in_clear).await < HANDSHAKE, "no TLS is no handshake");
    let took = closed(&mut silent).await;
    assert!(took > Duration::from_secs(1) && took <= HANDSHAKE, "{took:?}");
    house.close().await;
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let house = House::new(Seats::of(10, 10, Vec::new()), None).await;
    let mut connection = house.connect().await;
    let _ = connection.write_all(b"GET / HTTP/1.1\r\nx: ").await;
    let _ = connection.write_all(&vec![b'a'; 2 * MOST_HEAD]).await;
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    // What it had not read yet makes the kernel take the answer back, sometimes.
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    house.close().await;
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_its_seat_is_free_when_another_one_goes() {
    let house = House::new(Seats::of(10, 1, Vec::new()), None).await;
    let mut first = house.connect().await;
    ask(&mut first).await;
    let mut second = house.connect().await;
    closed(&mut second).await;
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200 "));
    drop(first);
    let mut third = house.connect().await;
    while third.write_all(ASK).await.is_err() || third.read(&mut [0; 1]).await.unwrap_or(0) == 0 {
        third = house.connect().await;
    }
    house.stop.cancel();
}

#[tokio::test]
async fn an_end_leaves_nobody_in_the_middle_of_an_answer_and_ends_idle_connections() {
    let house = House::new(Seats::of(10, 10, Vec::new()), None).await;
    let mut idle = house.connect().await;
    ask(&mut idle).await;
    let end = tokio::spawn(house.close());
    closed(&mut idle).await;
    end.await.unwrap();
}

#[tokio::test]
async fn whoever_was_let_in_just_before_the_end_is_answered_but_silence_delays_nothing() {
    let house = House::new(Seats::of(10, 10, Vec::new()), None).await;
    let (mut late, _silent, mut last) = (house.connect().await, house.connect().await, house.connect().await);
    // The others were let in before it.
    ask(&mut last).await;
    let begin = Instant::now();
    house.stop.cancel();
    tokio::time::sleep(FIRST_WORD / 10).await;
    assert!(ask(&mut late).await.starts_with("HTTP/1.1 200 "));
    house.close().await;
    assert!(begin.elapsed() < 5 * FIRST_WORD, "{:?}", begin.elapsed());
}
