//! A real Chromium on the host, driven by WebDriver (W3C), which looks at the page as a person does.

mod clipboard;
mod firefox;
mod inspection;
mod look;

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

pub use firefox::Firefox;
pub use inspection::Barrier;
pub use look::Look;

/// Chromium, its driver, and their profile; all gone when closed or dropped.
#[derive(Debug)]
pub struct Browser {
    pub page: Client,
    /// Where what is downloaded goes.
    pub downloads: tempfile::TempDir,
    driver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// What is missing on this machine, if anything.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        ["/usr/bin/chromium", "/usr/bin/chromedriver"].into_iter().find(|path| !Path::new(path).exists())
    }

    /// Starts a headless browser with a window of 1280 by 960 CSS pixels.
    ///
    /// # Errors
    /// When the driver or the browser does not start.
    pub async fn open() -> Result<Self> {
        let (profile, downloads) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let mut driver = Command::new("/usr/bin/chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("chromedriver")?;
        let port = announced_port(&mut driver).await?;
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,960",
            &format!("--user-data-dir={}", profile.path().display()),
        ]
        .map(str::to_owned);
        let preferences = json!({"download.default_directory": downloads.path().display().to_string()});
        let capabilities = json!({"goog:chromeOptions": {"args": arguments, "prefs": preferences}});
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().cloned().unwrap_or_default())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("a WebDriver session")?;
        Ok(Self { page, downloads, driver, _profile: profile })
    }

    /// Keeps what the page shows as a PNG file.
    ///
    /// # Errors
    /// When the browser or the disk refuses.
    pub async fn screenshot(&self, path: &Path) -> Result<Vec<u8>> {
        let png = self.page.screenshot().await?;
        std::fs::write(path, &png).with_context(|| path.display().to_string())?;
        Ok(png)
    }

    /// Ends browser and driver.
    ///
    /// # Errors
    /// When they do not end.
    pub async fn close(mut self) -> Result<()> {
        self.page.clone().close().await?;
        self.driver.kill().await?;
        Ok(())
    }
}

impl Drop for Browser {
    /// A test that failed has not closed anything: the driver's whole process group goes, and so the browser.
    fn drop(&mut self) {
        if let Some(pid) = self.driver.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

async fn announced_port(driver: &mut Child) -> Result<u16> {
    let output = driver.stdout.take().context("chromedriver has an output")?;
    let mut lines = BufReader::new(output).lines();
    let announced = async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, port)) = line.split_once("successfully on port ") {
                return Ok(port.trim_end_matches('.').trim().parse()?);
            }
        }
        bail!("chromedriver ended without naming its port")
    };
    let port = tokio::time::timeout(Duration::from_secs(30), announced)
        .await
        .context("chromedriver is silent")??;
    // The driver must never block on a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(port)
}
