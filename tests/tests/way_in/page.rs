//! A terminal in the page, in a real Chromium.

use std::{
    fs,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, browser::Browser, skip};
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

    downloads(&daemon, &vm, &browser).await?;

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
    console(&daemon, &vm, &browser).await?;
    browser.close().await?;
    daemon.stop().await
}

/// The same VM in the console: what its services say, what its desktop shows, and the way to its terminal.
async fn console(daemon: &Daemon, vm: &str, browser: &Browser) -> Result<()> {
    let page = &browser.page;
    page.goto(&daemon.url(&format!("/console/vms/{vm}"))).await?;
    let xpath = async |path: &str| page.wait().at_most(PATIENCE).for_element(Locator::XPath(path)).await;
    xpath("//li[code='x11vnc' and contains(., 'ready')]//button").await?.click().await?;
    xpath("//pre[@aria-label='Log of x11vnc' and contains(., 'PORT=5900')]").await?;
    // What it says when it was started again is there without a click.
    let end = "for p in /proc/[0-9]*; do if [ \"$(cat $p/comm)\" = x11vnc ]; then kill ${p#/proc/}; fi; done 2>/dev/null";
    daemon.cli(&["exec", vm, "-n", "--", "sh", "-c", end]).await?;
    xpath("//pre[@aria-label='Log of x11vnc' and contains(substring-after(., 'PORT=5900'), 'PORT=5900')]")
        .await?;
    xpath("//li[code='x11vnc' and contains(., 'ready')]").await?;
    xpath("//button[.='Take a picture']").await?.click().await?;
    xpath("//img[@class='picture']").await?;
    let size = page
        .execute_async(
            "const [done] = arguments, one = document.querySelector('.picture'); \
             one.decode().then(() => done([one.naturalWidth, one.naturalHeight]), (why) => done(String(why)))",
            vec![],
        )
        .await?;
    ensure!(size == serde_json::json!([1280, 800]), "a picture of the desktop, not {size}");
    browser.screenshot(&anteroom_tests::artefact("console-vm-with-picture.png")).await?;
    xpath("//a[.='Terminal and files']").await?.click().await?;
    on_screen(page, ":~$").await
}

/// By keyboard alone, into the browser's directory; and the same address as any client has it.
async fn downloads(daemon: &Daemon, vm: &str, browser: &Browser) -> Result<()> {
    let page = &browser.page;
    let make = "mkdir -p d/e && head -c 3000000 /dev/urandom > d/e/big && sha256sum < d/e/big";
    let made = daemon.cli(&["exec", vm, "-n", "--", "sh", "-c", make]).await?;
    let digest = String::from_utf8(made.stdout)?;
    let noted = async |text: &str| {
        let note = format!("//*[contains(@class, 'terminal-note') and contains(., '{text}')]");
        page.wait().at_most(PATIENCE).for_element(Locator::XPath(&note)).await
    };
    let keys = page.find(Locator::Css(".xterm-helper-textarea")).await?;
    let (chord, enter) = ("\u{e009}\u{e008}s\u{e000}", "\u{e007}");
    keys.send_keys(chord).await?;
    let field = page.active_element().await?;
    assert_eq!(field.attr("id").await?.as_deref(), Some("download-path"), "the chord leads to the field");
    field.send_keys(&format!("~/nothing-here{enter}")).await?;
    noted("no such file").await?;
    field.clear().await?;
    field.send_keys(&format!("d/e/big{enter}")).await?;
    noted("Downloading big (2.9 MiB)").await?;
    let kept = browser.downloads.path().join("big");
    let begin = Instant::now();
    while !fs::metadata(&kept).is_ok_and(|about| about.len() == 3_000_000) {
        ensure!(begin.elapsed() < PATIENCE, "it does not arrive");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let ours = std::process::Command::new("sha256sum").stdin(fs::File::open(&kept)?).output()?;
    assert_eq!(String::from_utf8(ours.stdout)?, digest);
    field.send_keys("\u{e00c}").await?;
    let class = page.active_element().await?.attr("class").await?;
    assert_eq!(class.as_deref(), Some("xterm-helper-textarea"), "Escape leads back");

    let fetch = async |query: &str| {
        let request = reqwest::Client::new().get(daemon.url(&format!("/api/vms/{vm}/files?{query}")));
        anyhow::Ok(request.bearer_auth(&daemon.key).send().await?)
    };
    let tar = fetch("path=d/").await?;
    let header =
        |name: &str| tar.headers().get(name).map(|value| value.to_str().unwrap_or_default().to_owned());
    ensure!(
        header("content-disposition")
            .is_some_and(|value| value.starts_with("attachment; filename=\"d.tar\""))
    );
    assert_eq!(header("content-type").as_deref(), Some("application/octet-stream"));
    let archive = browser.downloads.path().join("d.tar");
    fs::write(&archive, tar.bytes().await?)?;
    let listed = std::process::Command::new("tar").arg("-tf").arg(&archive).output()?;
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "d/\nd/e/\nd/e/big\n");
    for (query, status, code) in [
        ("path=/etc/shadow", 400, "file_unreadable"),
        ("path=/dev/zero", 400, "file_unreadable"),
        ("path=/nothing", 404, "no_such_file"),
        ("path=x&user=nobody-here", 400, "refused_by_vm"),
    ] {
        let refused = fetch(query).await?;
        assert_eq!(refused.status().as_u16(), status, "{query}");
        assert_eq!(refused.json::<serde_json::Value>().await?["code"], code, "{query}");
    }
    ensure!(fetch("path=/etc/shadow&user=root").await?.status().is_success());
    Ok(())
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
