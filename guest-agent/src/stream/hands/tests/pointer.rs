//! Clicks land where they were aimed, wheels turn by whole notches, and the cursor's shape comes back.

use x11rb::{
    connection::Connection as _,
    protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _},
    wrapper::ConnectionExt as _,
};

use super::{
    super::Role,
    screen::{BOTH, Screen, soon},
};

#[tokio::test]
async fn a_click_lands_on_the_pixel() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let window = screen.window();
    let hand = desk.join(Role::Player, BOTH);
    for (button, x, y) in [(1, 234, 171), (3, 200, 150), (9, 499, 349)] {
        for down in [true, false] {
            hand.receive(&format!(r#"{{"type":"button","button":{button},"down":{down},"x":{x},"y":{y}}}"#));
        }
        assert_eq!(window.press(), (button, x, y));
        assert_eq!(window.release(), button);
    }
    hand.receive(r#"{"type":"button","button":1,"down":true,"x":234,"y":171}"#);
    window.press();
    hand.receive(r#"{"type":"pointer","x":99999,"y":-5}"#);
    hand.receive(r#"{"type":"pointer","x":60000,"y":-5}"#);
    drop(hand);
    assert_eq!(window.release(), 1, "a button that is held is let go");
    let pointer = screen.x.query_pointer(screen.root).unwrap().reply().unwrap();
    assert_eq!((pointer.root_x, pointer.root_y), (1599, 0), "outside is the edge");
}

#[tokio::test]
async fn fractions_of_a_notch_add_up() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let window = screen.window();
    let hand = desk.join(Role::Player, BOTH);
    for (dx, dy) in [("0", "60"), ("0", "60"), ("-119.5", "-240"), ("-0.5", "0"), ("120", "0")] {
        hand.receive(&format!(r#"{{"type":"wheel","dx":{dx},"dy":{dy},"x":300,"y":200}}"#));
    }
    let clicks: Vec<u8> = (0..5).map(|_| window.press().0).collect();
    assert_eq!(clicks, [5, 4, 4, 6, 7]);
}

#[tokio::test]
async fn a_tap_is_a_click_and_two_fingers_are_the_wheel() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let window = screen.window();
    let hand = desk.join(Role::Player, BOTH);
    let touch = |id, phase, x, y| {
        hand.receive(&format!(r#"{{"type":"touch","id":{id},"phase":"{phase}","x":{x},"y":{y}}}"#));
    };
    touch(7, "start", 250, 200);
    touch(7, "end", 251, 200);
    assert_eq!((window.press(), window.release()), ((1, 250, 200), 1));
    touch(1, "start", 250, 300);
    touch(2, "start", 280, 300);
    touch(1, "move", 250, 200);
    assert_eq!(window.press().0, 5);
}

#[tokio::test]
async fn the_cursor_s_shape_is_told_when_it_changes() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let window = screen.window();
    let hand = desk.join(Role::Player, BOTH);
    hand.receive(r#"{"type":"pointer","x":300,"y":200}"#);
    // A blue square of 16 by 16 with its point at 3, 4.
    let (bitmap, cursor) = (screen.x.generate_id().unwrap(), screen.x.generate_id().unwrap());
    screen.x.create_pixmap(1, bitmap, screen.root, 16, 16).unwrap();
    let context = screen.x.generate_id().unwrap();
    let ink = x11rb::protocol::xproto::CreateGCAux::new().foreground(1);
    screen.x.create_gc(context, bitmap, &ink).unwrap();
    let all = x11rb::protocol::xproto::Rectangle { x: 0, y: 0, width: 16, height: 16 };
    screen.x.poly_fill_rectangle(bitmap, context, &[all]).unwrap();
    screen.x.create_cursor(cursor, bitmap, bitmap, 0, 0, 0xffff, 0, 0, 0, 3, 4).unwrap();
    let looks = ChangeWindowAttributesAux::new().cursor(cursor);
    screen.x.change_window_attributes(window.window, &looks).unwrap();
    screen.x.sync().unwrap();
    let message = loop {
        let text = soon(hand.next()).await.unwrap();
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Before this one there was that of the empty desktop.
        if message["type"] == "cursor" && message["x"] == 3 {
            break message;
        }
    };
    assert_eq!((&message["y"], &message["width"], &message["height"]), (&4.into(), &16.into(), &16.into()));
    let blue =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, message["rgba"].as_str().unwrap());
    assert_eq!(blue.unwrap(), [0, 0, 255, 255].repeat(16 * 16));
}
