//! The viewer stays the same when its network changes, and one that only looks sends nothing.

use std::time::Duration;

use anteroom_tests::{
    Stage,
    desktop::{Desktop, TERMINAL},
};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;

/// How many ICE restarts of this page were answered: what was asked of its own resource.
const RESTARTS: &str = r"
    const asked = performance.getEntriesByType('resource');
    return asked.filter(({ name, responseStatus }) => /\/whep\/[0-9a-f]+/.test(name) && responseStatus === 200).length;
";

#[tokio::test]
async fn a_page_that_changes_its_network_stays_the_same_viewer_and_one_that_only_looks_sends_nothing()
-> Result<()> {
    let Some(stage) = Stage::set("live-restart", "read -r line", &[]).await? else { return Ok(()) };
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
    stage.keep("4-view-only").await?;
    let looks = stage.viewer().await?;
    ensure!(looks["role"] == "viewer" && looks["inputs"] == 0, "{looks:#}");
    stage.end().await
}
