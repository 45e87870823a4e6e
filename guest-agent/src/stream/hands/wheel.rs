//! A wheel turned by fractions, as the whole notches that X knows. Pure.
//!
//! XTEST has no valuators for scrolling: XInput2's smooth scrolling needs a device that has them, and the server's XTEST
//! pointer does not. So a notch is a click of button 4 to 7, and what is left over waits for the next turn.

#[cfg(test)]
mod tests;

use anteroom_protocol::desk::NOTCH;

/// What has not made a notch yet, in 1/120 of one.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    x: f64,
    y: f64,
}

/// Whole notches; positive is right and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notches {
    pub(super) x: i32,
    pub(super) y: i32,
}

impl Wheel {
    pub(super) fn turn(&mut self, dx: f64, dy: f64) -> Notches {
        Notches { x: whole(&mut self.x, dx), y: whole(&mut self.y, dy) }
    }
}

impl Notches {
    /// The button that turns the wheel so, and how often, for each axis (X11's convention of five buttons and two more).
    pub(super) fn clicks(self) -> [(u8, u32); 2] {
        [
            (if self.y < 0 { 4 } else { 5 }, self.y.unsigned_abs()),
            (if self.x < 0 { 6 } else { 7 }, self.x.unsigned_abs()),
        ]
    }
}

fn whole(left: &mut f64, turn: f64) -> i32 {
    // Who turns back wants to see that at once.
    if *left * turn < 0.0 {
        *left = 0.0;
    }
    *left += turn;
    let notches = (*left / NOTCH).trunc();
    *left -= notches * NOTCH;
    #[expect(clippy::cast_possible_truncation, reason = "a message's turn is bounded to some notches")]
    let notches = notches as i32;
    notches
}
