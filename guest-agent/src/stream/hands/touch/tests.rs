use super::*;

fn at(x: i32, y: i32) -> Point {
    Point { x, y }
}

const DOWN: Act = Act::Button { down: true };
const UP: Act = Act::Button { down: false };

#[test]
fn a_tap_is_a_click_where_the_finger_came_down() {
    let mut touches = Touches::default();
    assert_eq!(touches.step(1, TouchPhase::Start, at(100, 100)), [Act::Move(at(100, 100))]);
    assert_eq!(touches.step(1, TouchPhase::Move, at(103, 98)), []);
    assert_eq!(touches.step(1, TouchPhase::End, at(103, 98)), [DOWN, UP]);
}

#[test]
fn a_finger_that_moves_drags() {
    let mut touches = Touches::default();
    touches.step(1, TouchPhase::Start, at(100, 100));
    assert_eq!(touches.step(1, TouchPhase::Move, at(120, 100)), [DOWN, Act::Move(at(120, 100))]);
    assert_eq!(touches.step(1, TouchPhase::Move, at(121, 100)), [Act::Move(at(121, 100))]);
    assert_eq!(touches.step(1, TouchPhase::End, at(122, 100)), [Act::Move(at(122, 100)), UP]);
}

#[test]
fn two_fingers_turn_the_wheel_and_never_click() {
    let mut touches = Touches::default();
    touches.step(1, TouchPhase::Start, at(100, 300));
    assert_eq!(touches.step(2, TouchPhase::Start, at(200, 300)), []);
    let up = Act::Wheel { dx: 0.0, dy: 60.0 };
    assert_eq!(touches.step(1, TouchPhase::Move, at(100, 250)), [up]);
    assert_eq!(touches.step(2, TouchPhase::Move, at(200, 250)), [up]);
    assert_eq!(touches.step(1, TouchPhase::End, at(100, 250)), []);
    assert_eq!(touches.step(2, TouchPhase::Move, at(200, 100)), []);
    assert_eq!(touches.step(2, TouchPhase::End, at(200, 100)), []);
    assert_eq!(touches.step(3, TouchPhase::Start, at(5, 5)), [Act::Move(at(5, 5))]);
}

#[test]
fn a_second_finger_ends_a_drag() {
    let mut touches = Touches::default();
    touches.step(1, TouchPhase::Start, at(100, 100));
    touches.step(1, TouchPhase::Move, at(200, 100));
    assert_eq!(touches.step(2, TouchPhase::Start, at(300, 100)), [UP]);
}

#[test]
fn a_touch_that_is_cancelled_lets_go_and_does_not_click() {
    let mut touches = Touches::default();
    touches.step(1, TouchPhase::Start, at(100, 100));
    assert_eq!(touches.step(1, TouchPhase::Cancel, at(100, 100)), []);
    touches.step(1, TouchPhase::Start, at(100, 100));
    touches.step(1, TouchPhase::Move, at(200, 100));
    assert_eq!(touches.step(1, TouchPhase::Cancel, at(200, 100)), [UP]);
}

#[test]
fn whatever_the_fingers_do_button_1_is_up_when_all_are_lifted() {
    use proptest::prelude::*;
    let phase = prop_oneof![
        Just(TouchPhase::Start),
        Just(TouchPhase::Move),
        Just(TouchPhase::End),
        Just(TouchPhase::Cancel)
    ];
    let steps = proptest::collection::vec((0_u32..14, phase, -50_i32..50, -50_i32..50), 0..80);
    proptest!(|(steps in steps)| {
        let (mut touches, mut down) = (Touches::default(), false);
        let lifts = (0..14).map(|id| (id, TouchPhase::End, 0, 0));
        for (id, phase, x, y) in steps.into_iter().chain(lifts) {
            for act in touches.step(id, phase, at(x, y)) {
                if let Act::Button { down: now } = act {
                    prop_assert_ne!(down, now);
                    down = now;
                }
            }
        }
        prop_assert!(!down);
    });
}
