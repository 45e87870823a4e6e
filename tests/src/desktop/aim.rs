//! Clicks that are meant for one pixel, and what a person sees on the page itself rather than in the video.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};

use super::{Desktop, PICTURE};
use crate::daemon::PATIENCE;

impl Desktop<'_> {
    /// Clicks on a pixel of the desktop, given in the desktop's own pixels. Where the page shows it smaller than it is, not
    /// every pixel has a point of the mouse, which are CSS pixels: then the nearest that has one. Says which it was.
    ///
    /// # Errors
    /// When the browser refuses, or the picture is not to be seen.
    pub async fn click_near(&self, (x, y): (u64, u64)) -> Result<(u64, u64)> {
        let shown = self.page.execute(WHERE_IT_IS, vec![PICTURE.into()]).await?;
        let number = |name: &str| shown[name].as_f64().with_context(|| format!("{name} in {shown}"));
        let scale = (number("width")? / number("across")?).min(number("height")? / number("down")?);
        let axis = |wanted: u64, start: &str, room: &str, length: &str| -> Result<(u64, u64)> {
            let (start, room, length) = (number(start)?, number(room)?, number(length)?);
            let start = start + (room - length * scale) / 2.0;
            point_of(wanted, length, start, scale).context("no point of the mouse for it")
        };
        let (across, x) = axis(x, "left", "width", "across")?;
        let (down, y) = axis(y, "top", "height", "down")?;
        self.click_at(across, down).await?;
        Ok((x, y))
    }

    /// Clicks on a point of the page, in CSS pixels from its upper left corner.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn click_at(&self, x: u64, y: u64) -> Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "no page has 2^52 pixels")]
        let (x, y) = (x as f64, y as f64);
        self.clicks(PointerAction::MoveTo { duration: Some(Duration::from_millis(50)), x, y }, 1).await
    }

    pub(super) async fn clicks(&self, to: PointerAction, clicks: u8) -> Result<()> {
        let mut mouse = MouseActions::new("mouse".to_owned()).then(to);
        for _ in 0..clicks {
            mouse = mouse
                .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        }
        self.page.perform_actions(mouse).await.context("a click on the desktop")
    }

    /// Waits until nothing on the page is white but one square of so many CSS pixels, as a screenshot has it; its upper left
    /// corner.
    ///
    /// # Errors
    /// When it is not to be seen in time.
    pub async fn until_seen_white(&self, length: u64) -> Result<(u64, u64)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let png = self.page.screenshot().await?;
            let seen = self.page.execute_async(FIND_WHITE, vec![png.into()]).await?;
            if seen["width"].as_u64() == Some(length) && seen["height"].as_u64() == Some(length) {
                return seen["left"].as_u64().zip(seen["top"].as_u64()).context("a place");
            }
            ensure!(Instant::now() < deadline, "what is white on the page stays {seen}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// The first point of the mouse in a pixel's share of the page, and that pixel: the wanted one or the nearest that has such a
/// point. One at the far edge is none: it could be meant for either.
fn point_of(wanted: u64, length: f64, start: f64, scale: f64) -> Option<(u64, u64)> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a point of the page")]
    #[expect(clippy::cast_precision_loss, reason = "no desktop has 2^52 pixels")]
    let inside = |pixel: u64| {
        let point = (start + pixel as f64 * scale).ceil();
        let share = (point - start) / scale - pixel as f64;
        let good = (pixel as f64) < length && point >= 0.0 && (0.0..=0.95).contains(&share);
        good.then_some((point as u64, pixel))
    };
    (0..100).find_map(|far| inside(wanted + far).or_else(|| inside(wanted.checked_sub(far)?)))
}

const WHERE_IT_IS: &str = r"
    const picture = document.querySelector(arguments[0]);
    picture.scrollIntoView({ block: 'nearest' });
    const { left, top, width, height } = picture.getBoundingClientRect();
    return { left, top, width, height, across: picture.videoWidth, down: picture.videoHeight };
";

const FIND_WHITE: &str = r"
    const [png, done] = arguments;
    createImageBitmap(new Blob([new Uint8Array(png)])).then((image) => {
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        const pixels = context.getImageData(0, 0, image.width, image.height).data;
        let left = Infinity, top = Infinity, right = -1, bottom = -1;
        for (let at = 0; at < pixels.length; at += 4) {
            if (pixels[at] < 140 || pixels[at + 1] < 140 || pixels[at + 2] < 140) continue;
            const x = (at / 4) % image.width, y = Math.floor(at / 4 / image.width);
            [left, right] = [Math.min(left, x), Math.max(right, x)];
            [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
        }
        done({ left, top, width: right - left + 1, height: bottom - top + 1 });
    }, (error) => done(String(error)));
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_inside_of_the_pixel_that_is_named_with_it() {
        assert_eq!(point_of(7, 100.0, 20.0, 1.0), Some((27, 7)));
        assert_eq!(point_of(0, 100.0, 0.5, 1.0), Some((1, 0)));
        for wanted in 0..1280 {
            let (point, pixel) = point_of(wanted, 1280.0, 33.3, 0.77).unwrap();
            let share = (point as f64 - 33.3) / 0.77 - pixel as f64;
            assert!((0.0..1.0).contains(&share) && pixel.abs_diff(wanted) < 2, "{point} for {pixel}");
        }
    }
}
