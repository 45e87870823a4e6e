//! What one viewer sees: its share of the encoder, the timestamps of its pictures, and whether they stand still.

use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt};

use super::super::{
    backlog::{Backlog, Verdict},
    media,
    source::View,
};
use crate::stream::picture::{Codec, Picture};

/// A picture that has not changed for so long stands still: the library then sends nothing, no padding either, and forgets
/// what it has sent. By then the first sign of life (`plan`) has shown the viewer what it has lost, and what it has asked for
/// again is with it.
const STILL_AFTER: Duration = Duration::from_secs(3);
/// After a small change, which is one packet.
const STILL_AFTER_LITTLE: Duration = Duration::from_millis(500);
const LITTLE_BYTES: usize = 1000;
/// After a sign of life: long enough for the pacing to let it go. One that is lost shows at the next.
const STILL_AGAIN_AFTER: Duration = Duration::from_millis(50);

pub(super) struct Video<V> {
    pub(super) mid: Mid,
    pub(super) pt: Pt,
    pub(super) codec: Codec,
    /// From the connection on.
    pub(super) view: Option<V>,
    pub(super) backlog: Backlog,
    /// Of the timestamps.
    epoch: Instant,
    last_time: u64,
    /// When it will have stood still for long enough, if no other picture comes.
    rests_at: Instant,
    still: bool,
}

impl<V: View> Video<V> {
    pub(super) fn new(mid: Mid, pt: Pt, codec: Codec) -> Self {
        let now = Instant::now();
        Self {
            mid,
            pt,
            codec,
            view: None,
            backlog: Backlog::new(media::FIRST_BPS, now),
            epoch: now,
            last_time: 0,
            rests_at: now + STILL_AFTER,
            still: false,
        }
    }

    /// When it is to rest; `None` when it does already, or nobody sees it yet.
    pub(super) fn rests_at(&self) -> Option<Instant> {
        (self.view.is_some() && !self.still).then_some(self.rests_at)
    }

    /// The picture's timestamp (RFC 6184 section 5.1: 90 kHz); each is later than the one before.
    pub(super) fn time_of(&mut self, picture: &Picture) -> u64 {
        let since = picture.captured_at.saturating_duration_since(self.epoch);
        let time = u64::try_from(since.as_micros() * 9 / 100).unwrap_or(u64::MAX);
        self.last_time = time.max(self.last_time + 1);
        self.last_time
    }

    /// Whether the picture goes out now; when it does not and the next ones would make no sense, a keyframe is asked for.
    pub(super) fn has_room_for(&mut self, picture: &Picture, now: Instant) -> bool {
        let verdict = self.backlog.judge(picture.key, picture.data.len(), now);
        if let (Verdict::LeaveOutAndAsk, Some(view)) = (verdict, &self.view) {
            view.ask_for_keyframe();
        }
        verdict == Verdict::Send
    }

    /// This picture goes out, or some that is not known yet. Says whether the stream rested before.
    pub(super) fn goes_on(&mut self, picture: Option<&Picture>, now: Instant) -> bool {
        let after = match picture {
            Some(picture) if picture.repeats => STILL_AGAIN_AFTER,
            Some(picture) if picture.data.len() <= LITTLE_BYTES => STILL_AFTER_LITTLE,
            _ => STILL_AFTER,
        };
        // On a slow network the picture waits to be sent, and would be forgotten with the rest.
        self.rests_at = self.rests_at.max(self.backlog.clear_at(now) + after);
        std::mem::take(&mut self.still)
    }

    pub(super) fn is_still(&self) -> bool {
        self.still
    }

    pub(super) fn rests(&mut self) {
        self.still = true;
    }
}
