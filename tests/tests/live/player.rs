//! Players of WHEP that others have written play the desktop, given its address and a token and nothing else.
//!
//! | player | what it does that our page does not |
//! |---|---|
//! | `whip-whep`, by an author of WHEP's draft | H.264 first; sends its candidates, without the `If-Match` that RFC 9725 section 4.3.1 asks for, and goes on when that is refused |
//! | `@eyevinn/webrtc-player` | asks for sound as well, which a desktop has none of; waits for its candidates before it offers |
//!
//! `make test` installs them (`target/players`). Their page is one of the daemon's addresses that has no page at all: what
//! a session's token opens is opened to programs and to pages of the daemon, not to other sites.

use std::{fs, path::PathBuf};

use anteroom_tests::{Stage, desktop::Desktop, skip, workspace};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// A ground of one colour, for as long as the test wants.
const GROUND: &str = r"
printf '\033[44m\033[2J\033[H'
sleep 3600
";
/// The terminal's blue (`XTerm` among the desktop's files).
const BLUE: [u8; 3] = [0x81, 0xa1, 0xc1];

/// The players' script, when `make test` has made it.
fn players() -> Option<String> {
    let path: PathBuf = workspace().join("target/players/players.js");
    fs::read_to_string(path).ok()
}

/// A video to play in, as the page that our own eyes look at has it.
const STAGE: &str = r"
    document.body.replaceChildren();
    const live = document.body.appendChild(document.createElement('div'));
    live.className = 'live';
    const video = live.appendChild(document.createElement('video'));
    Object.assign(video, { muted: true, autoplay: true, playsInline: true });
    window.failures = [];
    window.calls = [];
    const real = window.fetch;
    window.fetch = async (resource, init) => {
        const response = await real(resource, init);
        window.calls.push(`${init?.method ?? 'GET'} ${response.status}`);
        return response;
    };
    addEventListener('unhandledrejection', (event) => window.failures.push(String(event.reason)));
";

const WHIP_WHEP: &str = r"
    const [url, token, done] = arguments;
    const connection = new RTCPeerConnection();
    const { receiver } = connection.addTransceiver('video', { direction: 'recvonly' });
    const { codecs } = RTCRtpReceiver.getCapabilities('video');
    const rank = ({ mimeType }) => (mimeType === 'video/H264' ? 0 : 1);
    connection.getTransceivers()[0].setCodecPreferences([...codecs].sort((one, other) => rank(one) - rank(other)));
    document.querySelector('video').srcObject = new MediaStream([receiver.track]);
    const player = new players.WHEPClient();
    window.stop = () => player.stop();
    player.view(connection, url, token).then(() => done(null), (error) => done(String(error)));
";

const EYEVINN: &str = r"
    const [url, token, done] = arguments;
    const video = document.querySelector('video');
    const player = new players.WebRTCPlayer({ video, type: 'whep', iceServers: [], statsTypeFilter: '^inbound-rtp' });
    for (const failure of ['peer-connection-failed', 'initial-connection-failed', 'connect-error'])
        player.on(failure, () => window.failures.push(failure));
    window.stop = () => player.unload();
    player.load(new URL(url), `Bearer ${token}`).then(() => done(null), (error) => done(String(error)));
";

#[tokio::test]
async fn players_of_whep_that_others_have_written_show_the_desktop() -> Result<()> {
    let Some(players) = players() else {
        skip("live-players", "target/players/players.js is missing (`make test` installs the players)");
        return Ok(());
    };
    let Some(stage) = Stage::set("live-players", GROUND, &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    // The desktop is there, and a page of ours has seen it.
    Desktop::shown(page).await?.until_colour(BLUE).await?;
    let frame = stage.frame_address().await?;
    let (_, token) = frame.split_once("token=").context("a token")?;
    let address = stage.daemon.url(&format!("/api/webrtc/session/{}/whep?role=viewer", stage.session));

    for (name, play, codec) in [("whip-whep", WHIP_WHEP, "h264"), ("eyevinn", EYEVINN, "vp8")] {
        page.goto(&stage.daemon.url("/health")).await?;
        page.execute(&format!("{STAGE}\n{players}\nwindow.players = players;"), vec![]).await?;
        let failed = page.execute_async(play, vec![address.as_str().into(), token.into()]).await?;
        ensure!(failed.is_null(), "{name}: {failed}");
        let desktop = Desktop::played(page).await?;
        let shown = desktop.until_size(|width, _| width > 0).await?;
        // The page has given it its own shape, with at least these pixels.
        ensure!(shown.0 >= 1280 && shown.1 >= 800, "{name} shows {shown:?}");
        let outcome = desktop.until_colour(BLUE).await;
        let failures = page.execute("return window.failures;", vec![]).await?;
        outcome.with_context(|| format!("{name}: {failures}"))?;
        stage.keep(name).await?;
        let viewers = viewers(&stage).await?;
        ensure!(viewers.len() == 1, "{name}: the viewers are {viewers:#?}");
        ensure!(viewers[0]["codec"] == codec && viewers[0]["role"] == "viewer", "{name}: {viewers:#?}");
        ensure!(failures == json!([]), "{name} has met {failures}");
        page.execute("return window.stop();", vec![]).await?;
        let calls = page.execute("return window.calls;", vec![]).await?;
        let calls = calls.as_array().context("calls")?;
        let ends = calls.first().zip(calls.last());
        ensure!(ends == Some((&json!("POST 201"), &json!("DELETE 200"))), "{name} has called {calls:?}");
        ensure!(self::viewers(&stage).await?.is_empty(), "{name} has stopped and is still there");
    }
    stage.end().await
}

/// Who looks now, as the guest says.
async fn viewers(stage: &Stage) -> Result<Vec<Value>> {
    let stats = stage.daemon.fetch("/api/webrtc/stats").await?;
    Ok(stats["stats"]["guests"][0]["peers"].as_array().context("the guest's viewers")?.clone())
}
