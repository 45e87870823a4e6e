//! What a keysym stands for (X11R7 `keysymdef.h`), as far as the keyboard has to know. Pure.

#[cfg(test)]
mod tests;

use xkeysym::Keysym;

pub(super) const SHIFT_L: u32 = 0xffe1;
pub(super) const LEVEL3_SHIFT: u32 = 0xfe03;

/// How a keysym is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A character, or a dead accent: programs must read just this, so Shift and AltGr have to be right.
    Text,
    /// A character of the number pad: as before, but Shift beside it would make it something else.
    Keypad,
    /// Enter, arrows, F1: the key, with whatever is held beside it.
    Function,
    /// Shift, Control and their like.
    Modifier,
    /// Caps Lock and its like. The person's own keyboard has it, and the page's keysyms are what it has made of them.
    Lock,
}

/// `None` for what is no keysym, and for those that do something to the X server: ending it, moving the pointer, switching
/// consoles and layouts.
pub(super) fn kind(keysym: u32) -> Option<Kind> {
    match keysym {
        0x20..=0x7e | 0xa0..=0x20ff => Some(Kind::Text),
        0xfe20 | 0xfe50..=0xfe6f | 0xfe80..=0xfe93 => Some(Kind::Text),
        0x0100_0020..=0x0110_ffff => {
            let character = char::from_u32(keysym - 0x0100_0000)?;
            (!character.is_control()).then_some(Kind::Text)
        }
        0xffe5 | 0xffe6 | 0xff7f | 0xff14 => Some(Kind::Lock),
        LEVEL3_SHIFT | 0xfe11 | 0xffe1..=0xffe4 | 0xffe7..=0xffee => Some(Kind::Modifier),
        0xffaa..=0xffb9 | 0xffbd => Some(Kind::Keypad),
        0xff08..=0xff0d | 0xff13 | 0xff15 | 0xff1b | 0xff20..=0xff2c | 0xff2e | 0xff31..=0xff3f => {
            Some(Kind::Function)
        }
        0xff50..=0xff58 | 0xff60..=0xff6b | 0xff80..=0xff9f | 0xffbe..=0xffe0 | 0xffff => {
            Some(Kind::Function)
        }
        0x1008_ff01..=0x1008_ffff => Some(Kind::Function),
        _ => None,
    }
}

/// The shortest keysym of a character: Latin-1 has one number in both ways of counting.
pub(super) fn shortest(keysym: u32) -> u32 {
    match keysym {
        0x0100_0020..=0x0100_007e | 0x0100_00a0..=0x0100_00ff => keysym - 0x0100_0000,
        _ => keysym,
    }
}

/// Whether both stand for one character, or are one: the euro has an old keysym and one of Unicode.
pub(super) fn same(one: u32, other: u32) -> bool {
    one == other || character(one).is_some_and(|character_of_one| character(other) == Some(character_of_one))
}

/// The other key of the same meaning, for keyboards that have one.
pub(super) fn twin(modifier: u32) -> Option<u32> {
    match modifier {
        0xffe2 | 0xffe4 | 0xffe8 | 0xffea | 0xffec | 0xffee => Some(modifier - 1),
        _ => None,
    }
}

fn character(keysym: u32) -> Option<char> {
    let plain = matches!(keysym, 0x20..=0x20ff | 0x0100_0020..=0x0110_ffff);
    if plain { Keysym::new(keysym).key_char() } else { None }
}
