//! The pointer, its buttons and the wheel, moved on the X server.

use anteroom_protocol::desk::Button;
use x11rb::protocol::xproto::{ConnectionExt as _, KeyButMask};

use crate::display::size::Size;

use super::{
    touch::{Act, Point},
    wheel::Notches,
    x::{DeskError, Fake, X},
};

#[derive(Debug, Default)]
pub(super) struct Pointer {
    held: Vec<Button>,
}

impl Pointer {
    /// Buttons that are down were left by a role that has died.
    pub(super) fn open(x: &X) -> Result<Self, DeskError> {
        let mask = x.connection.query_pointer(x.root)?.reply()?.mask;
        let buttons = [KeyButMask::BUTTON1, KeyButMask::BUTTON2, KeyButMask::BUTTON3];
        for (bit, number) in buttons.into_iter().zip(1..) {
            if mask.contains(bit) {
                x.fake(Fake::ButtonRelease, number)?;
            }
        }
        Ok(Self::default())
    }

    /// What lies outside of the desktop is its edge.
    pub(super) fn to(&self, x: &X, size: Size, at: Point) -> Result<(), DeskError> {
        let fit = |pixel: i32, length: u16| {
            let last = i32::from(length).saturating_sub(1).clamp(0, i16::MAX.into());
            i16::try_from(pixel.clamp(0, last)).unwrap_or(0)
        };
        x.fake_motion(fit(at.x, size.width), fit(at.y, size.height))
    }

    /// Says twice what it is once: the second is nothing.
    pub(super) fn button(&mut self, x: &X, button: Button, down: bool) -> Result<(), DeskError> {
        let index = self.held.iter().position(|held| *held == button);
        match (index, down) {
            (None, true) => {
                self.held.push(button);
                x.fake(Fake::ButtonPress, button as u8)
            }
            (Some(index), false) => {
                self.held.remove(index);
                x.fake(Fake::ButtonRelease, button as u8)
            }
            (Some(_), true) | (None, false) => Ok(()),
        }
    }

    pub(super) fn turn(x: &X, notches: Notches) -> Result<(), DeskError> {
        for (button, times) in notches.clicks() {
            for _ in 0..times {
                x.fake(Fake::ButtonPress, button)?;
                x.fake(Fake::ButtonRelease, button)?;
            }
        }
        Ok(())
    }

    pub(super) fn let_go(&mut self, x: &X) -> Result<(), DeskError> {
        self.held.drain(..).try_for_each(|button| x.fake(Fake::ButtonRelease, button as u8))
    }

    /// What a finger does; turns of the wheel are the caller's, who adds them up.
    pub(super) fn act(&mut self, x: &X, size: Size, act: Act) -> Result<(), DeskError> {
        match act {
            Act::Move(at) => self.to(x, size, at),
            Act::Button { down } => self.button(x, Button::Left, down),
            Act::Wheel { .. } => Ok(()),
        }
    }
}
