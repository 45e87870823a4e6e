use super::*;

const A: Seat = Seat(1);
const B: Seat = Seat(2);

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn the_first_player_has_control_and_the_second_waits() {
    let (mut control, start) = (Control::default(), Instant::now());
    control.join(A, Role::Player, start);
    control.join(B, Role::Player, at(start, 60));
    assert_eq!((control.seen_by(A), control.seen_by(B)), (ControlIs::Mine, ControlIs::Other));
    assert!(control.touch(A, start) && !control.touch(B, start));
}

#[test]
fn a_viewer_neither_gets_nor_takes_control() {
    let (mut control, start) = (Control::default(), Instant::now());
    control.join(A, Role::Viewer, start);
    assert_eq!(control.seen_by(A), ControlIs::Free);
    assert_eq!(control.take(A, Role::Viewer, at(start, 60)), Err(Denied::ViewOnly));
    assert!(!control.touch(A, start));
}

#[test]
fn who_is_at_work_keeps_control_and_who_is_idle_loses_it_to_whoever_asks() {
    let (mut control, start) = (Control::default(), Instant::now());
    control.join(A, Role::Player, start);
    assert!(control.touch(A, at(start, 10)));
    assert_eq!(control.take(B, Role::Player, at(start, 12)), Err(Denied::AtWork));
    assert_eq!(control.take(B, Role::Player, at(start, 10) + IDLE), Ok(()));
    assert_eq!((control.seen_by(A), control.seen_by(B)), (ControlIs::Other, ControlIs::Mine));
    assert_eq!(control.take(A, Role::Player, at(start, 14)), Err(Denied::AtWork));
}

#[test]
fn control_that_was_given_back_is_free_until_somebody_asks() {
    let (mut control, start) = (Control::default(), Instant::now());
    control.join(A, Role::Player, start);
    control.join(B, Role::Player, start);
    control.release(B);
    assert!(control.has(A));
    control.release(A);
    assert_eq!((control.seen_by(A), control.seen_by(B)), (ControlIs::Free, ControlIs::Free));
    assert_eq!(control.take(B, Role::Player, start), Ok(()));
    assert!(control.has(B));
}

#[test]
fn asking_for_what_one_has_is_no_mistake() {
    let (mut control, start) = (Control::default(), Instant::now());
    control.join(A, Role::Player, start);
    assert_eq!(control.take(A, Role::Player, start), Ok(()));
}
