//! A terminal in the page, in a real Chromium.

use std::time::{Duration, Instant};

use anteroom_tests::{Turn, browser::Browser, skip};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;
use nix::sys::signal::Signal;

use super::{PATIENCE, with_vm};

#[tokio::test]
async fn a_terminal_in_the_page_is_one_of_the_vm_and_takes_files() -> Result<()> {
    if let Some(program) = Browser::missing() {
        skip(
            "a_terminal_in_the_page_is_one_of_the_vm_and_takes_files",
            &format!("{program} is missing (./setup.sh test installs it)"),
        );
        return Ok(());
    }
    let _turn = Turn::take()?;
    let (mut daemon, vm) = with_vm("page-terminal").await?;
    let shown = daemon.fetch(&format!("/api/vms/{vm}")).await?;
    let session = shown["vm"]["session_id"].as_str().context("a session")?.to_owned();
    let browser = Browser::open().await?;
    let page = &browser.page;
    page.goto(&daemon.url(&format!("/session/{session}/terminal#key={}", daemon.key))).await?;
    let keys = page.wait().for_element(Locator::Css(".xterm-helper-textarea")).await?;
    on_screen(page, ":~$").await?;
    keys.send_keys("clear; echo \"grüße $((6*7))\"; stty size\n").await?;
    on_screen(page, "grüße 42").await?;

    // A file is put into the home directory, whole.
    let drop = r#"
        const files = new DataTransfer();
        files.items.add(new File(["x".repeat(2000000) + "end"], "a 'file'.txt"));
        const event = new DragEvent("drop", { dataTransfer: files, bubbles: true });
        document.querySelector(".vm-terminal").dispatchEvent(event);
    "#;
    page.execute(drop, Vec::new()).await?;
    page.wait()
        .at_most(PATIENCE)
        .for_element(Locator::XPath(
            "//*[contains(@class, 'terminal-note') and contains(., 'is in the home directory')]",
        ))
        .await?;
    keys.send_keys("wc -c *.txt; tail -c 3 *.txt; ls *.part\n").await?;
    on_screen(page, "2000003 a 'file'.txt").await?;
    on_screen(page, "end").await?;

    // Another daemon goes on with the same shell.
    keys.send_keys("clear; cd /tmp; KEPT=still-here; (sleep 3; echo; echo said meanwhile) &\n").await?;
    on_screen(page, ":/tmp$").await?;
    daemon.end_by(Signal::SIGKILL).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    keys.send_keys("echo $KEPT $PWD\n").await?;
    daemon.start_again().await?;
    on_screen(page, "still-here /tmp").await?;
    on_screen(page, "said meanwhile").await?;
    browser.screenshot(&anteroom_tests::artefact("page-terminal.png")).await?;
    keys.send_keys("exit 3\n").await?;
    page.wait()
        .at_most(PATIENCE)
        .for_element(Locator::XPath("//*[contains(@class, 'terminal-note') and contains(., 'code 3')]"))
        .await?;
    browser.close().await?;
    daemon.stop().await
}

/// Waits until a row of the page's terminal has this text.
async fn on_screen(page: &fantoccini::Client, text: &str) -> Result<()> {
    let begin = Instant::now();
    loop {
        let rows = page
            .execute(
                "return [...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent)",
                Vec::new(),
            )
            .await?;
        let shows = |row: &serde_json::Value| {
            row.as_str().is_some_and(|row| row.replace('\u{a0}', " ").contains(text))
        };
        if rows.as_array().is_some_and(|rows| rows.iter().any(shows)) {
            return Ok(());
        }
        ensure!(begin.elapsed() < PATIENCE, "{text:?} is not in the terminal: {rows:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
