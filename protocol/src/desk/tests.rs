use super::*;

fn read(text: &str) -> PageMessage {
    PageMessage::parse(text).unwrap()
}

fn at(pixel: i32) -> Coordinate {
    Coordinate(pixel)
}

#[test]
fn every_message_of_the_table_is_read() {
    use PageMessage as M;
    assert_eq!(read(r#"{"type":"key","keysym":65293,"down":true}"#), M::Key { keysym: 65293, down: true });
    assert_eq!(read(r#"{"type":"release-all"}"#), M::ReleaseAll {});
    assert_eq!(read(r#"{"type":"pointer","x":10,"y":20}"#), M::Pointer { x: at(10), y: at(20) });
    assert_eq!(
        read(r#"{"type":"button","button":8,"down":true,"x":10,"y":20}"#),
        M::Button { button: Button::Back, down: true, x: at(10), y: at(20) }
    );
    assert_eq!(
        read(r#"{"type":"wheel","dx":0,"dy":-3.5,"x":10,"y":20}"#),
        M::Wheel { dx: Turn(0.0), dy: Turn(-3.5), x: at(10), y: at(20) }
    );
    assert_eq!(
        read(r#"{"type":"touch","id":1,"phase":"cancel","x":1,"y":2}"#),
        M::Touch { id: 1, phase: TouchPhase::Cancel, x: at(1), y: at(2) }
    );
    assert_eq!(read(r#"{"type":"clipboard","text":"a"}"#), M::Clipboard { text: "a".into() });
    assert_eq!(read(r#"{"type":"paste","text":"a"}"#), M::Paste { text: "a".into() });
    assert_eq!(
        read(r#"{"type":"resize","width":1280,"height":800}"#),
        M::Resize { width: 1280, height: 800 }
    );
    assert_eq!(read(r#"{"type":"take-control"}"#), M::TakeControl {});
    assert_eq!(read(r#"{"type":"release-control"}"#), M::ReleaseControl {});
}

#[test]
fn the_name_of_a_message_is_the_one_it_was_read_by() {
    for kind in ["release-all", "take-control", "release-control"] {
        assert_eq!(read(&format!(r#"{{"type":"{kind}"}}"#)).kind(), kind);
    }
    assert_eq!(read(r#"{"type":"clipboard","text":"a"}"#).kind(), "clipboard");
}

#[test]
fn fractions_of_a_pixel_are_cut_off_towards_the_origin_of_the_screen() {
    assert_eq!(
        read(r#"{"type":"pointer","x":10.9,"y":-0.5}"#),
        PageMessage::Pointer { x: at(10), y: at(-1) }
    );
}

#[test]
fn what_is_not_of_the_table_is_refused() {
    for (text, why) in [
        ("", NoMessage::NotJson),
        ("{", NoMessage::NotJson),
        ("[]", NoMessage::NotOfTheTable),
        (r#"{"type":"format-disk"}"#, NoMessage::NotOfTheTable),
        (r#"{"keysym":65293,"down":true}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"key","keysym":-1,"down":true}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"key","keysym":65293}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"key","keysym":65293,"down":true,"more":1}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"release-all","more":1}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"pointer","x":1e300,"y":0}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"pointer","x":70000,"y":0}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"button","button":4,"down":true,"x":0,"y":0}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"wheel","dx":0,"dy":12001,"x":0,"y":0}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"touch","id":1,"phase":"hover","x":1,"y":2}"#, NoMessage::NotOfTheTable),
        (r#"{"type":"resize","width":319,"height":800}"#, NoMessage::Size),
        (r#"{"type":"resize","width":1280,"height":2161}"#, NoMessage::Size),
    ] {
        assert_eq!(PageMessage::parse(text), Err(why), "{text}");
    }
}

#[test]
fn a_nested_bomb_is_refused() {
    let text = format!(r#"{{"type":{}"#, "[".repeat(100_000));
    assert!(PageMessage::parse(&text).is_err());
}

#[test]
fn a_text_may_be_a_mebibyte_long_and_no_longer() {
    let message = |length| format!(r#"{{"type":"clipboard","text":"{}"}}"#, "\\n".repeat(length));
    assert!(PageMessage::parse(&message(MAX_TEXT_BYTES)).is_ok());
    assert_eq!(PageMessage::parse(&message(MAX_TEXT_BYTES + 1)), Err(NoMessage::TextTooLong));
    assert_eq!(PageMessage::parse(&message(2 * MAX_TEXT_BYTES)), Err(NoMessage::TooLong));
}

#[test]
fn debug_shows_neither_keys_nor_text() {
    let shown = format!("{:?}", read(r#"{"type":"clipboard","text":"hunter2"}"#));
    assert_eq!(shown, "PageMessage(clipboard)");
    assert_eq!(format!("{:?}", read(r#"{"type":"key","keysym":120,"down":true}"#)), "PageMessage(key)");
}

#[test]
fn the_desktop_writes_what_the_page_expects() {
    let both = Directions { to_desktop: true, from_desktop: false };
    for (message, text) in [
        (
            DeskMessage::Hello {
                width: 1280,
                height: 800,
                control: ControlIs::Mine,
                clipboard: both,
                view_only: false,
            },
            r#"{"type":"hello","width":1280,"height":800,"control":"mine","clipboard":{"toDesktop":true,"fromDesktop":false},"viewOnly":false}"#,
        ),
        (DeskMessage::Size { width: 2, height: 3 }, r#"{"type":"size","width":2,"height":3}"#),
        (DeskMessage::Control { control: ControlIs::Other }, r#"{"type":"control","control":"other"}"#),
        (
            DeskMessage::Cursor { width: 1, height: 1, x: 0, y: 0, rgba: "AAAA/w==" },
            r#"{"type":"cursor","width":1,"height":1,"x":0,"y":0,"rgba":"AAAA/w=="}"#,
        ),
        (DeskMessage::Clipboard { text: "\"" }, r#"{"type":"clipboard","text":"\""}"#),
        (DeskMessage::Refused { what: "key" }, r#"{"type":"refused","what":"key"}"#),
    ] {
        assert_eq!(message.to_json(), text);
    }
}
