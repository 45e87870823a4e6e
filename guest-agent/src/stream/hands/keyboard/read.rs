//! Reads the keyboard's [`Layout`] from the X server.

use std::collections::BTreeMap;

use x11rb::protocol::{
    xkb::{ConnectionExt as _, GetMapReply, MapPart, VMod},
    xproto::ModMask,
};

use super::{
    super::x::{DeskError, X},
    layout::{Group, Key, KeyType, Layout, Mods},
};

/// The keyboard that programs listen to (XKB: `UseCoreKbd`).
pub(super) const CORE_KEYBOARD: u16 = 0x100;

pub(super) fn layout(x: &X) -> Result<Layout, DeskError> {
    let whole = MapPart::KEY_TYPES | MapPart::KEY_SYMS | MapPart::MODIFIER_MAP;
    let (none, no_modifiers) = (MapPart::from(0_u16), VMod::from(0_u16));
    let map = x.connection.xkb_get_map(
        CORE_KEYBOARD,
        whole,
        none,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        no_modifiers,
        0,
        0,
        0,
        0,
        0,
        0,
    )?;
    Ok(from_map(map.reply()?))
}

fn from_map(reply: GetMapReply) -> Layout {
    let types = reply.map.types_rtrn.unwrap_or_default().into_iter().map(|kind| KeyType {
        mask: real(kind.mods_mask),
        levels: kind
            .map
            .iter()
            .filter(|entry| entry.active)
            .map(|entry| (real(entry.mods_mask), entry.level))
            .collect(),
    });
    let mut keys: BTreeMap<u8, Key> = BTreeMap::new();
    for (keycode, map) in (reply.first_key_sym..=u8::MAX).zip(reply.map.syms_rtrn.unwrap_or_default()) {
        // The low four bits are the number of groups ("Key Symbol Map", KB_Group_Info).
        let count = usize::from(map.group_info & 0x0f);
        let width = usize::from(map.width).max(1);
        let groups = map.syms.chunks(width).zip(map.kt_index).take(count);
        let groups =
            groups.map(|(keysyms, kind)| Group { kind: kind.into(), keysyms: keysyms.to_vec() }).collect();
        keys.insert(keycode, Key { groups, modifier: 0 });
    }
    for entry in reply.map.modmap_rtrn.unwrap_or_default() {
        keys.entry(entry.keycode).or_default().modifier = real(entry.mods);
    }
    Layout { types: types.collect(), keys, keycodes: (reply.min_key_code, reply.max_key_code) }
}

/// The eight modifiers of a mask, without the buttons.
pub(super) fn real(mask: ModMask) -> Mods {
    u16::from(mask).to_le_bytes()[0]
}
