//! What is copied in the desktop is on this computer's clipboard when the person asks for it: by the page's button, or by the
//! keys that copy. The other way, pasting, is part of `typing`.

use std::time::Duration;

use anteroom_tests::{Stage, desktop::Desktop};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;

/// One word, as a double click takes it, in the middle of a ground of its own colour; then a line, so that the test says when
/// it is over.
const COPYIST: &str = r#"
printf '\033[2J\033[H\033[41m%62s\nWORD\n%62s\033[0m\n' ' ' ' '
read -r line
printf '{"token":"t","line":"%s"}' "$line" > .told.new
mv .told.new .told
sleep 3
"#;
/// As long as the terminal is wide, but for two columns.
const WORD: &str = "žluťoučký-kůň/Zwölf_Boxkämpfer:0123456789~abcdefghijklmnopqrst";
/// The terminal's red ground (`XTerm` among the desktop's files).
const GROUND: [u8; 3] = [0xd9, 0x62, 0x6c];

#[tokio::test]
async fn what_is_copied_in_the_desktop_comes_by_the_pages_button_and_by_the_keys_that_copy() -> Result<()> {
    let program = COPYIST.replace("WORD", WORD);
    let Some(stage) = Stage::set("live-copy", &program, &[]).await? else { return Ok(()) };
    let (page, browser) = (&stage.browser.page, &stage.browser);
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the picture is not live");
    browser.allow_reading_the_clipboard().await?;
    browser.set_clipboard("from another page").await?;

    // xterm copies what is selected. Unasked, nothing comes out of the desktop.
    let word = desktop.until_colour(GROUND).await?;
    let button = Locator::XPath("//button[text()='Copy from desktop' and not(@disabled)]");
    let mut offered = None;
    for _ in 0..6 {
        // A guest that is slow to take the second click takes it for another one.
        desktop.double_click(word).await?;
        offered = page.wait().at_most(Duration::from_secs(5)).for_element(button).await.ok();
        if offered.is_some() {
            break;
        }
    }
    let button = offered.context("the page offers nothing")?;
    stage.keep("1-offered").await?;
    ensure!(browser.clipboard().await? == "from another page", "it came unasked");
    button.click().await?;
    browser.until_clipboard(WORD).await?;

    // A terminal does not take the clipboard again that it has already: its own keys bring what waits. Those that may mean
    // something else do not.
    browser.set_clipboard("from another page").await?;
    desktop.press("\u{e009}x\u{e000}\u{e003}").await?;
    ensure!(browser.clipboard().await? == "from another page", "Ctrl + X has brought it");
    desktop.press("\u{e009}\u{e008}c\u{e000}").await?;
    browser.until_clipboard(WORD).await.context("by Ctrl + Shift + C")?;

    desktop.type_line("done").await?;
    assert_eq!(stage.told().await?["line"], "done");
    stage.end().await
}
