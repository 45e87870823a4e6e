//! What is typed and pasted, also after the picture was lost; and the plain picture where the live one does not come through.

use std::time::Duration;

use anteroom_tests::{
    Stage,
    desktop::{Desktop, TERMINAL},
};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;

/// Reads three lines: one that is typed, one that is pasted, and one after the role that shows the desktop was killed.
const TYPIST: &str = r#"
read -r typed
read -r pasted
for process in /proc/[0-9]*; do
  case $(tr '\0' ' ' < $process/cmdline 2>/dev/null) in '/usr/lib/anteroom/anteroom-agent stream '*) kill -9 ${process#/proc/};; esac
done
read -r after
printf '{"token":"t","typed":"%s","pasted":"%s","after":"%s"}' "$typed" "$pasted" "$after" > .told.new
mv .told.new .told
sleep 3
"#;

const TYPED: &str = "typed: Zwölf Boxkämpfer, 3 < 4 @ ~ {x} €";
const PASTED: &str = "pasted: žluťoučký kůň, 漢字";
const AFTER: &str = "after it was killed";

#[tokio::test]
async fn what_a_person_types_and_pastes_arrives_and_the_picture_comes_back_when_its_process_was_killed()
-> Result<()> {
    let Some(stage) = Stage::set("live", TYPIST, &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the picture is not live");
    desktop.until_colour(TERMINAL).await?;
    desktop.type_line(TYPED).await?;
    stage.keep("1-typed").await?;
    desktop.paste_line(PASTED).await?;

    // The role is killed now by the program in the VM.
    let lost = Locator::Css(".desktop-surface:not([data-state=connected])");
    page.wait().at_most(Duration::from_secs(30)).for_element(lost).await.context("nothing was lost")?;
    let desktop = Desktop::shown(page).await.context("the picture did not come back")?;
    ensure!(desktop.way().await? == "live", "the picture came back, but not live");
    desktop.type_line(AFTER).await?;

    let told = stage.told().await?;
    assert_eq!(told["typed"], TYPED);
    assert_eq!(told["pasted"], PASTED);
    assert_eq!(told["after"], AFTER);
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
    let Some(stage) = Stage::set("live-blocked", TYPIST, &settings).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "plain", "what came through?");
    let said = page.find(Locator::Css(".desktop-quality")).await?.text().await?;
    ensure!(said.contains("noVNC"), "the page says {said:?}");
    desktop.until_colour(TERMINAL).await?;
    stage.keep("2-plain").await?;
    for offer in ["Copy from desktop", "Type or paste text"] {
        let visible = page.find(Locator::Css("main")).await?.text().await?;
        ensure!(!visible.contains(offer), "the page offers {offer:?}");
    }
    stage.end().await
}
