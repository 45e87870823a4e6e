//! What a person sees: a real Chromium opens the page, starts a session, watches the desktop in noVNC, clicks Allow in
//! the VM's browser through it, and is told that it is done. The screenshots are kept as artefacts.

use std::time::{Duration, Instant};

use anteroom_tests::{Daemon, Turn, artefact, browser::Browser, daemon::PATIENCE, skip};
use anyhow::{Context as _, Result, ensure};
use fantoccini::{
    Locator,
    actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction},
    elements::Element,
};
use serde_json::Value;

/// The colour of the Allow button on the demo's page (tests/demo/src/page/style.css, light theme).
const ALLOW: [u8; 3] = [0x12, 0x73, 0x4a];

#[tokio::test]
async fn a_person_signs_in_through_the_page() -> Result<()> {
    if let Some(program) = Browser::missing() {
        skip(
            "a_person_signs_in_through_the_page",
            &format!("{program} is missing (./setup.sh test installs it)"),
        );
        return Ok(());
    }
    let _turn = Turn::take()?;
    let daemon = Daemon::start("page", "dev", Default::default()).await?;
    let browser = Browser::open().await?;
    let page = &browser.page;

    page.goto(&daemon.url(&format!("/#key={}", daemon.key))).await?;
    let provider = page.wait().for_element(Locator::Css("[name=provider][value=demo]")).await?;
    browser.screenshot(&artefact("page-1-choose.png")).await?;
    ensure!(!page.current_url().await?.as_str().contains(&daemon.key), "the key stays in the address bar");
    provider.click().await?;
    page.find(Locator::Css("form button[type=submit]")).await?.click().await?;

    page.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css("body[data-status]")).await?;
    browser.screenshot(&artefact("page-2-starting.png")).await?;
    let desktop = page.wait().at_most(PATIENCE).for_element(Locator::Css("canvas")).await?;
    let allow = wait_for_colour(page, ALLOW).await?;
    browser.screenshot(&artefact("page-3-sign-in-page.png")).await?;

    click(page, &desktop, allow).await?;
    page.wait().at_most(PATIENCE).for_element(Locator::Css("body[data-status=completed]")).await?;
    browser.screenshot(&artefact("page-4-completed.png")).await?;

    let sessions = daemon.fetch("/api/auth/credentials/me").await?;
    ensure!(sessions.to_string().contains("\"demo\""), "the credentials are kept: {sessions}");
    browser.close().await?;
    daemon.stop().await
}

/// Waits until the desktop shows a good area of this colour; its middle in CSS pixels from the middle of the canvas.
async fn wait_for_colour(page: &fantoccini::Client, colour: [u8; 3]) -> Result<(f64, f64)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = page.execute(FIND_COLOUR, colour.map(Value::from).to_vec()).await?;
        if let (Some(x), Some(y)) = (found["x"].as_f64(), found["y"].as_f64()) {
            return Ok((x, y));
        }
        ensure!(Instant::now() < deadline, "the colour never appeared on the desktop");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The canvas holds the desktop's own pixels, whatever size the page shows it at.
const FIND_COLOUR: &str = r"
    const canvas = document.querySelector('canvas');
    if (!canvas || !canvas.width || !canvas.height) return {};
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0, left = 0, top = 0;
    for (let at = 0; at < pixels.length; at += 4) {
        const near = (channel) => Math.abs(pixels[at + channel] - arguments[channel]) < 12;
        if (near(0) && near(1) && near(2)) {
            count += 1;
            left += (at / 4) % canvas.width;
            top += Math.floor(at / 4 / canvas.width);
        }
    }
    if (count < 5000) return {};
    const shown = canvas.getBoundingClientRect();
    const from_middle = (sum, size, length) => Math.round((sum / count / size - 0.5) * length);
    return { x: from_middle(left, canvas.width, shown.width), y: from_middle(top, canvas.height, shown.height) };
";

async fn click(page: &fantoccini::Client, element: &Element, (x, y): (f64, f64)) -> Result<()> {
    let mouse = MouseActions::new("mouse".to_owned())
        .then(PointerAction::MoveToElement {
            element: element.clone(),
            duration: Some(Duration::from_millis(200)),
            x,
            y,
        })
        .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
        .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
    page.perform_actions(mouse).await.context("a click on the desktop")
}
