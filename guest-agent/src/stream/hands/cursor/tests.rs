use super::*;

fn image(width: u16, height: u16, hot: (u16, u16), cursor_image: Vec<u32>) -> GetCursorImageReply {
    GetCursorImageReply {
        sequence: 0,
        length: 0,
        x: 0,
        y: 0,
        width,
        height,
        xhot: hot.0,
        yhot: hot.1,
        cursor_serial: 1,
        cursor_image,
    }
}

#[test]
fn colours_are_no_longer_multiplied_by_their_opacity() {
    assert_eq!(straight(0xff10_2030), [0x10, 0x20, 0x30, 0xff]);
    assert_eq!(straight(0x8040_0080), [128, 0, 255, 128]);
    assert_eq!(straight(0x0000_0000), [0, 0, 0, 0]);
    assert_eq!(
        straight(0x01ff_ffff),
        [255, 255, 255, 1],
        "more colour than opacity is no cursor, and no crash"
    );
}

#[test]
fn a_cursor_is_told_with_its_hot_spot() {
    let message = shape(&image(2, 1, (1, 0), vec![0xff00_0000, 0]));
    assert_eq!(message, r#"{"type":"cursor","width":2,"height":1,"x":1,"y":0,"rgba":"AAAA/wAAAAA="}"#);
}

#[test]
fn a_transparent_cursor_is_hidden() {
    let hidden = r#"{"type":"cursor","width":0,"height":0,"x":0,"y":0,"rgba":""}"#;
    assert_eq!(shape(&image(2, 1, (1, 0), vec![0, 0])), hidden);
    assert_eq!(shape(&image(0, 0, (0, 0), vec![])), hidden);
    assert_eq!(shape(&image(9, 9, (0, 0), vec![u32::MAX])), hidden, "with pixels missing");
}

#[test]
fn a_huge_cursor_is_shown_smaller() {
    let message = shape(&image(300, 200, (299, 100), vec![0xffff_ffff; 300 * 200]));
    assert!(message.starts_with(r#"{"type":"cursor","width":100,"height":67,"x":99,"y":33,"#), "{message}");
}
