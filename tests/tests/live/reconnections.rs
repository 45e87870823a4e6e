//! The desktop takes the page's size, and many connections leave no viewers behind.

use anteroom_tests::{
    Stage,
    desktop::{Desktop, TERMINAL},
};
use anyhow::{Context as _, Result, ensure};

#[tokio::test]
async fn the_desktop_takes_the_pages_size_and_twenty_reconnections_leave_one_viewer() -> Result<()> {
    let Some(stage) = Stage::set("live-size", "read -r line", &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    let small = desktop.until_size(|width, _| width > 0).await?;
    ensure!(small == (1280, 800), "the desktop is made for {small:?}");
    // The page for a frame of another site, which opens with the token of its address.
    page.set_window_size(1700, 1200).await?;
    stage.open_frame_page().await?;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the frame's picture is not live");
    let large = desktop.until_size(|width, _| width > 1280).await?;
    let (shown_width, shown_height) = desktop.room().await?;
    ensure!(
        large.0.abs_diff(shown_width) < 2 && large.1.abs_diff(shown_height) < 2,
        "{large:?} in {shown_width} x {shown_height}"
    );
    desktop.until_colour(TERMINAL).await?;
    stage.keep("3-larger").await?;

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
