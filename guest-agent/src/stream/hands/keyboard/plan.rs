//! Which key to press for a keysym, and what to do to Shift and AltGr around it. Pure.
//!
//! The page says what the person's keyboard made of a key ("@"); the desktop's layout may need other modifiers for that than
//! the person holds. For a character the modifiers are put right while the key goes down, and back afterwards. A key like
//! Tab takes them as they are, since Shift and Tab mean something. What no key bears gets a spare one.

#[cfg(test)]
mod tests;

use super::{
    keysym::{Kind, LEVEL3_SHIFT, SHIFT_L, same, twin},
    layout::{Layout, Mods, SHIFT},
};

/// What is held and chosen on the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// In effect, locks included.
    pub(super) mods: Mods,
    /// The layout in use, of up to four.
    pub(super) group: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Press this key, with these modifiers down, and these up, in the moment in which it goes down.
    Key { keycode: u8, raise: Mods, drop: Mods },
    /// No key bears it: put it on a spare one.
    Spare,
    /// Nothing can be done.
    Nothing,
}

pub(super) fn plan(layout: &Layout, held: Held, keysym: u32, kind: Kind) -> Plan {
    match kind {
        Kind::Text => exact(layout, held, keysym, changeable(layout)),
        Kind::Keypad => exact(layout, held, keysym, 0),
        Kind::Function => any_level(layout, held, keysym).map_or(Plan::Spare, as_it_is),
        Kind::Modifier => any_level(layout, held, keysym)
            .or_else(|| any_level(layout, held, twin(keysym)?))
            .map_or(Plan::Nothing, as_it_is),
        Kind::Lock => Plan::Nothing,
    }
}

/// The modifiers that a key of ours can make: Shift, and AltGr where the layout has it.
fn changeable(layout: &Layout) -> Mods {
    [SHIFT_L, LEVEL3_SHIFT]
        .iter()
        .filter_map(|key| layout.modifier_key(*key))
        .fold(0, |all, (mods, _)| all | mods)
}

fn as_it_is(keycode: u8) -> Plan {
    Plan::Key { keycode, raise: 0, drop: 0 }
}

/// A key that gives just this keysym after the fewest changes of modifiers.
fn exact(layout: &Layout, held: Held, keysym: u32, changeable: Mods) -> Plan {
    let other = changeable & !SHIFT;
    let mut changes = [0, changeable & SHIFT, other, changeable];
    changes.sort_by_key(|change| change.count_ones());
    let typing = || layout.keys.iter().filter(|(_, key)| key.modifier == 0).map(|(keycode, _)| *keycode);
    for change in changes {
        let mods = held.mods ^ change;
        let gives =
            |keycode: &u8| layout.keysym(*keycode, held.group, mods).is_some_and(|given| same(given, keysym));
        if let Some(keycode) = typing().find(gives) {
            return Plan::Key { keycode, raise: change & !held.mods, drop: change & held.mods };
        }
    }
    Plan::Spare
}

/// A key that bears it, best on its lowest level.
fn any_level(layout: &Layout, held: Held, keysym: u32) -> Option<u8> {
    let level = |keycode: u8| {
        let group = layout.keys.get(&keycode)?.group(held.group)?;
        group.keysyms.iter().position(|borne| *borne == keysym)
    };
    let found = layout.keys.keys().filter_map(|keycode| Some((level(*keycode)?, *keycode)));
    found.min().map(|(_, keycode)| keycode)
}
