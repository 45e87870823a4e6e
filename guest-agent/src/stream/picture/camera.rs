//! The thread that looks at the screen and encodes it, while somebody watches.
//!
//! ```text
//!          ┌────────────────────────── wait: X server, bell, time ◀──────────────────────┐
//!          ▼                                                                             │
//!   who watches? ─▶ damage, size ─▶ a track is open? ─▶ read ─▶ convert ─▶ encode each due track
//!     nobody: end                    (else later)
//! ```
//! Nothing is read before somebody can be shown it, so what is sent is always the latest. One picture, one track with its
//! own encoder for each codec that is watched.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Codec, Cost, Picture,
    bell::Ear,
    budget::{Budget, Purpose},
    canvas::Canvas,
    encoder::{self, EncodeError, Encoder, Kind},
    plan::{Due, Order, Plan},
    planes::Planes,
    pointer::{Pointer, PointerShown},
    screen::{Screen, ScreenError},
    seat::Seat,
    tiles::Tiles,
};

#[derive(Debug, thiserror::Error)]
pub(super) enum CameraError {
    #[error("the screen cannot be captured")]
    Screen(#[from] ScreenError),
    #[error("the picture cannot be encoded")]
    Encode(#[from] EncodeError),
    #[error("the picture cannot be converted")]
    Convert(#[from] yuv::YuvError),
    #[error("the camera cannot wait")]
    Wait(#[from] io::Error),
}

/// When pixels could not be read, because the screen is changing its size, the next look is so much later.
const RETRY: Duration = Duration::from_millis(1);

/// One codec that somebody watches.
struct Track {
    codec: Codec,
    encoder: Box<dyn Encoder>,
    plan: Plan,
    /// Whether something was captured for the next frame, and when, and what it cost.
    captured: Option<(Instant, Cost)>,
}

pub(super) struct Camera {
    screen: Screen,
    interval: Duration,
    canvas: Canvas,
    planes: Planes,
    /// Reported and not read yet.
    damage: Tiles,
    damaged: bool,
    /// As it is in the canvas, where it is drawn at all.
    pointer: Option<Pointer>,
    tracks: Vec<Track>,
}

impl Camera {
    pub(super) fn open(
        display: &str,
        interval: Duration,
        pointer: PointerShown,
    ) -> Result<Self, ScreenError> {
        let screen = Screen::open(display)?;
        let pointer = match pointer {
            PointerShown::Drawn => Some(screen.pointer()?),
            PointerShown::Nowhere => None,
        };
        let size = screen.size();
        Ok(Self {
            screen,
            interval,
            canvas: Canvas::new(size),
            planes: Planes::new(size),
            damage: Tiles::all(size),
            damaged: false,
            pointer,
            tracks: Vec::new(),
        })
    }

    /// Runs until `audience` says that nobody watches any more.
    pub(super) fn run(
        mut self,
        ear: &Ear,
        mut audience: impl FnMut() -> Option<Vec<Arc<Seat>>>,
    ) -> Result<(), CameraError> {
        while let Some(seats) = audience() {
            self.listen()?;
            self.seat(&seats)?;
            self.look()?;
            let until = self.show(&seats)?;
            // Answers to requests may have brought news with them, of which the descriptor knows nothing any more.
            if !self.listen()? {
                ear.wait(self.screen.descriptor(), until)?;
            }
        }
        Ok(())
    }

    /// Takes in what the X server has told, and says whether that was anything.
    fn listen(&mut self) -> Result<bool, CameraError> {
        let news = self.screen.news()?;
        self.damaged |= news.damaged;
        if news.resized && self.screen.resize()? {
            let size = self.screen.size();
            self.canvas = Canvas::new(size);
            self.planes = Planes::new(size);
            self.damage = Tiles::all(size);
            // Made anew for the new size; their debts are forgotten, which the next frames make up for.
            self.tracks.clear();
        }
        Ok(news.damaged || news.resized)
    }

    /// Gives every codec that is watched its track, with the lowest bitrate of its viewers.
    fn seat(&mut self, seats: &[Arc<Seat>]) -> Result<(), CameraError> {
        self.tracks.retain(|track| seats.iter().any(|seat| seat.codec == track.codec));
        let (now, size) = (Instant::now(), self.screen.size());
        for seat in seats {
            let codec = seat.codec;
            let bitrate = seats.iter().filter(|seat| seat.codec == codec).map(|seat| seat.bitrate()).min();
            let bitrate = bitrate.unwrap_or_else(|| seat.bitrate());
            let wish = seat.take_wish();
            match self.tracks.iter_mut().find(|track| track.codec == codec) {
                Some(track) => {
                    track.plan.budget.set_bitrate(now, bitrate);
                    if wish {
                        track.plan.want_key();
                    }
                }
                None => self.tracks.push(Track {
                    codec,
                    encoder: encoder::open(codec, size)?,
                    plan: Plan::new(size, self.interval, codec == Codec::Vp8, Budget::new(now, bitrate)),
                    captured: None,
                }),
            }
        }
        Ok(())
    }

    /// Reads and converts what has been damaged, when somebody can be shown it.
    fn look(&mut self) -> Result<(), CameraError> {
        let begin = Instant::now();
        let open = self.tracks.iter().any(|track| track.plan.open_at() <= begin);
        if open {
            self.follow_pointer()?;
        }
        let unread = self.damaged || !self.damage.is_empty();
        if !(open && unread) {
            return Ok(());
        }
        if std::mem::take(&mut self.damaged) {
            self.screen.take_damage(&mut self.damage)?;
        }
        let mut changed = Tiles::none(self.screen.size());
        let (canvas, pointer, mut drawn) = (&mut self.canvas, &self.pointer, Vec::new());
        let areas = self.damage.areas();
        let take = |area, bytes: &[u8]| {
            drawn.clear();
            drawn.extend_from_slice(pointer.as_ref().map_or(&[], |_| bytes));
            let shown = if pointer.as_ref().is_some_and(|pointer| pointer.draw(area, &mut drawn)) {
                &drawn
            } else {
                bytes
            };
            canvas.update(area, shown, &mut changed);
        };
        if !self.screen.read(&areas, take)? {
            return Ok(());
        }
        self.damage.clear();
        let captured = Instant::now();
        for area in changed.areas() {
            self.planes.convert(area, self.canvas.pixels(), self.canvas.stride())?;
        }
        let cost = Cost { capture: captured - begin, convert: captured.elapsed(), encode: Duration::ZERO };
        if !changed.is_empty() {
            for track in &mut self.tracks {
                track.plan.change(&changed);
                track.captured = Some((captured, cost));
            }
        }
        Ok(())
    }

    /// Nothing is told of its moves: it is looked for as often as a picture may be made.
    fn follow_pointer(&mut self) -> Result<(), CameraError> {
        let Some(before) = &mut self.pointer else { return Ok(()) };
        let now = self.screen.pointer()?;
        if now != *before {
            before.touch(&mut self.damage);
            now.touch(&mut self.damage);
            *before = now;
        }
        Ok(())
    }

    /// Encodes for every track that is due and hands the frames out. Says until when nothing more is.
    fn show(&mut self, seats: &[Arc<Seat>]) -> Result<Option<Instant>, CameraError> {
        let unread = self.damaged || !self.damage.is_empty();
        let mut until: Option<Instant> = None;
        for track in &mut self.tracks {
            let due = track.plan.due(Instant::now());
            let next = match due {
                Due::Now(order) => {
                    let picture = track.encode(&self.planes, &order)?;
                    seats
                        .iter()
                        .filter(|seat| seat.codec == track.codec)
                        .for_each(|seat| seat.offer(&picture));
                    track.plan.due(Instant::now())
                }
                later => later,
            };
            let next = match next {
                Due::Now(_) => Instant::now(),
                Due::At(at) => at,
            };
            let read_at = unread.then(|| track.plan.open_at().max(Instant::now() + RETRY));
            let pointer_at = self.pointer.as_ref().map(|_| Instant::now() + self.interval);
            until = [Some(next), read_at, pointer_at, until].into_iter().flatten().min();
        }
        Ok(until)
    }
}

impl Track {
    fn encode(&mut self, planes: &Planes, order: &Order) -> Result<Picture, EncodeError> {
        let begin = Instant::now();
        let encoded = self.encoder.encode(planes, &order.tiles, order.kind(), order.quantizer)?;
        let now = Instant::now();
        self.plan.done(begin, now, order, encoded.kind, encoded.data.len());
        let (captured_at, mut cost) = self.captured.take().unwrap_or((begin, Cost::default()));
        cost.encode = now - begin;
        let (key, repeats) = (encoded.kind == Kind::Key, order.purpose == Purpose::SignOfLife);
        Ok(Picture { data: encoded.data, key, repeats, captured_at, cost })
    }
}
