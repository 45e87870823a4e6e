use proptest::prelude::*;

use super::*;

fn size(width: u16, height: u16) -> Size {
    Size::shown_of(width, height).unwrap()
}

#[test]
fn an_odd_edge_and_what_no_codec_takes_are_cut_off() {
    assert_eq!(size(1281, 801), size(1280, 800));
    assert_eq!(size(10_000, 9_000), size(3840, 2160));
    assert_eq!(Size::shown_of(15, 800), None);
    assert_eq!(Size::shown_of(0, 0), None);
}

#[test]
fn equal_rows_become_one_area_and_the_last_one_ends_with_the_picture() {
    let mut tiles = Tiles::none(size(100, 50));
    tiles.touch(20, 0, 30, 1000);
    assert_eq!(tiles.areas(), [Area { left: 16, top: 0, width: 48, height: 50 }]);
    tiles.touch(96, 49, 1, 1);
    assert_eq!(tiles.areas().len(), 2);
    assert!(tiles.areas().contains(&Area { left: 96, top: 48, width: 4, height: 2 }));
}

#[test]
fn a_checkerboard_is_read_in_one_piece() {
    let mut tiles = Tiles::none(size(640, 480));
    for (row, column) in (0..30).flat_map(|row| (0..40).map(move |column| (row, column))) {
        if (row + column) % 2 == 0 {
            tiles.insert(column, row);
        }
    }
    assert_eq!(tiles.areas(), [Area { left: 0, top: 0, width: 640, height: 480 }]);
}

#[test]
fn all_tiles_are_counted_once() {
    let mut tiles = Tiles::all(size(64, 64));
    assert!(tiles.is_full());
    tiles.touch(0, 0, 64, 64);
    assert_eq!(tiles.count(), 16);
    tiles.clear();
    assert!(tiles.is_empty() && tiles.areas().is_empty());
}

proptest! {
    #[test]
    fn whatever_is_touched_is_covered_and_nothing_lies_outside(
        width in 16..700_u16, height in 16..500_u16,
        touches in prop::collection::vec((any::<i16>(), any::<i16>(), any::<u16>(), any::<u16>()), 0..4),
        near in prop::collection::vec((-40..700_i16, -40..500_i16, 0..90_u16, 0..90_u16), 0..40),
    ) {
        let size = size(width, height);
        let mut tiles = Tiles::none(size);
        for (left, top, width, height) in touches.iter().chain(&near) {
            tiles.touch(*left, *top, *width, *height);
        }
        let areas = tiles.areas();
        prop_assert!(areas.len() <= MAX_AREAS);
        for area in &areas {
            prop_assert!(area.left + area.width <= size.width() && area.top + area.height <= size.height());
            prop_assert!([area.left, area.top, area.width, area.height].iter().all(|n| n % 2 == 0));
            prop_assert!(area.width > 0 && area.height > 0);
        }
        let covered = |x: i32, y: i32| areas.iter().any(|area| {
            let inside = |at: i32, from: u16, length: u16| at >= i32::from(from) && at < i32::from(from) + i32::from(length);
            inside(x, area.left, area.width) && inside(y, area.top, area.height)
        });
        for (left, top, width, height) in touches.iter().chain(&near) {
            for (dx, dy) in [(0, 0), (i32::from(*width) - 1, i32::from(*height) - 1)] {
                let (x, y) = (i32::from(*left) + dx, i32::from(*top) + dy);
                let touched = *width > 0 && *height > 0;
                let on_screen = (0..i32::from(size.width())).contains(&x) && (0..i32::from(size.height())).contains(&y);
                prop_assert!(!touched || !on_screen || covered(x, y), "{x},{y} of {left},{top} {width}x{height}");
            }
        }
    }
}
