use super::*;

#[test]
fn a_notch_is_a_click_and_what_is_left_over_waits() {
    let mut wheel = Wheel::default();
    assert_eq!(wheel.turn(0.0, 120.0), Notches { x: 0, y: 1 });
    assert_eq!(wheel.turn(0.0, 50.0), Notches { x: 0, y: 0 });
    assert_eq!(wheel.turn(0.0, 50.0), Notches { x: 0, y: 0 });
    assert_eq!(wheel.turn(0.0, 50.0), Notches { x: 0, y: 1 });
    assert_eq!(wheel.turn(0.0, 90.0), Notches { x: 0, y: 1 });
}

#[test]
fn the_axes_do_not_touch_each_other() {
    let mut wheel = Wheel::default();
    assert_eq!(wheel.turn(-300.0, 119.5), Notches { x: -2, y: 0 });
    assert_eq!(wheel.turn(-60.0, 0.5), Notches { x: -1, y: 1 });
}

#[test]
fn who_turns_back_need_not_undo_a_fraction_first() {
    let mut wheel = Wheel::default();
    wheel.turn(0.0, 110.0);
    assert_eq!(wheel.turn(0.0, -120.0), Notches { x: 0, y: -1 });
}

#[test]
fn thirds_of_a_notch_are_not_lost_in_rounding() {
    let mut wheel = Wheel::default();
    let turns: i32 = (0..3000).map(|_| wheel.turn(0.0, 40.0).y).sum();
    assert_eq!(turns, 1000);
}

#[test]
fn up_down_left_and_right_are_buttons_4_to_7() {
    assert_eq!(Notches { x: 0, y: -2 }.clicks()[0], (4, 2));
    assert_eq!(Notches { x: 0, y: 2 }.clicks()[0], (5, 2));
    assert_eq!(Notches { x: -1, y: 0 }.clicks()[1], (6, 1));
    assert_eq!(Notches { x: 1, y: 0 }.clicks()[1], (7, 1));
}
