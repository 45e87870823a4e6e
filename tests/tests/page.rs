//! What a person sees: a real Chromium opens the page, starts a session, watches the desktop live, clicks Allow in the VM's
//! browser through it, and is told that it is done. The screenshots are kept as artefacts.

use std::time::Duration;

use anteroom_tests::{Daemon, Turn, artefact, browser::Browser, daemon::PATIENCE, desktop::Desktop, skip};
use anyhow::{Result, ensure};
use fantoccini::Locator;

/// The colour of the Allow button on the demo's page (tests/demo/src/page/style.css, light theme).
const ALLOW: [u8; 3] = [0x12, 0x73, 0x4a];

#[tokio::test]
async fn a_person_signs_in_through_the_page() -> Result<()> {
    if let Some(missing) = Browser::missing_for_inspection() {
        skip(
            "a_person_signs_in_through_the_page",
            &format!("{missing} is missing (`make test` installs it)"),
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
    let desktop = Desktop::shown(page).await?;
    // Live or plain: the first picture can be late on an emulated processor that a browser keeps busy (`live.rs`).
    desktop.until_colour(ALLOW).await?;
    browser.screenshot(&artefact("page-3-sign-in-page.png")).await?;
    // With a real picture; the other phases are in `host-supervisor/tests/api/pages.rs`.
    browser.inspect("page-desktop").await?;

    // It may be another picture now.
    let desktop = Desktop::shown(page).await?;
    let allow = desktop.until_colour(ALLOW).await?;
    desktop.click(allow).await?;
    page.wait().at_most(PATIENCE).for_element(Locator::Css("body[data-status=completed]")).await?;
    browser.screenshot(&artefact("page-4-completed.png")).await?;

    let sessions = daemon.fetch("/api/auth/credentials/me").await?;
    ensure!(sessions.to_string().contains("\"demo\""), "the credentials are kept: {sessions}");
    browser.close().await?;
    daemon.stop().await
}
