//! Two people at one desktop: one has it in hand, the other sees that and can take it, and only the keys of whoever has it count.

use std::time::Duration;

use anteroom_tests::{Stage, browser::Browser, desktop::Desktop};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;

/// Reads two lines.
const LISTENER: &str = r#"
read -r first
read -r second
printf '{"token":"t","first":"%s","second":"%s"}' "$first" "$second" > .told.new
mv .told.new .told
sleep 3
"#;
/// Presses Shift and lets it go.
const SHIFT: &str = "\u{e008}\u{e000}";
const TAKE: Locator<'_> = Locator::XPath("//*[contains(@class,'desktop-control') and not(@hidden)]//button");
/// How often it is asked for, once a second; whoever has used the desktop keeps it for three.
const OFTEN: usize = 20;

#[tokio::test]
async fn a_second_page_takes_the_desktop_over_and_the_first_one_sees_it() -> Result<()> {
    let Some(stage) = Stage::set("live-handover", LISTENER, &[]).await? else { return Ok(()) };
    let first = Desktop::shown(&stage.browser.page).await?;
    ensure!(first.way().await? == "live", "the picture is not live");
    first.type_and_see("first").await?;

    let other = Browser::open().await?;
    other.page.goto(&stage.daemon.url(&format!("/#key={}", stage.daemon.key))).await?;
    other.page.wait().for_element(Locator::Css("[name=provider]")).await?;
    other.page.goto(&stage.daemon.url(&format!("/session/{}", stage.session))).await?;
    let second = Desktop::shown(&other.page).await?;
    ensure!(second.way().await? == "live", "the second picture is not live");
    let take = other.page.wait().for_element(TAKE).await.context("the second page offers no control")?;
    // Whoever is at work keeps it: what the other page presses meanwhile is nothing.
    first.press(SHIFT).await?;
    let at_work = async {
        loop {
            first.press(SHIFT).await?;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::select! {
        failed = at_work => return failed,
        pressed = second.press("not mine") => pressed?,
    }
    first.type_line("").await?;

    // Then it is asked for again and again until it is free to be taken.
    for _ in 0..OFTEN {
        if take.click().await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    ensure!(!take.is_displayed().await?, "the second page does not get the desktop");
    stage
        .browser
        .page
        .wait()
        .for_element(TAKE)
        .await
        .context("the first page does not see that it is taken")?;
    stage.keep("1-taken").await?;
    second.type_line("second").await?;

    let told = stage.told().await?;
    assert_eq!(told["first"], "first");
    assert_eq!(told["second"], "second");
    other.close().await?;
    stage.end().await
}
