//! What a person sees of the desktop in the page, and when.

use std::time::Duration;

use anyhow::{Context as _, Result};
use fantoccini::Client;
use serde_json::Value;

/// Looks at the page's picture, and works in it by events of its own making: those of WebDriver take a while themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eyes<'a> {
    page: &'a Client,
}

impl<'a> Eyes<'a> {
    pub(crate) fn of(page: &'a Client) -> Self {
        Self { page }
    }

    /// From so many keys to another picture of the terminal, which is on the left; a pause between them.
    pub(crate) async fn latencies_ms(self, keys: usize) -> Result<Vec<f64>> {
        let latencies = self.page.execute_async(&script(LATENCIES), vec![keys.into()]).await?;
        let latencies = latencies.as_array().with_context(|| format!("latencies, not {latencies}"))?;
        latencies.iter().map(|latency| latency.as_f64().context("a key was never seen")).collect()
    }

    pub(crate) async fn press(self, key: &str) -> Result<()> {
        self.page.execute(&script("press(arguments[0]);"), vec![key.into()]).await?;
        Ok(())
    }

    /// Turns the wheel, 60 times a second, down and then up again.
    pub(crate) async fn scroll(self, time: Duration) -> Result<()> {
        let ms = u64::try_from(time.as_millis())?;
        self.page.execute_async(&script(SCROLL), vec![ms.into()]).await?;
        Ok(())
    }

    /// From now on the frames are counted in which the middle of the picture is another one.
    pub(crate) async fn begin_counting(self) -> Result<()> {
        self.page.execute(&script(COUNT), vec![]).await?;
        Ok(())
    }

    pub(crate) async fn counted(self) -> Result<f64> {
        let counted: Value = self.page.execute("return window.framesCounted();", vec![]).await?;
        counted.as_f64().context("a number of frames")
    }
}

fn script(body: &str) -> String {
    format!("{COMMON}\n{body}")
}

const COMMON: &str = r"
    const picture = document.querySelector('.live video, .desktop-host canvas');
    const field = document.querySelector('.live textarea') ?? picture;
    const width = picture.videoWidth || picture.width, height = picture.videoHeight || picture.height;
    const press = (key) => {
        const code = key.length === 1 ? `Key${key.toUpperCase()}` : key;
        const init = { key, code, bubbles: true, cancelable: true };
        field.dispatchEvent(new KeyboardEvent('keydown', init));
        field.dispatchEvent(new KeyboardEvent('keyup', init));
    };
    /* Reads a part of the picture whenever it is called. */
    const window_on = (left, top, wide, high) => {
        const canvas = new OffscreenCanvas(wide, high);
        const context = canvas.getContext('2d', { willReadFrequently: true });
        return () => {
            context.drawImage(picture, left, top, wide, high, 0, 0, wide, high);
            return context.getImageData(0, 0, wide, high).data;
        };
    };
    /* Whether more is new than what sharpening a letter changes. */
    const differ = (one, other, pixels) => {
        let count = 0;
        for (let at = 1; at < one.length; at += 4) if (Math.abs(one[at] - other[at]) > 40) count += 1;
        return count >= pixels;
    };
";

const LATENCIES: &str = r"
    const [keys, done] = arguments;
    const look = window_on(0, 0, 512, height);
    const seen = (before, since) => new Promise((resolve) => {
        const frame = () => {
            if (differ(before, look(), 6)) resolve(performance.now() - since);
            else if (performance.now() - since > 5000) resolve(null);
            else requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    });
    (async () => {
        const latencies = [];
        for (let key = 0; key < keys; key += 1) {
            await new Promise((resolve) => setTimeout(resolve, 250 + Math.random() * 100));
            const before = look(), since = performance.now();
            press('m');
            latencies.push(await seen(before, since));
        }
        done(latencies);
    })();
";

const SCROLL: &str = r"
    const [ms, done] = arguments;
    const { left, top, width: shown, height: tall } = picture.getBoundingClientRect();
    const at = { clientX: left + shown / 2, clientY: top + tall / 2, bubbles: true, cancelable: true };
    const begun = performance.now();
    const turn = () => {
        const gone = performance.now() - begun;
        if (gone > ms) return done(null);
        picture.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: gone < ms / 2 ? 60 : -60 }));
        setTimeout(turn, 16);
    };
    turn();
";

const COUNT: &str = r"
    const look = window_on(Math.floor(width / 2) - 100, Math.floor(height / 2) - 60, 200, 120);
    let last = look(), frames = 0, on = true;
    const frame = () => {
        if (!on) return;
        const now = look();
        if (differ(last, now, 20)) {
            frames += 1;
            last = now;
        }
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    window.framesCounted = () => {
        on = false;
        return frames;
    };
";
