//! The stream role of a staged guest: it answers offers with made-up answers, and has a pipe for packets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anteroom_protocol::stream::{
    PeerAnswer, PeerOffer, PeerRole, PeerStats, StreamStats,
    datagram::{Datagram, Remote},
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, put},
};
use bytes::BytesMut;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::{Mutex, mpsc, watch},
};

use crate::guest::Guest;

pub(crate) const PASSWORD: &str = "0123456789012345678901ab";

/// What happened in it, and what it is to do.
#[derive(Debug)]
pub(crate) struct Stream {
    offers: watch::Sender<Vec<(String, PeerOffer)>>,
    gone: watch::Sender<BTreeSet<String>>,
    /// Whether its process runs, and how many there were before.
    runs: watch::Sender<(bool, usize)>,
    pipes: watch::Sender<usize>,
    refuses: std::sync::Mutex<Option<String>>,
    /// What is answered to the next offers before one is taken.
    turns_away: std::sync::Mutex<Vec<StatusCode>>,
    inputs: std::sync::Mutex<BTreeMap<String, u64>>,
    arrived: (mpsc::UnboundedSender<Datagram>, Mutex<mpsc::UnboundedReceiver<Datagram>>),
    outgoing: (mpsc::UnboundedSender<Datagram>, Mutex<mpsc::UnboundedReceiver<Datagram>>),
}

impl Default for Stream {
    fn default() -> Self {
        let ((arrived, arriving), (send, sending)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        Self {
            offers: watch::Sender::default(),
            gone: watch::Sender::default(),
            runs: watch::Sender::new((true, 0)),
            pipes: watch::Sender::default(),
            refuses: std::sync::Mutex::default(),
            turns_away: std::sync::Mutex::default(),
            inputs: std::sync::Mutex::default(),
            arrived: (arrived, arriving.into()),
            outgoing: (send, sending.into()),
        }
    }
}

/// The session of the answers' names: `name` and how many offers there were before.
pub(crate) fn name(number: usize) -> String {
    format!("name{number}")
}

impl Stream {
    /// The offers so far, once there are so many.
    pub(crate) async fn offers(&self, count: usize) -> Vec<(String, PeerOffer)> {
        self.offers.subscribe().wait_for(|offers| offers.len() >= count).await.unwrap().clone()
    }

    /// Waits until this viewer was removed.
    pub(crate) async fn removed(&self, peer: &str) {
        self.gone.subscribe().wait_for(|gone| gone.contains(peer)).await.unwrap();
    }

    pub(crate) fn is_down(&self) {
        self.runs.send_modify(|(runs, _)| *runs = false);
    }

    /// Another process: whoever was connected is not any more.
    pub(crate) fn starts_again(&self) {
        self.runs.send_modify(|(runs, before)| (*runs, *before) = (true, *before + 1));
    }

    pub(crate) fn refuses(&self, reason: &str) {
        *self.refuses.lock().unwrap() = Some(reason.to_owned());
    }

    /// The next offers get these answers, the last first; what comes then is taken.
    pub(crate) fn turns_away(&self, with: &[StatusCode]) {
        *self.turns_away.lock().unwrap() = with.to_vec();
    }

    /// This viewer does something.
    pub(crate) fn acts(&self, peer: &str) {
        *self.inputs.lock().unwrap().entry(peer.to_owned()).or_default() += 1;
    }

    /// Waits until the host has dialled so often.
    pub(crate) async fn dialled(&self, times: usize) {
        self.pipes.subscribe().wait_for(|pipes| *pipes >= times).await.unwrap();
    }

    pub(crate) async fn arrives(&self) -> Datagram {
        self.arrived.1.lock().await.recv().await.unwrap()
    }

    pub(crate) fn sends(&self, remote: Remote, payload: &[u8]) {
        self.outgoing.0.send(Datagram { remote, payload: payload.to_vec().into() }).unwrap();
    }

    /// What follows the handshake on the packets' port.
    pub(crate) async fn pipe(&self, mut host: UnixStream) {
        let mut runs = self.runs.subscribe();
        let (running, process) = *runs.borrow_and_update();
        if !running || host.write_all(b"OK 2\n").await.is_err() {
            return;
        }
        self.pipes.send_modify(|pipes| *pipes += 1);
        let (mut from_host, mut to_host) = host.split();
        let take = async {
            let mut bytes = BytesMut::new();
            while from_host.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
                while let Some(datagram) = Datagram::read(&mut bytes).unwrap() {
                    let _ = self.arrived.0.send(datagram);
                }
            }
        };
        let give = async {
            let mut outgoing = self.outgoing.1.lock().await;
            while let Some(datagram) = outgoing.recv().await {
                let mut bytes = BytesMut::new();
                datagram.write(&mut bytes).unwrap();
                if to_host.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = take => {}
            () = give => {}
            _ = runs.wait_for(|now| *now != (true, process)) => {}
        }
    }
}

pub(crate) fn routes() -> Router<Arc<Guest>> {
    Router::new().route("/stream/peers/{id}", put(offer).delete(remove)).route("/stream/stats", get(stats))
}

async fn offer(
    State(guest): State<Arc<Guest>>,
    Path(id): Path<String>,
    Json(offer): Json<PeerOffer>,
) -> Response {
    let stream = &guest.stream;
    if !stream.runs.borrow().0 {
        let problem = json!({ "error": "the service stream is not ready" });
        return (StatusCode::SERVICE_UNAVAILABLE, Json(problem)).into_response();
    }
    if let Some(reason) = stream.refuses.lock().unwrap().clone() {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": reason }))).into_response();
    }
    if let Some(status) = stream.turns_away.lock().unwrap().pop() {
        return (status, Json(json!({ "error": "not now" }))).into_response();
    }
    let number = stream.offers.borrow().len();
    let name = name(number);
    let sdp = format!(
        "v=0\r\no=- 7 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 GU:ES:T\r\na=ice-lite\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:{name}\r\na=ice-pwd:{PASSWORD}\r\n\
         a=candidate:1 1 udp 1 10.0.0.1 22 typ host\r\na=sendonly\r\n"
    );
    stream.offers.send_modify(|offers| offers.push((id, offer)));
    Json(PeerAnswer { sdp }).into_response()
}

async fn remove(State(guest): State<Arc<Guest>>, Path(id): Path<String>) -> StatusCode {
    guest.stream.gone.send_modify(|gone| {
        gone.insert(id);
    });
    StatusCode::NO_CONTENT
}

/// Everybody who was offered and has neither gone nor closed a page.
async fn stats(State(guest): State<Arc<Guest>>) -> Json<StreamStats> {
    let gone = guest.stream.gone.borrow().clone();
    let mut ids: Vec<String> = guest.stream.offers.borrow().iter().map(|(id, _)| id.clone()).collect();
    ids.retain(|id| !gone.contains(id));
    let inputs = guest.stream.inputs.lock().unwrap().clone();
    let peer = |id: String| PeerStats {
        inputs: inputs.get(&id).copied().unwrap_or_default(),
        id,
        connected: true,
        codec: None,
        role: PeerRole::Controller,
        pictures: 0,
        left_out: 0,
        sent_bytes: 0,
        keyframe_requests: 0,
        estimate_bps: 0,
    };
    Json(StreamStats { peers: ids.into_iter().map(peer).collect() })
}

impl Stream {
    /// A viewer closes its page, of which the host hears nothing.
    pub(crate) fn loses(&self, peer: &str) {
        self.gone.send_modify(|gone| {
            gone.insert(peer.to_owned());
        });
    }
}
