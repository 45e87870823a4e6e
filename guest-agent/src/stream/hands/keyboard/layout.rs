//! What the keys of the X server bear: the part of the XKB map ("The X Keyboard Extension: Protocol Specification", chapter
//! 16.3) that tells which keysym a key gives with which modifiers. Data, and a pure look-up.

use std::collections::BTreeMap;

/// Bits of the eight real modifiers of X: Shift, Lock, Control, Mod1 to Mod5.
pub(super) type Mods = u8;

pub(super) const SHIFT: Mods = 1;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) types: Vec<KeyType>,
    /// By keycode; a key without keysyms has no groups.
    pub(super) keys: BTreeMap<u8, Key>,
    /// The lowest and the highest keycode of the keyboard.
    pub(super) keycodes: (u8, u8),
}

/// How modifiers choose a level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KeyType {
    /// The modifiers that matter.
    pub(super) mask: Mods,
    /// Of those exactly these, and the level that they choose; any other combination chooses level 0.
    pub(super) levels: Vec<(Mods, u8)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) groups: Vec<Group>,
    /// What it is as a modifier.
    pub(super) modifier: Mods,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Index of its [`KeyType`].
    pub(super) kind: usize,
    /// By level; 0 is none.
    pub(super) keysyms: Vec<u32>,
}

impl Layout {
    /// The keysym that a program reads from this key.
    pub(super) fn keysym(&self, keycode: u8, group: u8, mods: Mods) -> Option<u32> {
        let group = self.keys.get(&keycode)?.group(group)?;
        let level = self.types.get(group.kind).map_or(0, |kind| kind.level(mods));
        group.keysyms.get(usize::from(level)).copied().filter(|keysym| *keysym != 0)
    }

    /// The modifier that AltGr is here, and a key that makes it.
    pub(super) fn modifier_key(&self, keysym: u32) -> Option<(Mods, u8)> {
        self.keys
            .iter()
            .find(|(_, key)| {
                key.modifier != 0 && key.groups.iter().any(|group| group.keysyms.contains(&keysym))
            })
            .map(|(keycode, key)| (key.modifier, *keycode))
    }

    /// Keys that bear nothing and mean nothing. Those of multimedia keyboards bear keysyms that nobody needs, but Chromium
    /// goes by their keycodes: whatever is put on the one for "reload" reloads the page.
    pub(super) fn spare(&self) -> impl Iterator<Item = u8> {
        let (first, last) = self.keycodes;
        (first..=last).filter(|keycode| {
            self.keys.get(keycode).is_none_or(|key| {
                key.modifier == 0
                    && key.groups.iter().all(|group| group.keysyms.iter().all(|keysym| *keysym == 0))
            })
        })
    }

    /// As if the key bore this keysym whatever is held.
    pub(super) fn put(&mut self, keycode: u8, keysym: u32) {
        let group = Group { kind: usize::MAX, keysyms: vec![keysym] };
        self.keys.insert(keycode, Key { groups: vec![group], modifier: 0 });
    }
}

impl Key {
    /// A key with fewer groups than the keyboard has repeats them ("groups wrap", the default of XKB).
    pub(super) fn group(&self, group: u8) -> Option<&Group> {
        let index = usize::from(group).checked_rem(self.groups.len())?;
        self.groups.get(index)
    }
}

impl KeyType {
    fn level(&self, mods: Mods) -> u8 {
        let held = mods & self.mask;
        self.levels.iter().find(|(chosen_by, _)| *chosen_by == held).map_or(0, |(_, level)| *level)
    }
}
