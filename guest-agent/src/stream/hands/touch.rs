//! Fingers as a pointer and a wheel. Pure.
//!
//! ```text
//!          finger down            moves further than SLOP
//!   none ──────────────▶ resting ─────────────────────────▶ dragging  (button 1 is down)
//!    ▲  ▲                 │   │ up: a click                   │   │ up: button 1 too
//!    │  └─────────────────┼───┴──────────────────────────────┼───┘
//!    │                    │ a second finger                   │ a second finger: button 1 up
//!    │ the last one up    ▼                                   │
//!    └───────────────── scrolling ◀───────────────────────────┘
//! ```
//! The button goes down with the first movement or with the lifting, not with the touch: two fingers never come down at
//! once, and the first of them must not click. The page makes a long press into a click of button 3 itself.

#[cfg(test)]
mod tests;

use anteroom_protocol::desk::{NOTCH, TouchPhase};

/// A finger that rests moves so far, in pixels.
const SLOP: i32 = 8;
/// Two fingers that move by so many pixels turn the wheel by a notch.
const PIXELS_PER_NOTCH: f64 = 50.0;
/// More fingers than these are not looked at.
const MAX_FINGERS: usize = 10;

/// A place on the desktop, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) x: i32,
    pub(super) y: i32,
}

/// What the fingers do to the desktop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Act {
    Move(Point),
    /// Button 1 goes down or up, where the pointer is.
    Button {
        down: bool,
    },
    /// In 1/120 of a notch, where the pointer is.
    Wheel {
        dx: f64,
        dy: f64,
    },
}

#[derive(Debug, Default)]
pub(super) struct Touches {
    fingers: Vec<Finger>,
    gesture: Gesture,
}

#[derive(Debug)]
struct Finger {
    id: u32,
    at: Point,
}

#[derive(Debug, Clone, Copy, Default)]
enum Gesture {
    #[default]
    None,
    Resting {
        start: Point,
    },
    Dragging,
    Scrolling,
}

impl Touches {
    pub(super) fn step(&mut self, id: u32, phase: TouchPhase, at: Point) -> Vec<Act> {
        let known = self.fingers.iter().position(|finger| finger.id == id);
        match (phase, known) {
            (TouchPhase::Start, None) => self.start(id, at),
            // A start that comes again is a movement; a movement of a finger that never came is nothing.
            (TouchPhase::Start | TouchPhase::Move, Some(index)) => self.moved(index, at),
            (TouchPhase::End, Some(index)) => self.lifted(index, at),
            (TouchPhase::Cancel, Some(index)) => self.cancelled(index),
            (TouchPhase::Move | TouchPhase::End | TouchPhase::Cancel, None) => Vec::new(),
        }
    }

    fn start(&mut self, id: u32, at: Point) -> Vec<Act> {
        if self.fingers.len() == MAX_FINGERS {
            return Vec::new();
        }
        self.fingers.push(Finger { id, at });
        let before = self.gesture;
        self.gesture = match before {
            Gesture::None => Gesture::Resting { start: at },
            _ => Gesture::Scrolling,
        };
        match before {
            Gesture::None => vec![Act::Move(at)],
            Gesture::Dragging => vec![Act::Button { down: false }],
            Gesture::Resting { .. } | Gesture::Scrolling => Vec::new(),
        }
    }

    fn moved(&mut self, index: usize, at: Point) -> Vec<Act> {
        let from = std::mem::replace(&mut self.fingers[index].at, at);
        if from == at {
            return Vec::new();
        }
        match self.gesture {
            Gesture::Resting { start } if (at.x - start.x).abs().max((at.y - start.y).abs()) > SLOP => {
                self.gesture = Gesture::Dragging;
                vec![Act::Button { down: true }, Act::Move(at)]
            }
            Gesture::Dragging => vec![Act::Move(at)],
            Gesture::Scrolling if self.fingers.len() >= 2 => {
                // Each finger does its part of it. What is under them follows them: the wheel turns the other way.
                let share = NOTCH / PIXELS_PER_NOTCH / 2.0;
                let (dx, dy) = (f64::from(from.x - at.x) * share, f64::from(from.y - at.y) * share);
                if index < 2 { vec![Act::Wheel { dx, dy }] } else { Vec::new() }
            }
            Gesture::None | Gesture::Resting { .. } | Gesture::Scrolling => Vec::new(),
        }
    }

    fn lifted(&mut self, index: usize, at: Point) -> Vec<Act> {
        let mut acts = self.moved(index, at);
        match self.gesture {
            Gesture::Resting { .. } => acts.extend([Act::Button { down: true }, Act::Button { down: false }]),
            Gesture::Dragging => acts.push(Act::Button { down: false }),
            Gesture::None | Gesture::Scrolling => {}
        }
        self.forget(index);
        acts
    }

    fn cancelled(&mut self, index: usize) -> Vec<Act> {
        let dragging = matches!(self.gesture, Gesture::Dragging);
        self.forget(index);
        if dragging { vec![Act::Button { down: false }] } else { Vec::new() }
    }

    fn forget(&mut self, index: usize) {
        self.fingers.remove(index);
        if self.fingers.is_empty() {
            self.gesture = Gesture::None;
        }
    }
}
