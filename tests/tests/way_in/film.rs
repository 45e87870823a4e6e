//! The desktop as a film: it plays, and it shows what the desktop has shown.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anteroom_tests::{Daemon, browser::Browser, skip};
use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::{PATIENCE, interrupt};

/// Plays a film to its end, and compares its last picture with another one: length, size, how many pictures there were, and by how
/// much a colour differs on the average.
const PLAY: &str = r#"
    const [film, still, done] = arguments;
    const video = document.createElement("video");
    video.muted = true;
    const fail = (why) => done({ error: String(why) });
    video.onerror = () => fail(video.error.message);
    video.onended = async () => {
        const image = new Image();
        image.src = still;
        await image.decode();
        const pixels = (source) => {
            const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
            const context = canvas.getContext("2d");
            context.drawImage(source, 0, 0);
            return context.getImageData(0, 0, canvas.width, canvas.height).data;
        };
        const [one, other] = [pixels(video), pixels(image)];
        let sum = 0;
        for (let at = 0; at < one.length; at += 1) sum += Math.abs(one[at] - other[at]);
        done({
            duration: video.duration,
            size: [video.videoWidth, video.videoHeight],
            pictures: video.getVideoPlaybackQuality().totalVideoFrames,
            difference: sum / one.length,
        });
    };
    video.src = film;
    video.play().catch(fail);
"#;

pub(super) async fn plays_and_shows_the_desktop(daemon: &Daemon, vm: &str) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let path = |name: &str| scratch.path().join(name);
    let counting =
        "exec xterm -geometry 40x10+0+0 -e sh -c 'n=0; while :; do n=$((n+1)); echo $n; sleep 0.2; done'";
    let mut moving = daemon.command(&["exec", vm, "-n", "--", "sh", "-c", counting]);
    let mut moving = moving.stdin(Stdio::null()).spawn()?;
    let film = path("x.webm").display().to_string();
    let said = daemon.cli(&["record", vm, "-o", &film, "--seconds", "6", "--fps", "10"]).await?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), film);
    let still = path("still.png").display().to_string();
    ensure!(daemon.cli(&["screenshot", vm, "-o", &still]).await?.status.success());

    // Until Ctrl+C, into a pipe.
    let mut piped = daemon.command(&["record", vm, "-o", "-"]).stdout(Stdio::piped()).spawn()?;
    let mut out = piped.stdout.take().context("a pipe")?;
    let mut bytes = vec![0; 4];
    timeout(PATIENCE, out.read_exact(&mut bytes)).await??;
    assert_eq!(bytes, [0x1a, 0x45, 0xdf, 0xa3], "it begins with its first picture");
    tokio::time::sleep(Duration::from_secs(3)).await;
    interrupt(&piped)?;
    timeout(PATIENCE, out.read_to_end(&mut bytes)).await??;
    ensure!(piped.wait().await?.success());
    interrupt(&moving)?;
    moving.wait().await?;
    fs::copy(&film, anteroom_tests::artefact("way-in-film.webm"))?;

    if let Some(program) = Browser::missing() {
        let reason = format!("{program} is missing (./setup.sh test installs it)");
        skip("plays_and_shows_the_desktop", &reason);
        return Ok(());
    }
    let browser = Browser::open().await?;
    let shown = play(&browser, &fs::read(&film)?, Path::new(&still)).await?;
    assert_eq!(shown["size"], json!([1280, 800]), "{shown}");
    let figure = |name: &str| shown[name].as_f64().with_context(|| shown.to_string());
    ensure!((2.0..9.0).contains(&figure("duration")?), "{shown}");
    ensure!(figure("pictures")? > 5.0, "nothing moves in it: {shown}");
    ensure!(figure("difference")? < 8.0, "that is not the desktop: {shown}");
    let shown = play(&browser, &bytes, Path::new(&still)).await?;
    ensure!(shown["error"].is_null() && shown["size"] == json!([1280, 800]), "out of a pipe: {shown}");
    browser.close().await
}

async fn play(browser: &Browser, film: &[u8], still: &Path) -> Result<Value> {
    let address = |kind: &str, bytes: &[u8]| json!(format!("data:{kind};base64,{}", STANDARD.encode(bytes)));
    let arguments = vec![address("video/webm", film), address("image/png", &fs::read(still)?)];
    browser.page.goto("data:text/html,<title>film</title>").await?;
    let played = browser.page.execute_async(PLAY, arguments);
    Ok(timeout(PATIENCE, played).await.context("it does not end")??)
}
