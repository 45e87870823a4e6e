//! A real browser at the far end: it offers as a page does, over real UDP, to a test that plays the host.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anteroom_protocol::{
    desk::Directions,
    stream::{PeerOffer, PeerRole},
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::Html,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::mpsc,
};

use super::viewer::{Stage, sdp_without_candidates};

/// What a page does: it offers to receive a video and to speak with the desk, and says what became of it.
const PAGE: &str = r#"<!doctype html><script>
const say = report => fetch('/report', {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(report)});
(async () => {
  const peer = new RTCPeerConnection();
  peer.addTransceiver('video', {direction: 'recvonly'});
  const desk = peer.createDataChannel('desk');
  desk.onopen = () => desk.send('hello');
  let heard = null;
  desk.onmessage = event => heard = event.data;
  const negotiate = async options => {
    await peer.setLocalDescription(await peer.createOffer(options));
    const answer = await fetch('/offer', {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(peer.localDescription)});
    if (!answer.ok) { await say({refused: await answer.text()}); return; }
    await peer.setRemoteDescription(await answer.json());
  };
  await negotiate();
  let restarted = false;
  setInterval(async () => {
    const report = {state: peer.connectionState, heard, restarted, packets: 0, lost: 0, keyframeRequests: 0};
    for (const entry of (await peer.getStats()).values()) {
      if (entry.type === 'inbound-rtp') {
        report.packets = entry.packetsReceived; report.lost = entry.packetsLost; report.keyframeRequests = entry.pliCount;
      }
      if (entry.type === 'codec') { report.codec = entry.mimeType; report.format = entry.sdpFmtpLine; }
      if (entry.type === 'transport') { report.dtls = entry.dtlsState; }
    }
    await say(report);
    if (!restarted && report.packets > 50) { restarted = true; await negotiate({iceRestart: true}); }
  }, 100);
})().catch(error => say({refused: String(error)}));
</script>"#;

#[derive(Clone)]
struct Host {
    stage: Arc<Stage>,
    candidate: String,
    reports: mpsc::UnboundedSender<Value>,
}

#[derive(Deserialize)]
struct Description {
    sdp: String,
}

/// Ends with the test.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn offer(
    State(host): State<Host>,
    Json(offer): Json<Description>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let offer = PeerOffer {
        sdp: offer.sdp,
        role: PeerRole::Controller,
        most_bps: 8_000_000,
        clipboard: Directions::BOTH,
    };
    let answer = host.stage.wire.answer("browser", offer).await;
    let answer = answer.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    // As the host does: its own candidates in place of the made-up ones, in the first section.
    let text = sdp_without_candidates(&answer.sdp).replacen(
        "a=ice-ufrag:",
        &format!("a={}\r\na=ice-ufrag:", host.candidate),
        1,
    );
    Ok(Json(json!({ "type": "answer", "sdp": text })))
}

async fn report(State(host): State<Host>, Json(report): Json<Value>) {
    let _ = host.reports.send(report);
}

#[tokio::test]
async fn a_browser_is_shown_the_pictures_speaks_with_the_desk_and_restarts_ice() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let candidate =
        format!("candidate:1 1 udp 2130706431 127.0.0.1 {} typ host", udp.local_addr().unwrap().port());
    let stage = Arc::new(Stage::open_on(Some(udp)));
    let (reports, mut reported) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/offer", post(offer))
        .route("/report", post(report))
        .with_state(Host { stage: stage.clone(), candidate, reports });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let profile = tempfile::tempdir().unwrap();
    let _browser = Browser(
        Command::new("/usr/bin/chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{address}/"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setup.sh test installs Chromium"),
    );
    let mut last = Value::Null;
    let seen = async {
        let mut at_restart = None;
        while let Some(report) = reported.recv().await {
            assert!(report["refused"].is_null(), "{report:#}");
            let packets = report["packets"].as_u64().unwrap();
            if report["restarted"] == true && at_restart.is_none() {
                at_restart = Some(packets);
            }
            let goes_on = at_restart.is_some_and(|before| packets > before + 50);
            last = report;
            if goes_on && last["state"] == "connected" && last["heard"] == "controller heard hello" {
                return;
            }
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(90), seen).await;
    assert!(seen.is_ok(), "{last:#}");
    // The film is none that can be decoded, so the browser asks for keyframes until it is shown one.
    assert!(last["keyframeRequests"].as_u64().unwrap() > 0 && stage.film.asked() > 0, "{last:#}");
    assert_eq!(last["dtls"], "connected");
    assert_eq!(stage.film.watched().len(), 1, "an ICE restart is no other viewer");
}
