use std::time::Duration;

use super::{
    super::{
        control::IDLE,
        orders::{Inbox, Next, channel},
    },
    *,
};

const BOTH: Directions = Directions::BOTH;
const KEY: &str = r#"{"type":"key","keysym":97,"down":true}"#;
const TAKE: &str = r#"{"type":"take-control"}"#;

fn room() -> (Room, Inbox) {
    let (orders, inbox) = channel().unwrap();
    (Room::new(Size { width: 1280, height: 800 }, orders), inbox)
}

/// What waits for a page.
fn told(outbox: &Outbox) -> Vec<String> {
    let waiting = || {
        use futures_util::FutureExt;
        outbox.next().now_or_never().flatten()
    };
    std::iter::from_fn(waiting).collect()
}

fn orders(inbox: &Inbox) -> Vec<Order> {
    std::iter::from_fn(|| match inbox.next() {
        Next::Order(order) => Some(order),
        Next::Nothing | Next::Stop => None,
    })
    .collect()
}

#[test]
fn a_newcomer_is_greeted_with_size_control_and_cursor() {
    let (room, _inbox) = room();
    let inwards = Directions { to_desktop: true, from_desktop: false };
    room.cursor("cursor".into());
    let (_, first) = room.join(Role::Player, inwards, Instant::now());
    let hello = r#"{"type":"hello","width":1280,"height":800,"control":"mine","clipboard":{"toDesktop":true,"fromDesktop":false},"viewOnly":false}"#;
    assert_eq!(told(&first), [hello, "cursor"]);
    let (_, viewer) = room.join(Role::Viewer, BOTH, Instant::now());
    let hello = &told(&viewer)[0];
    assert!(hello.contains(r#""control":"other""#) && hello.contains(r#""viewOnly":true"#), "{hello}");
    assert_eq!(told(&first), [""; 0], "nothing has changed for the first");
}

#[test]
fn control_goes_over_and_what_was_held_does_not() {
    let (room, inbox) = room();
    let start = Instant::now();
    let (a, told_a) = room.join(Role::Player, BOTH, start);
    let (b, told_b) = room.join(Role::Player, BOTH, start);
    told(&told_a);
    told(&told_b);
    room.receive(a, KEY, start);
    room.receive(b, TAKE, start + Duration::from_millis(10));
    let refused = r#"{"type":"refused","what":"take-control: another page has control and is at work"}"#;
    assert_eq!((told(&told_a), told(&told_b)), (vec![], vec![refused.to_owned()]));
    room.receive(b, TAKE, start + IDLE);
    assert_eq!(told(&told_a), [r#"{"type":"control","control":"other"}"#]);
    assert_eq!(told(&told_b), [r#"{"type":"control","control":"mine"}"#]);
    assert!(matches!(
        orders(&inbox)[..],
        [Order::Input(Input::Key { keysym: 97, down: true }), Order::LetGo]
    ));
    room.receive(a, KEY, start + IDLE);
    assert!(orders(&inbox).is_empty());
}

#[test]
fn a_page_that_goes_leaves_control_free_and_nothing_held() {
    let (room, inbox) = room();
    let (a, _) = room.join(Role::Player, BOTH, Instant::now());
    let (_, told_b) = room.join(Role::Player, BOTH, Instant::now());
    told(&told_b);
    room.leave(a);
    assert_eq!(told(&told_b), [r#"{"type":"control","control":"free"}"#]);
    assert!(matches!(orders(&inbox)[..], [Order::LetGo]));
}

#[test]
fn whoever_may_not_is_told_once_and_again_after_control_has_changed() {
    let (room, inbox) = room();
    let (a, _told) = room.join(Role::Player, BOTH, Instant::now());
    let (viewer, told_viewer) = room.join(Role::Viewer, BOTH, Instant::now());
    told(&told_viewer);
    for _ in 0..3 {
        room.receive(viewer, KEY, Instant::now());
    }
    let refused = r#"{"type":"refused","what":"key: this page may only view"}"#;
    assert_eq!(told(&told_viewer), [refused]);
    room.leave(a);
    told(&told_viewer);
    room.receive(viewer, TAKE, Instant::now());
    room.receive(viewer, KEY, Instant::now());
    let denied = r#"{"type":"refused","what":"take-control: this page may only view"}"#;
    assert_eq!(told(&told_viewer), [denied, refused]);
    assert!(matches!(orders(&inbox)[..], [Order::LetGo]));
}

#[test]
fn a_refusal_says_nothing_of_what_was_in_the_message() {
    let (room, _inbox) = room();
    let (seat, outbox) = room.join(Role::Player, BOTH, Instant::now());
    told(&outbox);
    for text in [
        r#"{"type":"clipboard","text":"hunter2","hunter2":1}"#,
        r#"{"type":"clipboard","text":["hunter2"]}"#,
        r#"{"type":"hunter2"}"#,
        r#"hunter2"#,
    ] {
        room.receive(seat, text, Instant::now());
    }
    let told = told(&outbox).concat();
    assert!(told.contains("refused") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_forbidden_direction_is_refused() {
    let (room, inbox) = room();
    let outwards = Directions { to_desktop: false, from_desktop: true };
    let (seat, outbox) = room.join(Role::Player, outwards, Instant::now());
    told(&outbox);
    room.receive(seat, r#"{"type":"paste","text":"a"}"#, Instant::now());
    assert_eq!(
        told(&outbox),
        [r#"{"type":"refused","what":"clipboard: it may not travel to this desktop"}"#]
    );
    assert!(orders(&inbox).is_empty());
}

#[test]
fn what_a_program_copies_is_told_to_the_page_in_control_only() {
    let (room, _inbox) = room();
    assert!(!room.wants_clipboard());
    let (_, player) = room.join(Role::Player, BOTH, Instant::now());
    let (_, viewer) = room.join(Role::Viewer, BOTH, Instant::now());
    told(&player);
    told(&viewer);
    assert!(room.wants_clipboard());
    room.copied(&Secret::new("text"));
    assert_eq!(told(&player), [r#"{"type":"clipboard","text":"text"}"#]);
    assert_eq!(told(&viewer), [""; 0]);
}

#[test]
fn what_a_program_copies_is_not_told_to_a_page_that_may_not_have_it() {
    let (room, _inbox) = room();
    let inwards = Directions { to_desktop: true, from_desktop: false };
    let (closed, told_closed) = room.join(Role::Player, inwards, Instant::now());
    let (_, told_open) = room.join(Role::Player, BOTH, Instant::now());
    assert!(!room.wants_clipboard(), "nobody is asked for what nobody may have");
    told(&told_closed);
    room.copied(&Secret::new("text"));
    assert_eq!(told(&told_closed), [""; 0]);
    room.leave(closed);
    assert!(!room.wants_clipboard());
    told(&told_open);
}

#[test]
fn only_what_a_hand_has_done_and_the_desktop_gets_counts_as_input() {
    let (room, _inbox) = room();
    let now = Instant::now();
    let (player, _told) = room.join(Role::Player, BOTH, now);
    let (viewer, _told) = room.join(Role::Viewer, BOTH, now);
    assert!(room.receive(player, KEY, now));
    assert!(room.receive(player, r#"{"type":"paste","text":"a"}"#, now));
    for text in
        [TAKE, r#"{"type":"release-all"}"#, r#"{"type":"resize","width":800,"height":600}"#, "nonsense"]
    {
        assert!(!room.receive(player, text, now), "{text}");
    }
    assert!(!room.receive(viewer, KEY, now), "it is refused");
}

#[test]
fn a_flood_is_dropped_and_every_key_let_go() {
    let (room, inbox) = room();
    let (seat, outbox) = room.join(Role::Player, BOTH, Instant::now());
    told(&outbox);
    for _ in 0..1025 {
        room.receive(seat, KEY, Instant::now());
    }
    assert!(told(&outbox).concat().contains("too much input"));
    assert!(matches!(orders(&inbox)[..], [Order::LetGo]));
}

#[test]
fn of_sizes_and_clipboards_only_the_newest_waits() {
    let (room, inbox) = room();
    let (seat, _outbox) = room.join(Role::Player, BOTH, Instant::now());
    for width in [640, 800, 1024] {
        room.receive(seat, &format!(r#"{{"type":"resize","width":{width},"height":600}}"#), Instant::now());
        room.receive(seat, &format!(r#"{{"type":"clipboard","text":"{width}"}}"#), Instant::now());
    }
    let [Order::Resize { width: 1024, .. }, Order::Clipboard(text)] = &orders(&inbox)[..] else { panic!() };
    assert_eq!(text.expose(), b"1024");
}
