//! Keys that bear nothing, lent to characters that no key bears. Pure.
//!
//! A program learns of a changed map by an event, and only then asks the server for the map: for the one of that moment, not
//! of the event. A spare key that soon bears something else would give a slow program the later character for the earlier
//! press. So the keys rotate: a character stays on its key as long as possible, the one that has rested longest is lent next,
//! and none before it has rested for [`REST`]. Who needs more than there are waits; all that comes after it waits too.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// A program has read the press of a spare key by then, on an emulated processor too.
pub(super) const REST: Duration = Duration::from_secs(2);

/// The second connection of a program has read of the new map by then. A person sees it as a slow key, once a character.
pub(super) const SETTLE: Duration = Duration::from_millis(300);

#[derive(Debug, Default)]
pub(super) struct Spares(Vec<Spare>);

#[derive(Debug)]
struct Spare {
    keycode: u8,
    keysym: Option<u32>,
    /// When it was last lent, pressed or released.
    used: Option<Instant>,
    /// When it may be pressed.
    settled: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lent {
    /// Put it on this key.
    Key(u8),
    /// Not before then.
    Wait(Instant),
    /// The keyboard has no spare key.
    None,
}

impl Spares {
    /// The keyboard has changed: these are its spare keys, and `bears` tells what is still as it was put.
    pub(super) fn renew(&mut self, spare: impl Iterator<Item = u8>, bears: impl Fn(u8, u32) -> bool) {
        let mut old = std::mem::take(&mut self.0);
        let mut kept = Vec::new();
        for spare in &mut old {
            let still = spare.keysym.is_some_and(|keysym| bears(spare.keycode, keysym));
            if still {
                kept.push(Spare { ..*spare });
            }
        }
        for keycode in spare {
            let used = old.iter().find(|spare| spare.keycode == keycode).and_then(|spare| spare.used);
            kept.push(Spare { keycode, keysym: None, used, settled: None });
        }
        self.0 = kept;
    }

    /// A key to put a keysym on, which none bears yet. `is_down` are those that are pressed.
    pub(super) fn lend(&mut self, keysym: u32, now: Instant, is_down: impl Fn(u8) -> bool) -> Lent {
        let up = self.0.iter_mut().filter(|spare| !is_down(spare.keycode));
        // None is less than any instant: a key that was never used comes first.
        let Some(longest) = up.min_by_key(|spare| spare.used) else { return Lent::None };
        let rested = longest.used.map_or(now, |used| used + REST);
        if rested > now {
            return Lent::Wait(rested);
        }
        longest.keysym = Some(keysym);
        longest.used = Some(now);
        longest.settled = Some(now + SETTLE);
        Lent::Key(longest.keycode)
    }

    /// This key was pressed or released. Nothing when it is none of these.
    pub(super) fn used(&mut self, keycode: u8, now: Instant) {
        if let Some(spare) = self.0.iter_mut().find(|spare| spare.keycode == keycode) {
            spare.used = Some(now);
        }
    }

    /// When this key may be pressed, if that is not yet.
    pub(super) fn settles(&self, keycode: u8, now: Instant) -> Option<Instant> {
        let spare = self.0.iter().find(|spare| spare.keycode == keycode)?;
        spare.settled.filter(|settled| *settled > now)
    }
}
