//! How soon the page of a sign-in can be used, and what it costs to load, in a real Chromium on this machine.
//!
//! The page is that of a sign-in that has ended, so that no VM takes the processor; what
//! happens until then is the same: the page, its scripts and styles, who this is, and the session. The page itself marks when it
//! shows what it is about. A third row says what of that is the browser's own: an empty page of the same daemon.

use std::time::Duration;

use anteroom_tests::{Daemon, Turn, browser::Browser, daemon::Options};
use anyhow::{Context as _, Result};
use fantoccini::Locator;
use reqwest::Method;

use crate::report::{Figure, Report};

const MEASURE: &str = r#"
const [page] = performance.getEntriesByType("navigation");
const [usable] = performance.getEntriesByName("usable");
const all = [page, ...performance.getEntriesByType("resource")].filter((one) => !usable || one.startTime < usable.startTime);
return [usable ? usable.startTime : page.domComplete, all.reduce((sum, one) => sum + one.transferSize, 0)];
"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many are counted; one before them is not.
    #[arg(default_value_t = 30)]
    runs: usize,
}

pub(crate) async fn measure(Arguments { runs }: Arguments) -> Result<Report> {
    let _turn = Turn::take()?;
    let daemon = Daemon::start("bench-page", "test", Options::default()).await?;
    let session = daemon.start_session("demo", "bench").await?;
    daemon.call(Method::POST, &format!("/api/auth/session/{session}/cancel"), None).await?;
    let browser = Browser::open().await?;
    browser.page.goto(&daemon.url(&format!("/#key={}", daemon.key))).await?;
    browser.page.wait().for_element(Locator::Css("[name=provider]")).await?;
    let path = format!("/session/{session}");
    let mut report = Report::new("page");
    let mut figures = Vec::new();
    for (name, path, there, keeps) in [
        ("with nothing kept by the browser", path.as_str(), "body[data-status]", false),
        ("again", &path, "body[data-status]", true),
        ("an empty page of the daemon (`/health`), loaded", "/health", "body", true),
    ] {
        browser.keep_files(keeps).await?;
        let (mut times, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..=runs {
            browser.page.goto(&daemon.url(path)).await?;
            browser.page.wait().at_most(Duration::from_secs(30)).for_element(Locator::Css(there)).await?;
            let measured = browser.page.execute(MEASURE, vec![]).await?;
            times.push(measured[0].as_f64().context("a time")?);
            bytes.push(measured[1].as_f64().context("bytes")?);
        }
        // The first is not counted.
        figures.push(Figure::new(name, "ms", times.split_off(1)));
        figures.push(Figure::new(name, "bytes", bytes.split_off(1)));
    }
    report.spreads("the page of a sign-in can be used", figures);
    browser.close().await?;
    daemon.stop().await?;
    Ok(report)
}
