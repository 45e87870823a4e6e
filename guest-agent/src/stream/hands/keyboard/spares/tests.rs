use super::*;

fn spares(keycodes: &[u8]) -> Spares {
    let mut spares = Spares::default();
    spares.renew(keycodes.iter().copied(), |_, _| false);
    spares
}

const UP: fn(u8) -> bool = |_| false;

#[test]
fn the_key_that_has_rested_longest_is_lent_and_none_before_it_has_rested() {
    let (mut spares, start) = (spares(&[97, 99]), Instant::now());
    assert_eq!(spares.lend(1, start, UP), Lent::Key(97));
    assert_eq!(spares.lend(2, start + REST / 4, UP), Lent::Key(99));
    assert_eq!(spares.lend(3, start + REST / 2, UP), Lent::Wait(start + REST));
    spares.used(97, start + REST / 2);
    assert_eq!(spares.lend(3, start + REST / 2, UP), Lent::Wait(start + REST / 4 + REST));
    assert_eq!(spares.lend(3, start + REST * 2, UP), Lent::Key(99));
}

#[test]
fn a_key_that_is_down_is_not_lent() {
    let (mut spares, start) = (spares(&[97]), Instant::now());
    assert_eq!(spares.lend(1, start, |keycode| keycode == 97), Lent::None);
}

#[test]
fn a_keyboard_without_spare_keys_lends_none() {
    assert_eq!(spares(&[]).lend(1, Instant::now(), UP), Lent::None);
}

#[test]
fn a_new_layout_keeps_what_is_still_there_and_the_rest_of_what_is_not() {
    let (mut spares, start) = (spares(&[97, 99]), Instant::now());
    assert_eq!(spares.lend(1, start, UP), Lent::Key(97));
    assert_eq!(spares.lend(2, start, UP), Lent::Key(99));
    spares.renew([99].into_iter(), |keycode, keysym| (keycode, keysym) == (97, 1));
    assert!(spares.settles(97, start).is_some() && spares.settles(99, start).is_none());
    assert_eq!(
        spares.lend(3, start, UP),
        Lent::Wait(start + REST),
        "a slow program may not have read the press"
    );
}

#[test]
fn a_key_settles_before_it_is_pressed() {
    let (mut spares, start) = (spares(&[97]), Instant::now());
    assert_eq!(spares.lend(1, start, UP), Lent::Key(97));
    assert_eq!(spares.settles(97, start), Some(start + SETTLE));
    assert_eq!(spares.settles(97, start + SETTLE), None);
    assert_eq!(spares.settles(38, start), None, "a key of the layout");
}
