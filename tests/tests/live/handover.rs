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
    second.press("not mine").await?;
    first.type_line("").await?;

    // A page at work keeps the desktop; then it is free to be taken.
    let mut taken = false;
    for _ in 0..OFTEN {
        take.click().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        taken = !take.is_displayed().await?;
        if taken {
            break;
        }
    }
    ensure!(taken, "the second page does not get the desktop");
    stage
        .browser
        .page
        .wait()
        .for_element(TAKE)
        .await
        .context("the first page does not see that it is taken")?;
    stage.keep("1-taken").await?;
    first.press("not mine any more").await?;
    second.type_line("second").await?;

    let told = stage.told().await?;
    assert_eq!(told["first"], "first");
    assert_eq!(told["second"], "second");
    other.close().await?;
    stage.end().await
}
