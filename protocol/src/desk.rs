//! The messages of the data channel named [`CHANNEL`] (ordered, reliable, JSON text) between a page and the desktop.
//!
//! | page to desktop | fields | |
//! |---|---|---|
//! | `key` | `keysym`, `down` | an X11 keysym (X11R7 `keysymdef.h`), `0x01000000 + c` for any character; repeats are repeated downs |
//! | `release-all` | | everything this page holds down is let go: on blur |
//! | `pointer` | `x`, `y` | pixels of the desktop; what lies outside counts as its edge |
//! | `button` | `button`, `down`, `x`, `y` | 1 left, 2 middle, 3 right, 8 back, 9 forward |
//! | `wheel` | `dx`, `dy`, `x`, `y` | 1/120 of a notch, fractions too; positive is right and down |
//! | `touch` | `id`, `phase`, `x`, `y` | `start`, `move`, `end` or `cancel` of one finger |
//! | `clipboard`, `paste` | `text` | becomes the desktop's `CLIPBOARD` and `PRIMARY`; at most [`MAX_TEXT_BYTES`] |
//! | `resize` | `width`, `height` | pixels, [`WIDTH`] by [`HEIGHT`], evened down |
//! | `take-control`, `release-control` | | |
//!
//! | desktop to page | fields | |
//! |---|---|---|
//! | `hello` | `width`, `height`, `control`, `clipboard`, `viewOnly` | always the first |
//! | `size` | `width`, `height` | the desktop has this size now |
//! | `control` | `control` | `mine`, `free` or `other` |
//! | `cursor` | `width`, `height`, `x`, `y`, `rgba` | straight RGBA in base64, at most [`MAX_CURSOR`] pixels each way, hot spot at `x`, `y`; width 0 is a hidden cursor |
//! | `clipboard` | `text` | a program of the desktop has copied this |
//! | `refused` | `what` | a message was not taken, and why: for a developer, without anything of its content |
//!
//! Of `size`, `control`, `cursor` and `clipboard` a page that reads slowly gets only the newest.

#[cfg(test)]
mod tests;

use std::{fmt, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

/// The label of the data channel.
pub const CHANNEL: &str = "desk";
/// Bound on a clipboard's text, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// Bound on a message: such a text, every character of it escaped by one more.
pub const MAX_MESSAGE_BYTES: usize = 2 * MAX_TEXT_BYTES + 1024;
/// Bounds on the desktop's size, in pixels.
pub const WIDTH: RangeInclusive<u32> = 320..=3840;
pub const HEIGHT: RangeInclusive<u32> = 240..=2160;
/// Bound on a cursor's width and height, in pixels.
pub const MAX_CURSOR: u16 = 128;
/// What a wheel's notch counts.
pub const NOTCH: f64 = 120.0;

/// Bound on one message's turn of a wheel, in notches.
const MAX_NOTCHES: f64 = 100.0;
/// No desktop reaches further from its origin, in pixels.
const MAX_COORDINATE: f64 = 65_535.0;

/// What a page tells the desktop. It has no derived `Debug`, which would show what a person types.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PageMessage {
    Key { keysym: u32, down: bool },
    ReleaseAll {},
    Pointer { x: Coordinate, y: Coordinate },
    Button { button: Button, down: bool, x: Coordinate, y: Coordinate },
    Wheel { dx: Turn, dy: Turn, x: Coordinate, y: Coordinate },
    Touch { id: u32, phase: TouchPhase, x: Coordinate, y: Coordinate },
    Clipboard { text: String },
    Paste { text: String },
    Resize { width: u32, height: u32 },
    TakeControl {},
    ReleaseControl {},
}

/// Why a message is no [`PageMessage`]. It says nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoMessage {
    #[error("longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    #[error("not JSON")]
    NotJson,
    #[error("an unknown type, a missing or unknown field, or a value out of its bounds")]
    NotOfTheTable,
    #[error("a text longer than {MAX_TEXT_BYTES} bytes")]
    TextTooLong,
    #[error("a size outside of 320 to 3840 by 240 to 2160 pixels")]
    Size,
}

impl PageMessage {
    /// Reads one message of the channel.
    ///
    /// # Errors
    /// When it is too long, not one of the table, or has a value out of its bounds.
    pub fn parse(text: &str) -> Result<Self, NoMessage> {
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(NoMessage::TooLong);
        }
        let message: Self = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => NoMessage::NotOfTheTable,
            _ => NoMessage::NotJson,
        })?;
        match &message {
            Self::Clipboard { text } | Self::Paste { text } if text.len() > MAX_TEXT_BYTES => {
                Err(NoMessage::TextTooLong)
            }
            Self::Resize { width, height } if !WIDTH.contains(width) || !HEIGHT.contains(height) => {
                Err(NoMessage::Size)
            }
            _ => Ok(message),
        }
    }

    /// Its name in the table.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Key { .. } => "key",
            Self::ReleaseAll {} => "release-all",
            Self::Pointer { .. } => "pointer",
            Self::Button { .. } => "button",
            Self::Wheel { .. } => "wheel",
            Self::Touch { .. } => "touch",
            Self::Clipboard { .. } => "clipboard",
            Self::Paste { .. } => "paste",
            Self::Resize { .. } => "resize",
            Self::TakeControl {} => "take-control",
            Self::ReleaseControl {} => "release-control",
        }
    }
}

impl fmt::Debug for PageMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageMessage({})", self.kind())
    }
}

/// A place on the desktop along one axis, in whole pixels: a page that is scaled sends fractions, which are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Coordinate(i32);

impl Coordinate {
    #[must_use]
    pub fn pixel(self) -> i32 {
        self.0
    }
}

impl TryFrom<f64> for Coordinate {
    type Error = &'static str;

    fn try_from(pixel: f64) -> Result<Self, Self::Error> {
        if !(-MAX_COORDINATE..=MAX_COORDINATE).contains(&pixel) {
            return Err("a coordinate out of its bounds");
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        Ok(Self(pixel.floor() as i32))
    }
}

/// How far a wheel was turned along one axis, in 1/120 of a notch.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Turn(f64);

impl Turn {
    #[must_use]
    pub fn units(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Turn {
    type Error = &'static str;

    fn try_from(units: f64) -> Result<Self, Self::Error> {
        let most = MAX_NOTCHES * NOTCH;
        if (-most..=most).contains(&units) { Ok(Self(units)) } else { Err("a wheel out of its bounds") }
    }
}

/// A button of the pointer, by its X11 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "u8")]
pub enum Button {
    Left = 1,
    Middle = 2,
    Right = 3,
    Back = 8,
    Forward = 9,
}

impl TryFrom<u8> for Button {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Left),
            2 => Ok(Self::Middle),
            3 => Ok(Self::Right),
            8 => Ok(Self::Back),
            9 => Ok(Self::Forward),
            _ => Err("an unknown button"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TouchPhase {
    Start,
    Move,
    End,
    Cancel,
}

/// What the desktop tells a page. Without `Debug`, which would show what a person has copied.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(missing_debug_implementations, reason = "it holds a clipboard")]
pub enum DeskMessage<'a> {
    Hello { width: u32, height: u32, control: ControlIs, clipboard: Directions, view_only: bool },
    Size { width: u32, height: u32 },
    Control { control: ControlIs },
    Cursor { width: u16, height: u16, x: u16, y: u16, rgba: &'a str },
    Clipboard { text: &'a str },
    Refused { what: &'a str },
}

impl DeskMessage<'_> {
    /// As it goes over the channel.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers always have a text.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Who moves pointer and keys, as one page sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlIs {
    Mine,
    /// Whoever asks gets it.
    Free,
    /// Another page has it.
    Other,
}

/// Which ways a clipboard may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Directions {
    pub to_desktop: bool,
    pub from_desktop: bool,
}

impl Directions {
    pub const BOTH: Self = Self { to_desktop: true, from_desktop: true };
    pub const NONE: Self = Self { to_desktop: false, from_desktop: false };
}

/// As long as nobody has forbidden any.
impl Default for Directions {
    fn default() -> Self {
        Self::BOTH
    }
}
