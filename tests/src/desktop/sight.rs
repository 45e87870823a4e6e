//! How the desktop's picture comes: whether it stays, how long it stands still, and how like the desktop it is.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Desktop, PICTURE};

/// What the page has shown since [`Desktop::begin_watching`].
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub frames: u64,
    pub longest_standstill: Duration,
    /// Every state and way that the page has told since, in turn: none, when nothing has changed.
    pub changes: Vec<String>,
}

/// A part of the picture, as PNG in base64.
#[derive(Debug, Clone)]
pub struct Sample(String);

/// Left, top, width and height of what is compared, in pixels of the desktop: the terminal's first twenty lines, without the
/// window's title.
const COMPARED: [u64; 4] = [0, 24, 512, 340];

impl Desktop<'_> {
    /// From now on, what the page shows is noted.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn begin_watching(&self) -> Result<()> {
        self.page.execute(WATCH, vec![PICTURE.into()]).await?;
        Ok(())
    }

    /// What was noted, which goes on; the frames are counted anew from here.
    ///
    /// # Errors
    /// When the page is gone, or was loaded anew.
    pub async fn seen(&self) -> Result<Seen> {
        let seen = self.page.execute("return window.pictureSeen();", vec![]).await?;
        let standstill = seen["standstill"].as_f64().with_context(|| format!("what was seen, not {seen}"))?;
        let changes = seen["changes"].as_array().into_iter().flatten();
        Ok(Seen {
            frames: seen["frames"].as_u64().unwrap_or_default(),
            longest_standstill: Duration::from_secs_f64(standstill / 1000.0),
            changes: changes.filter_map(|change| change.as_str().map(str::to_owned)).collect(),
        })
    }

    /// Turns the wheel over the desktop 20 times a second for so long: up for the first half, then down again.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn scroll(&self, time: Duration) -> Result<()> {
        let ms = u64::try_from(time.as_millis())?;
        self.page.execute_async(SCROLL, vec![PICTURE.into(), ms.into()]).await?;
        Ok(())
    }

    /// What is seen of the terminal now.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn sample(&self) -> Result<Sample> {
        let png = self.page.execute(SAMPLE, vec![PICTURE.into(), COMPARED.to_vec().into()]).await?;
        Ok(Sample(png.as_str().context("a PNG file")?.to_owned()))
    }

    /// How like a sample the picture is now: the peak signal-to-noise ratio of the brightness, in dB.
    ///
    /// # Errors
    /// When the page is gone.
    pub async fn likeness(&self, sample: &Sample) -> Result<f64> {
        let arguments = vec![PICTURE.into(), COMPARED.to_vec().into(), sample.0.clone().into()];
        let ratio = self.page.execute_async(COMPARE, arguments).await?;
        ratio.as_f64().with_context(|| format!("a ratio, not {ratio}"))
    }

    /// Waits until the picture is as like a sample as that; how long it took.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn until_like(&self, sample: &Sample, decibels: f64, within: Duration) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            let now = self.likeness(sample).await?;
            if now >= decibels {
                return Ok(begun.elapsed());
            }
            ensure!(begun.elapsed() < within, "the picture stays at {now:.1} dB, {decibels} are wanted");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

const WATCH: &str = r"
    const picture = document.querySelector(arguments[0]);
    const surface = document.querySelector('.desktop-surface');
    const changes = [];
    let frames = 0, last = performance.now(), standstill = 0;
    const frame = () => {
        const now = performance.now();
        standstill = Math.max(standstill, now - last);
        last = now;
        frames += 1;
        picture.requestVideoFrameCallback(frame);
    };
    picture.requestVideoFrameCallback(frame);
    new MutationObserver(() => changes.push(`${surface.dataset.way} ${surface.dataset.state}`))
        .observe(surface, { attributes: true, attributeFilter: ['data-way', 'data-state'] });
    window.pictureSeen = () => {
        const seen = { frames, standstill: Math.max(standstill, performance.now() - last), changes };
        [frames, standstill, last] = [0, 0, performance.now()];
        return seen;
    };
";

const SCROLL: &str = r"
    const [selector, ms, done] = arguments;
    const picture = document.querySelector(selector);
    const { left, top, width, height } = picture.getBoundingClientRect();
    const at = { clientX: left + width / 4, clientY: top + height / 2, bubbles: true, cancelable: true };
    const begun = performance.now();
    const turn = () => {
        const gone = performance.now() - begun;
        if (gone > ms) return done(null);
        picture.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: gone < ms / 2 ? -100 : 100 }));
        setTimeout(turn, 50);
    };
    turn();
";

const SAMPLE: &str = r"
    const [selector, [left, top, width, height]] = arguments;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    canvas.getContext('2d').drawImage(document.querySelector(selector), left, top, width, height, 0, 0, width, height);
    return canvas.toDataURL('image/png').split(',')[1];
";

const COMPARE: &str = r"
    const [selector, [left, top, width, height], png, done] = arguments;
    const brightness = (source, x, y) => {
        const context = new OffscreenCanvas(width, height).getContext('2d');
        context.drawImage(source, x, y, width, height, 0, 0, width, height);
        const { data } = context.getImageData(0, 0, width, height);
        return Float64Array.from({ length: width * height }, (_, at) =>
            0.299 * data[at * 4] + 0.587 * data[at * 4 + 1] + 0.114 * data[at * 4 + 2]);
    };
    const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
    createImageBitmap(new Blob([bytes])).then((image) => {
        const wanted = brightness(image, 0, 0), now = brightness(document.querySelector(selector), left, top);
        const sum = now.reduce((sum, value, at) => sum + (value - wanted[at]) ** 2, 0);
        done(sum === 0 ? 99 : 10 * Math.log10(255 ** 2 / (sum / now.length)));
    }, (error) => done(String(error)));
";
