//! A stage for the live desktop: a VM in which a program of the test's own runs in the terminal, and a real Chromium that
//! shows its desktop. What the program has noticed it tells as the credentials that it leaves.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Daemon, Turn, artefact,
    browser::Browser,
    daemon::{Options, PATIENCE},
    skip,
};

/// The program is handed to `sh`; it ends by writing `.told`, in JSON, with a `token` in it. TOML's literal strings have no
/// escapes, so that it stands in a test as it runs.
const DEFINITION: &str = "
id = \"stage\"
name = \"Stage\"
[launch.browser]
argv = [\"anteroom-demo\", \"run\", \"sh\", \"-c\", '''
PROGRAM
''']
[[url]]
host = \"stage.example\"
path = \"/\"
kind = \"ticket\"
dedupe = \"code\"
[[credential]]
path = \".told\"
require = [\"token\"]
";

#[derive(Debug)]
pub struct Stage {
    pub daemon: Daemon,
    pub browser: Browser,
    pub session: String,
    test: String,
    _providers: TempDir,
    _turn: Turn,
}

impl Stage {
    /// A session with the program, its page open. `settings` are the daemon's, as `ANTEROOM_...`. `None` without a browser on
    /// this machine.
    ///
    /// # Errors
    /// When the daemon or the browser does not start.
    pub async fn set(test: &str, program: &str, settings: &[(&str, &str)]) -> Result<Option<Self>> {
        if let Some(missing) = Browser::missing() {
            skip(test, &format!("{missing} is missing (./setup.sh test installs it)"));
            return Ok(None);
        }
        let turn = Turn::take()?;
        let providers = tempfile::tempdir()?;
        fs::write(providers.path().join("stage.toml"), DEFINITION.replace("PROGRAM", program))?;
        let own = [("ANTEROOM_PROVIDERS_DIR", providers.path().to_str().context("a path")?)];
        let environment: BTreeMap<_, _> = own
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let daemon = Daemon::start(test, "test", Options { environment, config: None }).await?;
        let session = daemon.start_session("stage", "me").await?;
        let browser = Browser::open().await?;
        browser.page.goto(&daemon.url(&format!("/#key={}", daemon.key))).await?;
        browser.page.wait().for_element(Locator::Css("[name=provider]")).await?;
        let stage = Self { daemon, browser, session, test: test.into(), _providers: providers, _turn: turn };
        stage.open_page().await?;
        Ok(Some(stage))
    }

    /// The session's page.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn open_page(&self) -> Result<()> {
        let address = self.daemon.url(&format!("/session/{}", self.session));
        Ok(self.browser.page.goto(&address).await?)
    }

    /// The session's page with the plain picture, noVNC's.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn open_plain_page(&self) -> Result<()> {
        let address = self.daemon.url(&format!("/session/{}?picture=plain", self.session));
        Ok(self.browser.page.goto(&address).await?)
    }

    /// The page for a frame of another site, whose address has the session's view token: the desktop and nothing else.
    ///
    /// # Errors
    /// When the daemon does not give it, or the browser refuses.
    pub async fn open_frame_page(&self) -> Result<()> {
        Ok(self.browser.page.goto(&self.frame_address().await?).await?)
    }

    /// Its address.
    ///
    /// # Errors
    /// When the daemon does not give it.
    pub async fn frame_address(&self) -> Result<String> {
        let session = self.daemon.fetch(&format!("/api/auth/session/{}", self.session)).await?;
        Ok(session["session"]["novnc_url"].as_str().context("an address for a frame")?.to_owned())
    }

    /// Waits until the program has told what it has noticed; what was seen of the session is part of the error.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn told(&self) -> Result<Value> {
        if let Err(error) = self.daemon.wait_for(&self.session, &["completed"]).await {
            let seen = self.daemon.fetch(&format!("/api/auth/session/{}/history", self.session)).await?;
            self.keep("failed").await?;
            return Err(error.context(format!("{:#}", seen["history"])));
        }
        let path = format!("/api/auth/session/{}/credentials/status", self.session);
        Ok(self.daemon.fetch(&path).await?["credentials"].take())
    }

    /// The only viewer, as the guest sees it; one that has left is waited out.
    ///
    /// # Errors
    /// When there is not one viewer in time.
    pub async fn viewer(&self) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut stats = self.daemon.fetch("/api/webrtc/stats").await?;
            let viewers = stats["stats"]["guests"][0]["peers"].take();
            match viewers.as_array().map(Vec::as_slice) {
                Some([viewer]) if viewer["connected"] == true => return Ok(viewer.clone()),
                _ => ensure!(Instant::now() < deadline, "not one viewer: {viewers:#}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Keeps what the page shows now among the artefacts.
    ///
    /// # Errors
    /// When the browser or the disk refuses.
    pub async fn keep(&self, moment: &str) -> Result<()> {
        self.browser.screenshot(&artefact(&format!("{}-{moment}.png", self.test))).await?;
        Ok(())
    }

    /// # Errors
    /// When browser or daemon do not end.
    pub async fn end(self) -> Result<()> {
        self.browser.close().await?;
        self.daemon.stop().await
    }
}
