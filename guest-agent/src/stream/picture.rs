//! The picture of the desktop: captured when it changes and somebody watches, encoded once for each codec, refined when it
//! rests. What carries it to a browser is not here.
//!
//! ```text
//!  X server ──damage──▶ Screen ─▶ Canvas ─▶ Planes ─▶ Encoder (H.264, VP8) ─▶ Seat ─▶ Viewer
//!           ──pixels──▶        what differs   I420       Plan, Budget         a queue, bounded
//! ```

mod bell;
mod budget;
mod camera;
mod canvas;
mod encoder;
mod plan;
mod planes;
mod pointer;
mod screen;
mod seat;
mod segment;
#[cfg(test)]
mod tests;
mod tiles;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;

use bell::{Bell, Ear};
use camera::Camera;
pub(crate) use pointer::PointerShown;
use seat::{Found, Seat};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    /// Constrained baseline.
    H264,
    Vp8,
}

/// One encoded frame.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// H.264 as Annex B (a key frame with its parameter sets), VP8 as the frame of RFC 6386.
    pub(crate) data: Bytes,
    /// Whether it needs no other frame.
    pub(crate) key: bool,
    /// Whether it shows what the one before it has shown.
    pub(crate) repeats: bool,
    /// When the pixels were read; of a key frame or a refinement of what was read before, when it was made.
    pub(crate) captured_at: Instant,
    #[allow(dead_code, reason = "the benchmark reads it, which compiles these modules by itself")]
    pub(crate) cost: Cost,
}

/// How long the steps of making a frame took.
#[derive(Debug, Clone, Copy, Default)]
#[allow(dead_code, reason = "the benchmark reads it, which compiles these modules by itself")]
pub(crate) struct Cost {
    /// Reading the pixels and finding out what differs.
    pub(crate) capture: Duration,
    /// RGB to YUV.
    pub(crate) convert: Duration,
    pub(crate) encode: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// At most so many, 1 to 60.
    pub(crate) frames_per_second: u8,
    /// For each codec until its viewers know better.
    pub(crate) bits_per_second: u32,
    pub(crate) pointer: PointerShown,
}

impl Default for Options {
    fn default() -> Self {
        Self { frames_per_second: 30, bits_per_second: 8_000_000, pointer: PointerShown::Nowhere }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StudioError {
    #[error("the display {display:?} cannot be captured")]
    Display {
        display: String,
        #[source]
        source: screen::ScreenError,
    },
    #[error("the camera's thread cannot be woken")]
    Bell(#[source] io::Error),
}

/// Where pictures of one display are made. It works only while it is watched: without a viewer there is neither a thread
/// nor a connection to the X server.
pub(crate) struct Studio {
    display: String,
    options: Options,
    bell: Bell,
    /// The camera's; only one runs.
    ear: Ear,
    floor: Mutex<Floor>,
}

#[derive(Default)]
struct Floor {
    seats: Vec<Arc<Seat>>,
    /// Whether a camera looks after them.
    filmed: bool,
}

impl Studio {
    /// Finds out whether the display can be captured.
    ///
    /// # Errors
    ///
    /// When it does not answer, has not the extensions (DAMAGE, XFIXES, MIT-SHM 1.2) or has other pixels.
    pub(crate) fn open(display: &str, options: Options) -> Result<Arc<Self>, StudioError> {
        screen::Screen::open(display)
            .map_err(|source| StudioError::Display { display: display.to_owned(), source })?;
        let (bell, ear) = bell::bell().map_err(StudioError::Bell)?;
        Ok(Arc::new(Self { display: display.to_owned(), options, bell, ear, floor: Mutex::default() }))
    }

    /// The first viewer starts the camera, dropping the last one stops it.
    pub(crate) fn watch(self: &Arc<Self>, codec: Codec) -> Viewer {
        let seat = Arc::new(Seat::new(codec, self.options.bits_per_second));
        let mut floor = self.floor();
        floor.seats.push(Arc::clone(&seat));
        if floor.filmed {
            self.bell.ring();
        } else {
            let studio = Arc::clone(self);
            match thread::Builder::new().name("camera".into()).spawn(move || studio.film()) {
                Ok(_) => floor.filmed = true,
                Err(error) => {
                    tracing::warn!(%error, "there is no thread for the camera");
                    floor.close();
                }
            }
        }
        drop(floor);
        Viewer { seat, studio: Arc::clone(self) }
    }

    /// What the camera's thread does.
    fn film(&self) {
        let interval = Duration::from_secs(1) / u32::from(self.options.frames_per_second.clamp(1, 60));
        let filmed = Camera::open(&self.display, interval, self.options.pointer)
            .map_err(camera::CameraError::from)
            .and_then(|camera| camera.run(&self.ear, || self.audience()));
        if let Err(error) = filmed {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the desktop is not shown any more");
            self.floor().close();
        }
    }

    /// Who watches; with `None` the camera has to stop.
    fn audience(&self) -> Option<Vec<Arc<Seat>>> {
        let mut floor = self.floor();
        floor.filmed = !floor.seats.is_empty();
        floor.filmed.then(|| floor.seats.clone())
    }

    /// A panic elsewhere leaves nothing half done here.
    fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Floor {
    /// Sends everybody home; who comes next is filmed anew.
    fn close(&mut self) {
        self.seats.drain(..).for_each(|seat| seat.close());
        self.filmed = false;
    }
}

/// Somebody who watches, until dropped.
pub(crate) struct Viewer {
    seat: Arc<Seat>,
    studio: Arc<Studio>,
}

impl Viewer {
    /// The next frame; the first is a key frame, and so is the first after some were lost because this was not called
    /// for a while. `None` when the display is gone or cannot be captured any more; watch again then, or give up.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<Picture> {
        loop {
            match self.seat.take() {
                Found::Picture(picture) => return Some(picture),
                Found::End => return None,
                Found::Nothing { asks } => {
                    if asks {
                        self.studio.bell.ring();
                    }
                    self.seat.changed().await;
                }
            }
        }
    }

    /// All viewers of the codec get it. At most four a second are made, however often one is asked for.
    pub(crate) fn ask_for_keyframe(&self) {
        self.seat.ask_for_key();
        self.studio.bell.ring();
    }

    /// What the way to this viewer carries; the lowest of all viewers of a codec counts. Below 100 kbit/s it is taken for that.
    pub(crate) fn set_bitrate(&self, bits_per_second: u32) {
        if self.seat.set_bitrate(bits_per_second) {
            self.studio.bell.ring();
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.studio.floor().seats.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        self.studio.bell.ring();
    }
}
