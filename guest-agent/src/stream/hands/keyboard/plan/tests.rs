use super::{
    super::{
        keysym::kind,
        layout::{Group, Key, KeyType},
    },
    *,
};

const ALTGR: Mods = 0x80;
const LOCK: Mods = 2;
const CONTROL: Mods = 4;
const NOTHING_HELD: Held = Held { mods: 0, group: 0 };

const TWO_LEVEL: usize = 0;
const ALPHABETIC: usize = 1;
const FOUR_LEVEL: usize = 2;

/// As XKB has them.
fn types() -> Vec<KeyType> {
    vec![
        KeyType { mask: SHIFT, levels: vec![(SHIFT, 1)] },
        KeyType { mask: SHIFT | LOCK, levels: vec![(SHIFT, 1), (LOCK, 1)] },
        KeyType { mask: SHIFT | ALTGR, levels: vec![(SHIFT, 1), (ALTGR, 2), (SHIFT | ALTGR, 3)] },
    ]
}

/// The keys of a German keyboard that the tests need: digits with AltGr, a letter, Tab, the number pad's 1, modifiers.
fn german() -> Layout {
    let key = |kind, keysyms: &[u32], modifier| Key {
        groups: vec![Group { kind, keysyms: keysyms.to_vec() }],
        modifier,
    };
    let keys = [
        (16, key(FOUR_LEVEL, &[0x37, 0x2f, 0x7b], 0)),
        (23, key(TWO_LEVEL, &[0xff09, 0xfe20], 0)),
        (24, key(FOUR_LEVEL, &[0x71, 0x51, 0x40, 0x7d9], 0)),
        (26, key(FOUR_LEVEL, &[0x65, 0x45, 0x20ac, 0x20ac], 0)),
        (38, key(ALPHABETIC, &[0x61, 0x41], 0)),
        (50, key(0, &[0xffe1], SHIFT)),
        (37, key(0, &[0xffe3], CONTROL)),
        (64, key(0, &[0xffe9, 0xffe7], 8)),
        (87, key(TWO_LEVEL, &[0xff9c, 0xffb1], 0)),
        (92, key(0, &[0xfe03], ALTGR)),
        (94, key(0, &[], 0)),
    ];
    Layout { types: types(), keys: keys.into(), keycodes: (8, 97) }
}

fn press(held: Mods, keysym: u32) -> Plan {
    plan(&german(), Held { mods: held, ..NOTHING_HELD }, keysym, kind(keysym).unwrap())
}

fn key(keycode: u8) -> Plan {
    Plan::Key { keycode, raise: 0, drop: 0 }
}

#[test]
fn a_character_that_the_held_modifiers_give_needs_no_more() {
    assert_eq!(press(0, 0x61), key(38));
    assert_eq!(press(SHIFT, 0x41), key(38));
    assert_eq!(press(ALTGR, 0x40), key(24));
    assert_eq!(press(CONTROL, 0x61), key(38));
}

#[test]
fn what_is_missing_goes_down_and_what_disturbs_goes_up() {
    assert_eq!(press(0, 0x41), Plan::Key { keycode: 38, raise: SHIFT, drop: 0 });
    assert_eq!(press(SHIFT, 0x61), Plan::Key { keycode: 38, raise: 0, drop: SHIFT });
    assert_eq!(press(0, 0x40), Plan::Key { keycode: 24, raise: ALTGR, drop: 0 });
    assert_eq!(press(ALTGR, 0x2f), Plan::Key { keycode: 16, raise: SHIFT, drop: ALTGR });
    assert_eq!(
        press(SHIFT, 0x40),
        Plan::Key { keycode: 24, raise: ALTGR, drop: SHIFT },
        "Shift and 2 on an American keyboard"
    );
}

#[test]
fn with_caps_lock_the_character_is_still_the_one_that_was_asked_for() {
    assert_eq!(press(LOCK, 0x41), key(38));
    assert_eq!(press(LOCK, 0x61), Plan::Key { keycode: 38, raise: SHIFT, drop: 0 });
}

#[test]
fn a_character_is_found_by_either_of_its_keysyms() {
    assert_eq!(press(ALTGR, 0x0100_20ac), key(26));
}

#[test]
fn tab_and_its_like_keep_the_modifiers_that_are_held() {
    assert_eq!(press(SHIFT, 0xff09), key(23));
    assert_eq!(press(SHIFT | CONTROL, 0xff9c), key(87));
}

#[test]
fn the_number_pad_is_never_shifted() {
    assert_eq!(press(0, 0xffb1), Plan::Spare);
}

#[test]
fn what_no_key_bears_gets_a_spare_one_and_a_modifier_does_not() {
    assert_eq!(press(0, 0x0101_f600), Plan::Spare);
    assert_eq!(press(0, 0xffee), Plan::Nothing);
    assert_eq!(press(0, 0xffe2), key(50), "the right Shift is the left one");
}

#[test]
fn in_the_second_layout_its_keys_count() {
    let mut layout = german();
    let greek = Group { kind: ALPHABETIC, keysyms: vec![0x7e1, 0x7c1] };
    layout.keys.get_mut(&38).unwrap().groups.push(greek);
    let held = Held { mods: 0, group: 1 };
    assert_eq!(plan(&layout, held, 0x0100_03b1, Kind::Text), key(38));
    assert_eq!(plan(&layout, held, 0x61, Kind::Text), Plan::Spare);
    assert_eq!(plan(&layout, held, 0x40, Kind::Text), Plan::Key { keycode: 24, raise: ALTGR, drop: 0 });
}

#[test]
fn spare_keys_are_those_without_keysym_and_meaning() {
    let mut layout = german();
    let reload = Group { kind: TWO_LEVEL, keysyms: vec![0x1008_ff73, 0] };
    layout.keys.insert(20, Key { groups: vec![reload], modifier: 0 });
    let spare: Vec<u8> = layout.spare().collect();
    assert!(spare.contains(&94) && spare.contains(&97) && spare.contains(&8));
    assert!(!spare.contains(&92) && !spare.contains(&38) && !spare.contains(&20));
}
