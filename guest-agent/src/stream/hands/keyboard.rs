//! Keys by keysym, pressed on the X server's keyboard.
//!
//! - A key is released by the keycode that it was pressed by, whatever Shift has become meanwhile.
//! - Repeats are the page's: a repeated down is a release and a press. The server's own repeating is off, because over a
//!   network that stutters it would go on after the person has let go.
//! - Locks are the page's too: its keysyms are what Caps Lock and Num Lock have made of the keys. The desktop's are kept off.
//! - Whatever is down when this role starts was left by one that has died, and is released.

mod keysym;
mod layout;
mod plan;
mod read;
mod spares;

use std::time::Instant;

use x11rb::protocol::{
    xkb::{ConnectionExt as _, EventType, Group, MapPart, SelectEventsAux},
    xproto::{AutoRepeatMode, ChangeKeyboardControlAux, ConnectionExt as _, ModMask},
};

use self::{
    keysym::{Kind, kind, same, shortest},
    layout::{Layout, Mods},
    plan::{Held, Plan, plan},
    spares::{Lent, Spares},
};
use super::x::{DeskError, Fake, X};

/// Nobody has more fingers; a page that says so is refused.
const MAX_HELD: usize = 32;

/// The letters of Western Europe that an American layout lacks, most used first (keysyms of Latin-1, and the euro): they get
/// spare keys at the start, so that whoever needs one does not wait for it.
const EXPECTED: [u32; 14] =
    [0xe9, 0xe4, 0xf6, 0xfc, 0xdf, 0xe0, 0xe8, 0xf1, 0xe7, 0xea, 0xe1, 0xf3, 0x20ac, 0xa7];

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressed {
    Done,
    /// The keyboard has no key for it before then.
    Wait(Instant),
    Refused(&'static str),
}

#[derive(Debug, Default)]
pub(super) struct Keyboard {
    layout: Option<Layout>,
    spares: Spares,
    /// Keysym and keycode, in the order in which they went down.
    held: Vec<(u32, u8)>,
    /// Changes of the map that this role has made and not heard of yet.
    own_changes: Vec<u8>,
}

impl Keyboard {
    pub(super) fn open(x: &X) -> Result<Self, DeskError> {
        x.connection.xkb_use_extension(1, 0)?.reply()?;
        let (maps, none) =
            (MapPart::KEY_TYPES | MapPart::KEY_SYMS | MapPart::MODIFIER_MAP, EventType::from(0_u16));
        let events = EventType::MAP_NOTIFY | EventType::NEW_KEYBOARD_NOTIFY;
        x.connection.xkb_select_events(
            read::CORE_KEYBOARD,
            none,
            events,
            maps,
            maps,
            &SelectEventsAux::default(),
        )?;
        release_all_keys(x)?;
        let mut keyboard = Self::default();
        keyboard.prepare(x, &EXPECTED, Instant::now())?;
        Ok(keyboard)
    }

    /// Repeats are the page's.
    pub(super) fn stop_repeating(x: &X) -> Result<(), DeskError> {
        let off = ChangeKeyboardControlAux::new().auto_repeat_mode(AutoRepeatMode::OFF);
        x.connection.change_keyboard_control(&off)?;
        Ok(())
    }

    /// The X server's map has changed. One that names a single key is perhaps this role's own change.
    pub(super) fn map_changed(&mut self, only: Option<u8>) {
        let own = only.and_then(|keycode| self.own_changes.iter().position(|changed| *changed == keycode));
        match own {
            Some(index) => {
                self.own_changes.remove(index);
            }
            None => self.layout = None,
        }
    }

    pub(super) fn down(&mut self, x: &X, keysym: u32, now: Instant) -> Result<Pressed, DeskError> {
        let keysym = shortest(keysym);
        let kind = match kind(keysym) {
            None => return Ok(Pressed::Refused("no keysym that may be pressed")),
            Some(Kind::Lock) => return Ok(Pressed::Done),
            Some(kind) => kind,
        };
        if let Some(&(_, keycode)) = self.held.iter().find(|(held, _)| *held == keysym) {
            if kind != Kind::Modifier {
                x.fake(Fake::KeyRelease, keycode)?;
                x.fake(Fake::KeyPress, keycode)?;
                self.spares.used(keycode, now);
            }
            return Ok(Pressed::Done);
        }
        if self.held.len() == MAX_HELD {
            return Ok(Pressed::Refused("too many keys are down"));
        }
        let held = unlock(x)?;
        match plan(self.layout(x)?, held, keysym, kind) {
            Plan::Key { keycode, raise, drop } => {
                if let Some(settled) = self.spares.settles(keycode, now) {
                    return Ok(Pressed::Wait(settled));
                }
                self.press(x, keysym, keycode, (raise, drop), now)?;
                Ok(Pressed::Done)
            }
            Plan::Nothing => Ok(Pressed::Refused("no key bears this modifier")),
            Plan::Spare => match self.lend(x, keysym, now)? {
                Lent::Key(_) => Ok(Pressed::Wait(now + spares::SETTLE)),
                Lent::Wait(until) => Ok(Pressed::Wait(until)),
                Lent::None => Ok(Pressed::Refused("the keyboard has no spare key for it")),
            },
        }
    }

    /// Gets keys ready for what is typed next, as far as there are spare ones.
    pub(super) fn prepare(&mut self, x: &X, keysyms: &[u32], now: Instant) -> Result<(), DeskError> {
        // Whatever is held: a character that no key bears is so with any modifiers of ours.
        let held = unlock(x)?;
        for keysym in keysyms.iter().map(|keysym| shortest(*keysym)) {
            let Some(kind @ Kind::Text) = kind(keysym) else { continue };
            if plan(self.layout(x)?, held, keysym, kind) == Plan::Spare
                && !matches!(self.lend(x, keysym, now)?, Lent::Key(_))
            {
                break;
            }
        }
        Ok(())
    }

    fn lend(&mut self, x: &X, keysym: u32, now: Instant) -> Result<Lent, DeskError> {
        let is_down = |keycode| self.held.iter().any(|(_, held)| *held == keycode);
        let lent = self.spares.lend(keysym, now, is_down);
        if let Lent::Key(keycode) = lent {
            self.put(x, keycode, keysym)?;
        }
        Ok(lent)
    }

    pub(super) fn up(&mut self, x: &X, keysym: u32, now: Instant) -> Result<(), DeskError> {
        let keysym = shortest(keysym);
        let Some(index) =
            self.held.iter().position(|(held, _)| *held == keysym).or_else(|| self.changed(keysym))
        else {
            return Ok(());
        };
        let (_, keycode) = self.held.remove(index);
        self.spares.used(keycode, now);
        x.fake(Fake::KeyRelease, keycode)
    }

    /// Lets go of everything, characters before modifiers, so that no program sees a key without its Control.
    pub(super) fn let_go(&mut self, x: &X, now: Instant) -> Result<(), DeskError> {
        let (modifiers, keys): (Vec<_>, Vec<_>) =
            self.held.drain(..).partition(|(keysym, _)| kind(*keysym) == Some(Kind::Modifier));
        for (_, keycode) in keys.into_iter().chain(modifiers) {
            x.fake(Fake::KeyRelease, keycode)?;
            self.spares.used(keycode, now);
        }
        Ok(())
    }

    /// A page that forgets what it pressed says "a" up after "A" down, when Shift came up between: the same key.
    fn changed(&self, keysym: u32) -> Option<usize> {
        let layout = self.layout.as_ref()?;
        self.held.iter().position(|(_, keycode)| {
            let groups = layout.keys.get(keycode).map_or(&[][..], |key| &key.groups);
            groups.iter().any(|group| group.keysyms.iter().any(|borne| same(*borne, keysym)))
        })
    }

    fn layout(&mut self, x: &X) -> Result<&Layout, DeskError> {
        if self.layout.is_none() {
            let layout = read::layout(x)?;
            let bears = |keycode, keysym| layout.keysym(keycode, 0, 0).is_some_and(|borne| borne == keysym);
            self.spares.renew(layout.spare(), bears);
            self.layout = Some(layout);
        }
        Ok(self.layout.get_or_insert_default())
    }

    /// Puts a keysym on a spare key, with and without Shift.
    fn put(&mut self, x: &X, keycode: u8, keysym: u32) -> Result<(), DeskError> {
        x.connection.change_keyboard_mapping(1, keycode, 2, &[keysym, keysym])?;
        self.own_changes.push(keycode);
        if let Some(layout) = &mut self.layout {
            layout.put(keycode, keysym);
        }
        Ok(())
    }

    fn press(
        &mut self,
        x: &X,
        keysym: u32,
        keycode: u8,
        (raise, drop): (Mods, Mods),
        now: Instant,
    ) -> Result<(), DeskError> {
        // Another character on the same key: "a" was down when Shift made it "A".
        let shared = self.held.iter().position(|(_, held)| *held == keycode);
        if let Some(index) = shared {
            self.held.remove(index);
            x.fake(Fake::KeyRelease, keycode)?;
        }
        let dropped = if drop == 0 { Vec::new() } else { self.down_now(x, drop)? };
        let raised = self.keys_of(raise);
        for keycode in &dropped {
            x.fake(Fake::KeyRelease, *keycode)?;
        }
        for keycode in &raised {
            x.fake(Fake::KeyPress, *keycode)?;
        }
        x.fake(Fake::KeyPress, keycode)?;
        for keycode in raised.iter().rev() {
            x.fake(Fake::KeyRelease, *keycode)?;
        }
        for keycode in dropped.iter().rev() {
            x.fake(Fake::KeyPress, *keycode)?;
        }
        self.spares.used(keycode, now);
        self.held.push((keysym, keycode));
        Ok(())
    }

    /// A key for each of these modifiers.
    fn keys_of(&self, mods: Mods) -> Vec<u8> {
        let Some(layout) = &self.layout else { return Vec::new() };
        [keysym::SHIFT_L, keysym::LEVEL3_SHIFT]
            .iter()
            .filter_map(|key| layout.modifier_key(*key))
            .filter(|(made, _)| made & mods != 0)
            .map(|(_, keycode)| keycode)
            .collect()
    }

    /// The pressed keys that make one of these modifiers, whoever has pressed them.
    fn down_now(&self, x: &X, mods: Mods) -> Result<Vec<u8>, DeskError> {
        let Some(layout) = &self.layout else { return Ok(Vec::new()) };
        let pressed = pressed_keys(x)?;
        let makes = |keycode: &u8| layout.keys.get(keycode).is_some_and(|key| key.modifier & mods != 0);
        Ok(pressed.into_iter().filter(makes).collect())
    }
}

/// Takes locks off, and tells what is left in effect.
fn unlock(x: &X) -> Result<Held, DeskError> {
    let state = x.connection.xkb_get_state(read::CORE_KEYBOARD)?.reply()?;
    let locked = state.locked_mods;
    if locked != ModMask::from(0_u16) {
        let none = ModMask::from(0_u16);
        x.connection.xkb_latch_lock_state(
            read::CORE_KEYBOARD,
            locked,
            none,
            false,
            Group::M1,
            none,
            false,
            0,
        )?;
    }
    Ok(Held { mods: read::real(state.base_mods | state.latched_mods), group: state.group.into() })
}

fn pressed_keys(x: &X) -> Result<Vec<u8>, DeskError> {
    let bits = x.connection.query_keymap()?.reply()?.keys;
    Ok((0..=u8::MAX).filter(|keycode| bits[usize::from(keycode / 8)] & (1 << (keycode % 8)) != 0).collect())
}

fn release_all_keys(x: &X) -> Result<(), DeskError> {
    for keycode in pressed_keys(x)? {
        x.fake(Fake::KeyRelease, keycode)?;
    }
    Ok(())
}
