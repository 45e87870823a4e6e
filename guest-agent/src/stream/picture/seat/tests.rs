use std::time::Instant;

use bytes::Bytes;

use super::*;

fn picture(key: bool, length: usize) -> Picture {
    let data = Bytes::from(vec![0; length]);
    Picture { data, key, repeats: false, captured_at: Instant::now(), cost: super::super::Cost::default() }
}

fn taken(seat: &Seat) -> Option<Picture> {
    match seat.take() {
        Found::Picture(picture) => Some(picture),
        Found::End | Found::Nothing { .. } => None,
    }
}

#[test]
fn nothing_comes_before_the_first_key_frame_which_is_wished_from_the_start() {
    let seat = Seat::new(Codec::Vp8, 1);
    assert!(seat.take_wish());
    assert!(!seat.take_wish());
    seat.offer(&picture(false, 1));
    assert!(taken(&seat).is_none());
    seat.offer(&picture(true, 1));
    seat.offer(&picture(false, 1));
    assert_eq!(
        [taken(&seat), taken(&seat)].map(|found| found.map(|picture| picture.key)),
        [Some(true), Some(false)]
    );
}

#[test]
fn what_waits_is_bounded_in_number_and_in_bytes() {
    for (length, at_most) in [(1, MAX_WAITING), (MAX_WAITING_BYTES / 2, 2)] {
        let seat = Seat::new(Codec::Vp8, 1);
        seat.offer(&picture(true, length));
        for _ in 0..100 {
            seat.offer(&picture(false, length));
            let state = seat.lock();
            assert!(state.waiting.len() <= at_most && state.bytes <= MAX_WAITING_BYTES);
        }
    }
}

#[test]
fn who_comes_back_late_finds_nothing_asks_once_and_goes_on_with_a_key_frame() {
    let seat = Seat::new(Codec::Vp8, 1);
    seat.take_wish();
    seat.offer(&picture(true, 1));
    (0..20).for_each(|_| seat.offer(&picture(false, 1)));
    assert!(!seat.take_wish(), "nobody is there to wish for one");
    assert!(matches!(seat.take(), Found::Nothing { asks: true }));
    assert!(matches!(seat.take(), Found::Nothing { asks: false }));
    assert!(seat.take_wish());
    seat.offer(&picture(false, 1));
    assert!(taken(&seat).is_none());
    seat.offer(&picture(true, 1));
    assert!(taken(&seat).is_some_and(|picture| picture.key));
}

#[test]
fn what_waits_is_still_handed_out_when_no_more_will_come() {
    let seat = Seat::new(Codec::H264, 1);
    seat.offer(&picture(true, 1));
    seat.close();
    assert!(taken(&seat).is_some());
    assert!(matches!(seat.take(), Found::End));
}
