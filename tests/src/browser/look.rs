//! How a page is looked at: on a wide screen or a telephone, in a light or a dark room, by somebody whom movement makes ill.

use std::time::Duration;

use anyhow::{Context as _, Result};
use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use url::ParseError;

use super::Browser;

/// One way to look at it.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// In CSS pixels.
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

impl Look {
    /// What every page is looked at with.
    pub const ALL: [Self; 4] = [Self::wide(false), Self::wide(true), Self::narrow(false), Self::narrow(true)];

    #[must_use]
    pub const fn wide(dark: bool) -> Self {
        Self { width: 1280, height: 960, dark }
    }

    /// A small telephone, which is touched.
    #[must_use]
    pub const fn narrow(dark: bool) -> Self {
        Self { width: 360, height: 740, dark }
    }

    fn is_touched(self) -> bool {
        self.width < 600
    }

    /// As a part of a file's name.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}-{}", if self.dark { "dark" } else { "light" }, self.width)
    }
}

/// A command of the DevTools protocol, which chromedriver hands on.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.command, "params": self.parameters}).to_string()))
    }
}

impl Browser {
    /// From now on, and in pages that are opened later, too.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn look(&self, look: Look) -> Result<()> {
        let Look { width, height, dark } = look;
        let touched = look.is_touched();
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touched});
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await?;
        let touch = json!({"enabled": touched, "maxTouchPoints": 1});
        self.devtools("Emulation.setTouchEmulationEnabled", touch).await?;
        let scheme = if dark { "dark" } else { "light" };
        self.media(&[("prefers-color-scheme", scheme)]).await
    }

    /// What the person has asked of all pages, such as `prefers-reduced-motion`.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn media(&self, features: &[(&str, &str)]) -> Result<()> {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await
    }

    /// Whether the browser keeps what it has fetched before.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn keep_files(&self, keeps: bool) -> Result<()> {
        self.devtools("Network.enable", json!({})).await?;
        self.devtools("Network.setCacheDisabled", json!({"cacheDisabled": !keeps})).await
    }

    /// From now on answers of the network take at least so long; those that are on their way are not held back.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn answers_take(&self, latency: Duration) -> Result<()> {
        self.devtools("Network.enable", json!({})).await?;
        let conditions = json!({"offline": false, "latency": latency.as_secs_f64() * 1000.0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.emulateNetworkConditions", conditions).await
    }

    async fn devtools(&self, command: &'static str, parameters: Value) -> Result<()> {
        self.page.issue_cmd(DevTools { command, parameters }).await.with_context(|| command.to_owned())?;
        Ok(())
    }
}
