//! Firefox as Debian has it, driven over WebDriver BiDi (W3C), which it speaks itself: there is no driver in between.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::inspection::{Found, SEARCH, axe_core};
use crate::artefact;

const PROGRAM: &str = "/usr/bin/firefox-esr";
/// Less than a test may take, so that what is missing is told.
const PATIENCE: Duration = Duration::from_secs(60);
/// Starts for the first time, on a machine that may be busy.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

/// Whatever it wants of its maker's servers ends at a port on which nobody listens; what is on this machine is reached as ever.
const PREFERENCES: &str = r#"user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("app.normandy.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
"#;

/// A headless Firefox with one page and a profile of its own; all gone when closed or dropped.
#[derive(Debug)]
pub struct Firefox {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last: u64,
    page: String,
    process: Child,
    _profile: tempfile::TempDir,
}

impl Firefox {
    /// What is missing on this machine, if anything.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        (!Path::new(PROGRAM).exists()).then_some(PROGRAM)
    }

    /// # Errors
    /// When it does not start.
    pub async fn open() -> Result<Self> {
        let profile = tempfile::tempdir()?;
        std::fs::write(profile.path().join("user.js"), PREFERENCES)?;
        let mut process = Command::new(PROGRAM)
            .args(["--headless", "--no-remote", "--remote-debugging-port=0", "--width=1280", "--height=960"])
            .arg("--profile")
            .arg(profile.path())
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context(PROGRAM)?;
        let address =
            timeout(STARTS_WITHIN, announced(&mut process)).await.context("Firefox is silent")??;
        let (socket, _) = connect_async(format!("{address}/session")).await.context("WebDriver BiDi")?;
        let mut firefox = Self { socket, last: 0, page: String::new(), process, _profile: profile };
        firefox.call("session.new", json!({"capabilities": {}})).await?;
        let tree = firefox.call("browsingContext.getTree", json!({})).await?;
        tree["contexts"][0]["context"].as_str().context("a page")?.clone_into(&mut firefox.page);
        Ok(firefox)
    }

    /// Opens an address, and waits for what is there when it is.
    ///
    /// # Errors
    /// When it is not there in time.
    pub async fn goto(&mut self, address: &str, there: &str) -> Result<()> {
        let params = json!({"context": self.page, "url": address, "wait": "complete"});
        self.call("browsingContext.navigate", params).await?;
        self.appears(there).await
    }

    /// Waits for an element.
    ///
    /// # Errors
    /// When it is not there in time.
    pub async fn appears(&mut self, selector: &str) -> Result<()> {
        let there = format!("document.querySelector({}) !== null", json!(selector));
        self.becomes_true(&there).await.with_context(|| format!("{selector} does not appear"))
    }

    /// Waits until an element like this says that.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn says(&mut self, selector: &str, text: &str) -> Result<()> {
        let (all, text) = (json!(selector), json!(text));
        let said =
            format!("[...document.querySelectorAll({all})].some((one) => one.textContent.includes({text}))");
        self.becomes_true(&said).await.with_context(|| format!("{selector} does not say {text}"))
    }

    async fn becomes_true(&mut self, expression: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(expression).await? != true {
            ensure!(Instant::now() < deadline, "not in time");
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// The value of an expression of the page's, or of its promise.
    ///
    /// # Errors
    /// When it throws, or is not JSON.
    pub async fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let text = format!("Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))");
        let params = json!({"expression": text, "target": {"context": self.page}, "awaitPromise": true});
        let answer = self.call("script.evaluate", params).await?;
        let value = answer["result"]["value"].as_str().with_context(|| format!("{expression}: {answer}"))?;
        Ok(serde_json::from_str(value)?)
    }

    /// Keeps what the page shows as `<name>.png`, and looks for what would shut somebody out.
    ///
    /// # Errors
    /// When there is a serious barrier, or the page is wider than the screen.
    pub async fn inspect(&mut self, name: &str) -> Result<()> {
        let shown = self.call("browsingContext.captureScreenshot", json!({"context": self.page})).await?;
        let png = STANDARD.decode(shown["data"].as_str().context("a picture")?)?;
        std::fs::write(artefact(&format!("{name}.png")), png)?;
        // The script's own value is of no interest, and no JSON.
        let script = format!("(() => {{ {}; }})()", axe_core()?);
        self.evaluate(&script).await.context("axe-core")?;
        let found: Found = serde_json::from_value(self.evaluate(SEARCH).await?)?;
        let wrong = found.wrong(name);
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    /// # Errors
    /// When it does not end.
    pub async fn close(mut self) -> Result<()> {
        self.call("browser.close", json!({})).await?;
        timeout(Duration::from_secs(30), self.process.wait()).await.context("Firefox does not end")??;
        Ok(())
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.last += 1;
        let command = json!({"id": self.last, "method": method, "params": params});
        self.socket.send(Message::text(command.to_string())).await?;
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.with_context(|| method.to_owned())?;
            let Message::Text(text) = message.context("Firefox has gone")?? else { continue };
            let mut answer: Value = serde_json::from_str(&text)?;
            // Events have no id.
            if answer["id"] != self.last {
                continue;
            }
            ensure!(answer["type"] == "success", "{method}: {answer}");
            return Ok(answer["result"].take());
        }
    }
}

async fn announced(process: &mut Child) -> Result<String> {
    let mut lines = BufReader::new(process.stderr.take().context("an output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = line.strip_prefix("WebDriver BiDi listening on ") {
            // It must never block on a full pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(address.trim().to_owned());
        }
    }
    bail!("Firefox ended without naming its port")
}
