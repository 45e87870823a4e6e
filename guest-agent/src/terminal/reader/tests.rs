use proptest::prelude::*;

use super::*;

/// Everything that is found in these pieces, and in the pause after them.
fn addresses(pieces: &[&str]) -> Vec<String> {
    let mut reader = Reader::default();
    let mut found: Vec<String> =
        pieces.iter().flat_map(|piece| reader.feed(piece.as_bytes()).addresses).collect();
    found.extend(reader.pause());
    found
}

#[test]
fn an_address_is_found_whole_however_it_arrives_and_however_long_it_is() {
    let long = format!("https://auth.example/authorize?state={}", "s".repeat(2000));
    let (first, second) = long.split_at(700);
    assert_eq!(addresses(&["Open this:\r\n", first, second, "\r\n"]), [long]);
}

#[test]
fn an_address_at_the_end_of_the_text_is_complete_after_a_pause() {
    let mut reader = Reader::default();
    assert!(reader.feed(b"Go to https://a.example/au").addresses.is_empty());
    assert!(reader.feed(b"thorize?x=1").addresses.is_empty());
    assert_eq!(reader.pause(), ["https://a.example/authorize?x=1"]);
    assert!(reader.feed(b"\r\n").addresses.is_empty());
}

#[test]
fn colours_do_not_break_an_address_and_movements_do() {
    assert_eq!(
        addresses(&["\x1b[34mhttps://a.example/\x1b[1mx?y=1\x1b[0m done"]),
        ["https://a.example/x?y=1"]
    );
    assert_eq!(addresses(&["https://a.example/x\x1b[2;1Hother"]), ["https://a.example/x"]);
    assert_eq!(addresses(&["https://a.example/x\x1b[5Cy"]), ["https://a.example/x"]);
}

#[test]
fn a_link_tells_its_address_whatever_text_it_shows() {
    let link = "\x1b]8;id=1;https://a.example/x?state=1;2\x1b\\click here\x1b]8;;\x1b\\";
    assert_eq!(addresses(&[link]), ["https://a.example/x?state=1;2"]);
    assert_eq!(addresses(&["\x1b]8;;https://b.example/\x07short\x1b]8;;\x07"]), ["https://b.example/"]);
}

#[test]
fn the_sentence_around_an_address_is_not_part_of_it() {
    for text in [
        "(see https://a.example/x).",
        "\"https://a.example/x\",",
        "<https://a.example/x>",
        "│https://a.example/x│",
    ] {
        assert_eq!(addresses(&[text]), ["https://a.example/x"], "{text}");
    }
    assert_eq!(addresses(&["https://a.example/x_(y)"]), ["https://a.example/x_(y)"]);
}

#[test]
fn a_program_that_redraws_its_screen_tells_an_address_once() {
    let frame = "\x1b[H\x1b[2Jhttps://a.example/x\r\n";
    assert_eq!(addresses(&[frame, frame, frame]), ["https://a.example/x"]);
}

#[test]
fn the_last_lines_are_those_a_person_would_read() {
    let mut reader = Reader::default();
    reader.feed(b"\x1b[1mfirst\x1b[0m\r\n\r\n   \r\nsecond\r\nno end");
    assert_eq!(reader.last_lines(), ["first", "second", "no end"]);
}

#[test]
fn the_text_is_without_control_sequences() {
    let mut reader = Reader::default();
    assert_eq!(reader.feed(b"\x1b[?25l\x1b[1mcontinue?\x1b[0m [Y/n]: ").text, "continue? [Y/n]: ");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_grow(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let mut reader = Reader::default();
        for chunk in bytes.chunks(97) {
            reader.feed(chunk);
        }
        reader.pause();
        prop_assert!(reader.last_lines().len() <= MAX_LINES);
        prop_assert!(reader.page.line.len() <= MAX_LINE_BYTES);
    }
}
