use super::*;

#[test]
fn characters_keys_and_modifiers_are_told_apart() {
    for (keysym, kind_of_it) in [
        (0x61, Some(Kind::Text)),
        (0xe9, Some(Kind::Text)),
        (0x20ac, Some(Kind::Text)),
        (0x0101_f600, Some(Kind::Text)),
        (0xfe51, Some(Kind::Text)),
        (0xffb1, Some(Kind::Keypad)),
        (0xff0d, Some(Kind::Function)),
        (0xff95, Some(Kind::Function)),
        (0xffe1, Some(Kind::Modifier)),
        (0xfe03, Some(Kind::Modifier)),
        (0xffe5, Some(Kind::Lock)),
    ] {
        assert_eq!(kind(keysym), kind_of_it, "{keysym:#x}");
    }
}

#[test]
fn what_acts_on_the_server_and_what_is_none_is_refused() {
    let terminate_server = 0xfed5;
    let pointer_left = 0xfee0;
    let switch_vt_1 = 0x1008_fe01;
    let surrogate = 0x0100_d800;
    let escape_as_a_character = 0x0100_001b;
    for keysym in
        [0, 1, terminate_server, pointer_left, switch_vt_1, surrogate, escape_as_a_character, u32::MAX]
    {
        assert_eq!(kind(keysym), None, "{keysym:#x}");
    }
}

#[test]
fn two_keysyms_of_one_character_are_the_same() {
    assert!(same(0x20ac, 0x0100_20ac));
    assert!(same(0xe9, 0x0100_00e9));
    assert!(same(0x06c1, 0x0100_0430), "the Cyrillic a");
    assert!(!same(0x61, 0x41));
    assert!(!same(0xffb1, 0x31), "the number pad's one is another key");
    assert!(!same(0xfe51, 0xb4), "a dead accent is not the accent");
}
