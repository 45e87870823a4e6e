//! The browser's own clipboard, as a person would find it in another page.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::{Method, Url};
use serde_json::json;
use url::ParseError;

use super::Browser;

/// "Set Permission" (W3C, Permissions, section 6.2): this page may read the clipboard without asking the person.
#[derive(Debug)]
struct MayReadClipboard;

impl WebDriverCompatibleCommand for MayReadClipboard {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/permissions", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({"descriptor": {"name": "clipboard-read"}, "state": "granted"});
        (Method::POST, Some(body.to_string()))
    }
}

impl Browser {
    /// From now on the page that is open may read the clipboard.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn allow_reading_the_clipboard(&self) -> Result<()> {
        self.page.issue_cmd(MayReadClipboard).await.context("a permission")?;
        Ok(())
    }

    /// What is in it.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn clipboard(&self) -> Result<String> {
        let text = self.page.execute_async(READ, vec![]).await?;
        Ok(text["text"].as_str().with_context(|| format!("the clipboard's text, not {text}"))?.to_owned())
    }

    /// Puts a text into it, as another page would.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn set_clipboard(&self, text: &str) -> Result<()> {
        let done = self.page.execute_async(WRITE, vec![text.into()]).await?;
        ensure!(done.is_null(), "the clipboard takes no text: {done}");
        Ok(())
    }

    /// Waits until it has this text.
    ///
    /// # Errors
    /// When it has another one after ten seconds; with that.
    pub async fn until_clipboard(&self, wanted: &str) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let text = self.clipboard().await?;
            if text == wanted {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the clipboard has {text:?}, not {wanted:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

const READ: &str = r"
    const [done] = arguments;
    navigator.clipboard.readText().then((text) => done({ text }), (error) => done({ error: String(error) }));
";

const WRITE: &str = r"
    const [text, done] = arguments;
    navigator.clipboard.writeText(text).then(() => done(null), (error) => done(String(error)));
";
