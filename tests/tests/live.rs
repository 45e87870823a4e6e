//! The live desktop as a person has it: a real Chromium shows a VM's desktop over WebRTC, and what is typed, pasted and clicked
//! in the page arrives in a program in the VM, which tells what it got by way of its credentials.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use anteroom_tests::{
    Daemon, Turn, artefact,
    browser::Browser,
    daemon::{Options, PATIENCE},
    desktop::{Desktop, TERMINAL},
    skip,
};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;
use serde_json::Value;
use tempfile::TempDir;

/// Reads three lines: one that is typed, one that is pasted, and one after the role that shows the desktop was killed.
const DEFINITION: &str = r#"
id = "typist"
name = "Typist"
[launch.browser]
argv = ["anteroom-demo", "run", "sh", "-c", """
read -r typed
read -r pasted
for process in /proc/[0-9]*; do
  case $(tr '\\0' ' ' < $process/cmdline 2>/dev/null) in '/usr/lib/anteroom/anteroom-agent stream '*) kill -9 ${process#/proc/};; esac
done
read -r after
printf '{"token":"t","typed":"%s","pasted":"%s","after":"%s"}' "$typed" "$pasted" "$after" > .typist.new
mv .typist.new .typist
sleep 3
"""]
[[url]]
host = "typist.example"
path = "/"
kind = "ticket"
dedupe = "code"
[[credential]]
path = ".typist"
require = ["token", "typed", "pasted", "after"]
"#;

const TYPED: &str = "typed: Zwölf Boxkämpfer, 3 < 4 @ ~ {x} €";
const PASTED: &str = "pasted: žluťoučký kůň, 漢字";
const AFTER: &str = "after it was killed";

struct Stage {
    daemon: Daemon,
    browser: Browser,
    session: String,
    _providers: TempDir,
    _turn: Turn,
}

impl Stage {
    /// A session of the typist, its page open. `None` without a browser on this machine.
    async fn set(test: &str, settings: &[(&str, &str)]) -> Result<Option<Self>> {
        if let Some(program) = Browser::missing() {
            skip(test, &format!("{program} is missing (./setup.sh test installs it)"));
            return Ok(None);
        }
        let turn = Turn::take()?;
        let providers = tempfile::tempdir()?;
        fs::write(providers.path().join("typist.toml"), DEFINITION)?;
        let own = [("ANTEROOM_PROVIDERS_DIR", providers.path().to_str().context("a path")?)];
        let environment: BTreeMap<_, _> = own
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let daemon = Daemon::start(test, "test", Options { environment, config: None }).await?;
        let session = daemon.start_session("typist", "me").await?;
        let browser = Browser::open().await?;
        browser.page.goto(&daemon.url(&format!("/#key={}", daemon.key))).await?;
        browser.page.wait().for_element(Locator::Css("[name=provider]")).await?;
        browser.page.goto(&daemon.url(&format!("/session/{session}"))).await?;
        Ok(Some(Self { daemon, browser, session, _providers: providers, _turn: turn }))
    }

    /// Waits for it; what was seen of the session is part of the error.
    async fn completed(&self) -> Result<()> {
        if let Err(error) = self.daemon.wait_for(&self.session, &["completed"]).await {
            let seen = self.daemon.fetch(&format!("/api/auth/session/{}/history", self.session)).await?;
            self.browser.screenshot(&artefact("live-failed.png")).await?;
            return Err(error.context(format!("{:#}", seen["history"])));
        }
        Ok(())
    }

    /// The only viewer, as the guest sees it; one that has left is waited out.
    async fn viewer(&self) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut stats = self.daemon.fetch("/api/webrtc/stats").await?;
            let viewers = stats["stats"]["guests"][0]["peers"].take();
            match viewers.as_array().map(Vec::as_slice) {
                Some([viewer]) if viewer["connected"] == true => return Ok(viewer.clone()),
                _ => ensure!(Instant::now() < deadline, "not one viewer: {viewers:#}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn end(self) -> Result<()> {
        self.browser.close().await?;
        self.daemon.stop().await
    }
}

#[tokio::test]
async fn what_a_person_types_and_pastes_arrives_and_the_picture_comes_back_when_its_process_was_killed()
-> Result<()> {
    let Some(stage) = Stage::set("live", &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the picture is not live");
    desktop.until_colour(TERMINAL).await?;
    desktop.type_line(TYPED).await?;
    stage.browser.screenshot(&artefact("live-1-typed.png")).await?;
    desktop.paste_line(PASTED).await?;

    // The role is killed now by the program in the VM.
    let lost = Locator::Css(".desktop-surface:not([data-state=connected])");
    page.wait().at_most(Duration::from_secs(30)).for_element(lost).await.context("nothing was lost")?;
    let desktop = Desktop::shown(page).await.context("the picture did not come back")?;
    ensure!(desktop.way().await? == "live", "the picture came back, but not live");
    desktop.type_line(AFTER).await?;

    stage.completed().await?;
    let captured =
        stage.daemon.fetch(&format!("/api/auth/session/{}/credentials/status", stage.session)).await?;
    let credentials = &captured["credentials"];
    assert_eq!(credentials["typed"], TYPED);
    assert_eq!(credentials["pasted"], PASTED);
    assert_eq!(credentials["after"], AFTER);
    stage.end().await
}

#[tokio::test]
async fn where_no_packet_comes_through_the_page_shows_the_plain_picture_and_offers_no_closed_clipboard()
-> Result<()> {
    let settings = [
        // Nobody is at this address (RFC 5737).
        ("ANTEROOM_MEDIA_PUBLIC_ADDRESSES", "192.0.2.1:9"),
        ("ANTEROOM_DESKTOP_CLIPBOARD_IN", "false"),
        ("ANTEROOM_DESKTOP_CLIPBOARD_OUT", "false"),
    ];
    let Some(stage) = Stage::set("live-blocked", &settings).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "plain", "what came through?");
    let said = page.find(Locator::Css(".desktop-quality")).await?.text().await?;
    ensure!(said.contains("noVNC"), "the page says {said:?}");
    desktop.until_colour(TERMINAL).await?;
    stage.browser.screenshot(&artefact("live-2-plain.png")).await?;
    for offer in ["Copy from desktop", "Type or paste text"] {
        let visible = page.find(Locator::Css("main")).await?.text().await?;
        ensure!(!visible.contains(offer), "the page offers {offer:?}");
    }
    stage.end().await
}

#[tokio::test]
async fn the_desktop_takes_the_pages_size_and_twenty_reconnections_leave_one_viewer() -> Result<()> {
    let Some(stage) = Stage::set("live-size", &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    let small = desktop.until_size(|width, _| width > 0).await?;
    ensure!(small == (1280, 800), "the desktop is made for {small:?}");
    // The page for a frame of another site, which opens with the token of its address.
    let session = stage.daemon.fetch(&format!("/api/auth/session/{}", stage.session)).await?;
    page.set_window_size(1700, 1200).await?;
    page.goto(session["session"]["novnc_url"].as_str().context("an address for a frame")?).await?;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the frame's picture is not live");
    let large = desktop.until_size(|width, _| width > 1280).await?;
    let (shown_width, shown_height) = desktop.room().await?;
    ensure!(
        large.0.abs_diff(shown_width) < 2 && large.1.abs_diff(shown_height) < 2,
        "{large:?} in {shown_width} x {shown_height}"
    );
    desktop.until_colour(TERMINAL).await?;
    stage.browser.screenshot(&artefact("live-3-larger.png")).await?;

    for _ in 0..20 {
        page.refresh().await?;
        Desktop::shown(page).await?;
    }
    // The last of them has the desktop in hand.
    Desktop::shown(page).await?.type_and_see("typed after twenty reconnections").await?;
    let stats = stage.daemon.fetch("/api/webrtc/stats").await?;
    let viewers = stats["stats"]["guests"][0]["peers"].as_array().context("the guest's viewers")?;
    ensure!(viewers.len() == 1, "viewers are left: {viewers:#?}");
    stage.end().await
}

#[tokio::test]
async fn a_page_that_changes_its_network_stays_the_same_viewer_and_one_that_only_looks_sends_nothing()
-> Result<()> {
    let Some(stage) = Stage::set("live-restart", &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the picture is not live");
    desktop.type_and_see("before the network changes").await?;
    let before = stage.viewer().await?;
    ensure!(before["inputs"].as_u64() > Some(0), "what was typed is not counted: {before:#}");
    // What a browser says when there is a network again.
    page.execute("dispatchEvent(new Event('online'))", vec![]).await?;
    let answered = async {
        while page.execute(RESTARTS, vec![]).await?.as_u64() < Some(1) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(30), answered).await.context("ICE is not restarted")??;
    // Longer than it takes until the page looks what came of it.
    tokio::time::sleep(Duration::from_secs(6)).await;
    desktop.type_and_see("and after it has changed").await?;
    let after = stage.viewer().await?;
    ensure!(after["id"] == before["id"], "it is another viewer: {after:#}");

    page.goto(&stage.daemon.url(&format!("/session/{}?view=only", stage.session))).await?;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the picture is not live");
    let said = page.find(Locator::Css(".desktop-control")).await?.text().await?;
    ensure!(said.starts_with("View only"), "the page says {said:?}");
    ensure!(page.find_all(Locator::Css(".live textarea")).await?.is_empty(), "there is a field for keys");
    let terminal = desktop.until_colour(TERMINAL).await?;
    desktop.click(terminal).await?;
    stage.browser.screenshot(&artefact("live-4-view-only.png")).await?;
    let looks = stage.viewer().await?;
    ensure!(looks["role"] == "viewer" && looks["inputs"] == 0, "{looks:#}");
    stage.end().await
}

/// How many ICE restarts of this page were answered: what was asked of its own resource.
const RESTARTS: &str = r"
    const asked = performance.getEntriesByType('resource');
    return asked.filter(({ name, responseStatus }) => /\/whep\/[0-9a-f]+/.test(name) && responseStatus === 200).length;
";
