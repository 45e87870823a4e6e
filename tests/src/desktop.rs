//! The desktop as the page shows it: a live video, or noVNC's canvas. Looks at its pixels, and uses mouse and keys on it.

mod aim;
mod sight;

pub use sight::Sample;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fantoccini::{Client, Locator, actions::PointerAction, elements::Element};
use serde_json::Value;

use crate::daemon::PATIENCE;

/// The terminal's background (`XTerm` among the desktop's files).
pub const TERMINAL: [u8; 3] = [0x1e, 0x22, 0x2a];

/// How far a colour may be from the one that is looked for: a video has its own, slightly coarser ones.
const NEAR: u8 = 16;
/// In which nothing is drawn any more, by a desktop that has drawn everything.
const SETTLED: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub struct Desktop<'a> {
    page: &'a Client,
    picture: Element,
}

impl<'a> Desktop<'a> {
    /// Waits until there is a picture.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn shown(page: &'a Client) -> Result<Self> {
        let connected = Locator::Css(".desktop-surface[data-state=connected]");
        page.wait().at_most(PATIENCE).for_element(connected).await.context("no picture of the desktop")?;
        let picture = page.find(Locator::Css(PICTURE)).await?;
        Ok(Self { page, picture })
    }

    /// One that somebody else's player shows, in a page that is made like ours.
    ///
    /// # Errors
    /// When there is no video.
    pub async fn played(page: &'a Client) -> Result<Self> {
        Ok(Self { page, picture: page.find(Locator::Css(PICTURE)).await? })
    }

    /// `live` or `plain`.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn way(&self) -> Result<String> {
        let surface = self.page.find(Locator::Css(".desktop-surface")).await?;
        surface.attr("data-way").await?.context("the way is not told")
    }

    /// Waits until the desktop shows a good area of this colour; its middle in CSS pixels from the middle of the picture.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn until_colour(&self, colour: [u8; 3]) -> Result<(f64, f64)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let arguments =
                colour.into_iter().chain([NEAR]).map(Value::from).chain([PICTURE.into()]).collect();
            let found = self.page.execute(FIND_COLOUR, arguments).await?;
            if let (Some(x), Some(y)) = (found["x"].as_f64(), found["y"].as_f64()) {
                return Ok((x, y));
            }
            ensure!(Instant::now() < deadline, "the colour {colour:?} never appeared on the desktop");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// With the left button, so far from the middle of the picture.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn click(&self, from_middle: (f64, f64)) -> Result<()> {
        self.clicks(self.place(from_middle), 1).await
    }

    /// Twice, as fast as a double click.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn double_click(&self, from_middle: (f64, f64)) -> Result<()> {
        self.clicks(self.place(from_middle), 2).await
    }

    fn place(&self, (x, y): (f64, f64)) -> PointerAction {
        PointerAction::MoveToElement {
            element: self.picture.clone(),
            duration: Some(Duration::from_millis(200)),
            x,
            y,
        }
    }

    /// Presses keys where the desktop's cursor is, and lets go of those that the text has pressed and not released
    /// (WebDriver, "Element Send Keys": `\u{e009}` is Control, `\u{e000}` releases).
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn press(&self, keys: &str) -> Result<()> {
        self.keys().await?.send_keys(keys).await.context("keys for the desktop")
    }

    /// Types a line where the desktop's cursor is, key by key.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn type_line(&self, text: &str) -> Result<()> {
        self.press(&format!("{text}\u{e007}")).await
    }

    /// Gives a text to the desktop by the browser's own `paste` event, with the keys that xterm pastes by; and Enter, when it
    /// is seen: a program fetches what it pastes, and takes keys meanwhile.
    ///
    /// # Errors
    /// When the browser refuses, or the text does not appear in time.
    pub async fn paste_line(&self, text: &str) -> Result<()> {
        self.keys().await?;
        let before = self.settled_lettering().await?;
        self.page.execute(PASTE, vec![text.into()]).await?;
        self.until_lettered(before).await?;
        self.type_line("").await
    }

    /// Types a text, and waits until it is seen.
    ///
    /// # Errors
    /// When the browser refuses, or the text does not appear in time.
    pub async fn type_and_see(&self, text: &str) -> Result<()> {
        self.until_colour(TERMINAL).await?;
        let before = self.lettering().await?;
        self.keys().await?.send_keys(text).await?;
        self.until_lettered(before).await
    }

    /// Once what was typed before is all there: it would be taken for what comes next.
    async fn settled_lettering(&self) -> Result<u64> {
        let deadline = Instant::now() + PATIENCE;
        let mut before = self.lettering().await?;
        loop {
            tokio::time::sleep(SETTLED).await;
            let now = self.lettering().await?;
            if now.abs_diff(before) < MIN_LETTERING {
                return Ok(now);
            }
            ensure!(Instant::now() < deadline, "the desktop does not come to rest");
            before = now;
        }
    }

    async fn until_lettered(&self, before: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.lettering().await? < before + MIN_LETTERING {
            ensure!(Instant::now() < deadline, "the text is not seen");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// How many pixels are as light as the letters of the terminal.
    async fn lettering(&self) -> Result<u64> {
        let count = self.page.execute(COUNT_LIGHT, vec![PICTURE.into()]).await?;
        count.as_u64().context("a number of pixels")
    }

    /// Waits until the desktop has a size that is wanted, and returns it, in its own pixels.
    ///
    /// # Errors
    /// When it has none in time.
    pub async fn until_size(&self, wanted: impl Fn(u64, u64) -> bool) -> Result<(u64, u64)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let size = self.pair("[picture.videoWidth, picture.videoHeight]").await?;
            if wanted(size.0, size.1) {
                return Ok(size);
            }
            ensure!(Instant::now() < deadline, "the desktop stays at {size:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Waits until the desktop has kept its size for three seconds, and returns it: who takes it in hand may change it.
    ///
    /// # Errors
    /// When it goes on changing.
    pub async fn until_settled(&self) -> Result<(u64, u64)> {
        let deadline = Instant::now() + PATIENCE;
        let (mut size, mut since) = (self.until_size(|width, _| width > 0).await?, Instant::now());
        while since.elapsed() < Duration::from_secs(3) {
            ensure!(Instant::now() < deadline, "the desktop's size goes on changing");
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.until_size(|width, _| width > 0).await?;
            if now != size {
                (size, since) = (now, Instant::now());
            }
        }
        Ok(size)
    }

    /// The room that the page has for the picture, in CSS pixels.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn room(&self) -> Result<(u64, u64)> {
        self.pair("[picture.parentElement.clientWidth, picture.parentElement.clientHeight]").await
    }

    async fn pair(&self, expression: &str) -> Result<(u64, u64)> {
        let script = format!("const picture = document.querySelector(arguments[0]); return {expression};");
        let pair = self.page.execute(&script, vec![PICTURE.into()]).await?;
        pair[0].as_u64().zip(pair[1].as_u64()).with_context(|| format!("two numbers, not {pair}"))
    }

    /// The field that takes the keys, with the focus.
    async fn keys(&self) -> Result<Element> {
        self.page.execute("document.querySelector('.live textarea').focus()", vec![]).await?;
        Ok(self.page.find(Locator::Css(".live textarea")).await?)
    }
}

/// Shift+Insert as a keyboard does it: the key, which the page keeps back, then `paste`.
const PASTE: &str = r"
    const field = document.activeElement;
    const key = { key: 'Insert', code: 'Insert', shiftKey: true, bubbles: true, cancelable: true };
    const shift = { key: 'Shift', code: 'ShiftLeft', shiftKey: true, bubbles: true, cancelable: true };
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', arguments[0]);
    field.dispatchEvent(new KeyboardEvent('keydown', shift));
    field.dispatchEvent(new KeyboardEvent('keydown', key));
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    field.dispatchEvent(new KeyboardEvent('keyup', key));
    field.dispatchEvent(new KeyboardEvent('keyup', { ...shift, shiftKey: false }));
";

/// Of a few words, in pixels.
const MIN_LETTERING: u64 = 60;

const COUNT_LIGHT: &str = r"
    const picture = document.querySelector(arguments[0]);
    const canvas = new OffscreenCanvas(picture.videoWidth, picture.videoHeight);
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let at = 0; at < pixels.length; at += 4) count += pixels[at] > 140 && pixels[at + 1] > 140 ? 1 : 0;
    return count;
";

const PICTURE: &str = ".live video, .desktop-host canvas";

/// The picture holds the desktop's own pixels, whatever size the page shows it at.
const FIND_COLOUR: &str = r"
    const [red, green, blue, tolerance, selector] = arguments;
    const picture = document.querySelector(selector);
    const width = picture?.videoWidth || picture?.width, height = picture?.videoHeight || picture?.height;
    if (!width || !height) return {};
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, width, height).data;
    let count = 0, left = 0, top = 0;
    for (let at = 0; at < pixels.length; at += 4) {
        const near = (channel, value) => Math.abs(pixels[at + channel] - value) < tolerance;
        if (near(0, red) && near(1, green) && near(2, blue)) {
            count += 1;
            left += (at / 4) % width;
            top += Math.floor(at / 4 / width);
        }
    }
    if (count < 5000) return {};
    // As large as fits, in the middle.
    const shown = picture.getBoundingClientRect();
    const scale = Math.min(shown.width / width, shown.height / height);
    const from_middle = (sum, size) => Math.round((sum / count - size / 2) * scale);
    return { x: from_middle(left, width), y: from_middle(top, height) };
";
