//! The desktop takes the page's size, and many connections leave nothing behind: neither viewers nor descriptors nor memory.

use std::time::Duration;

use anteroom_tests::{
    Stage,
    desktop::{Desktop, TERMINAL},
    machine,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Tells at each line how many descriptors the role has open that shows the desktop, which runs as the same user.
const COUNTER: &str = r#"
descriptors() {
  for process in /proc/[0-9]*; do
    case $(tr '\0' ' ' < $process/cmdline 2>/dev/null) in
      '/usr/lib/anteroom/anteroom-agent stream '*) set -- $process/fd/*; echo $#;;
    esac
  done
}
read -r line
before=$(descriptors)
read -r line
printf '{"token":"t","before":"%s","after":"%s"}' "$before" "$(descriptors)" > .told.new
mv .told.new .told
sleep 3
"#;

/// The first connections make what stays: threads, buffers of the encoder, pools of the allocator.
const FIRST: usize = 8;
const RECONNECTIONS: usize = 20;
/// How many connections the browser keeps for its next request is its affair, a few more or fewer. What each reconnection leaves
/// would be more than that.
const KEPT_BY_THE_BROWSER: usize = 6;
/// Less than a MiB for each of them; a connection that stays keeps more, its encoder's pictures and the packets that it could
/// send again. Twenty at 1700x1057 have cost the role 2 to 3 MiB, and once 11; in a guest without emulation (`tests/bare`) a
/// hundred cost 0.3.
const NOISE_KIB: u64 = 16 * 1024;

#[tokio::test]
async fn the_desktop_takes_the_pages_size_and_twenty_reconnections_leave_nothing() -> Result<()> {
    let Some(stage) = Stage::set("live-size", COUNTER, &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    let small = desktop.until_size(|width, _| width > 0).await?;
    // It begins with 1280x800, and is made to fit the page's frame, which is not quite of that shape.
    ensure!(
        (1280..1300).contains(&small.0) && (800..820).contains(&small.1),
        "the desktop is made for {small:?}"
    );
    // The page for a frame of another site, which opens with the token of its address.
    page.set_window_size(1700, 1200).await?;
    stage.open_frame_page().await?;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the frame's picture is not live");
    // The session's page has asked for a little more than 1280 too, to fit its own frame.
    let large = desktop.until_size(|width, _| width > 1500).await?;
    let (shown_width, shown_height) = desktop.room().await?;
    ensure!(
        large.0.abs_diff(shown_width) < 2 && large.1.abs_diff(shown_height) < 2,
        "{large:?} in {shown_width} x {shown_height}"
    );
    desktop.until_colour(TERMINAL).await?;
    stage.keep("3-larger").await?;

    reconnect(&stage, FIRST).await?;
    Desktop::shown(page).await?.type_line("before").await?;
    let before = Held::at_least(&stage).await?;
    reconnect(&stage, RECONNECTIONS).await?;
    // The last of them has the desktop in hand.
    Desktop::shown(page).await?.type_and_see("typed after twenty reconnections").await?;
    let after = Held::at_least(&stage).await?;
    let viewers = after.viewers.as_array().context("the guest's viewers")?;
    ensure!(viewers.len() == 1, "viewers are left: {viewers:#?}");
    eprintln!("before {before:?}\nafter {after:?}");
    for (name, before, after) in [
        ("the guest's role", before.stream_kib, after.stream_kib),
        ("the daemon", before.daemon_kib, after.daemon_kib),
    ] {
        ensure!(after < before + NOISE_KIB, "{name} had {before} KiB and has {after}");
    }
    ensure!(
        after.daemon_descriptors <= before.daemon_descriptors + KEPT_BY_THE_BROWSER,
        "the daemon's descriptors: {} and {}",
        before.daemon_descriptors,
        after.daemon_descriptors
    );
    Desktop::shown(page).await?.type_line("").await?;
    let told = stage.told().await?;
    let count = |moment: &str| told[moment].as_str().and_then(|count| count.parse::<u32>().ok());
    let (before, after) = count("before").zip(count("after")).with_context(|| told.to_string())?;
    ensure!(before > 0 && after <= before, "the role had {before} descriptors and has {after}");
    stage.end().await
}

async fn reconnect(stage: &Stage, times: usize) -> Result<()> {
    for _ in 0..times {
        stage.browser.page.refresh().await?;
        Desktop::shown(&stage.browser.page).await?;
    }
    Ok(())
}

/// What both sides have now.
#[derive(Debug)]
struct Held {
    stream_kib: u64,
    daemon_kib: u64,
    daemon_descriptors: usize,
    viewers: Value,
}

impl Held {
    /// The least that is seen within five seconds: what a connection has that has just ended is not all given back at once.
    async fn at_least(stage: &Stage) -> Result<Self> {
        let mut least = Self::by(stage).await?;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = Self::by(stage).await?;
            least = Self {
                stream_kib: least.stream_kib.min(now.stream_kib),
                daemon_kib: least.daemon_kib.min(now.daemon_kib),
                daemon_descriptors: least.daemon_descriptors.min(now.daemon_descriptors),
                viewers: now.viewers,
            };
        }
        Ok(least)
    }

    async fn by(stage: &Stage) -> Result<Self> {
        let stats = stage.daemon.fetch("/api/webrtc/stats").await?;
        let session = stage.daemon.fetch(&format!("/api/auth/session/{}", stage.session)).await?;
        let vm = session["session"]["vm_id"].as_str().context("a VM")?;
        let diagnostics = stage.daemon.fetch(&format!("/api/vms/{vm}/diagnostics")).await?;
        let stream_kib = diagnostics.pointer("/memory/roles_kib/stream");
        let stream_kib = stream_kib.with_context(|| format!("the role's memory in {diagnostics:#}"))?;
        Ok(Self {
            stream_kib: stream_kib.as_u64().context("KiB")?,
            daemon_kib: machine::memory_kib(stage.daemon.pid())?,
            daemon_descriptors: machine::descriptors(stage.daemon.pid())?,
            viewers: stats["stats"]["guests"][0]["peers"].clone(),
        })
    }
}
