mod broken;
mod recorded;

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SIZE: Size = Size { columns: 80, rows: 24 };

/// Everything that is read of these pieces, which come at once, and in the pause after them.
fn read(size: Size, pieces: &[&str]) -> Read {
    let mut reader = Reader::new(size);
    let now = Instant::now();
    let mut all = Read::default();
    for piece in pieces {
        all.add(reader.feed(piece.as_bytes(), now));
    }
    all.add(reader.pause());
    all
}

fn addresses(pieces: &[&str]) -> Vec<String> {
    read(SIZE, pieces).addresses
}

impl Read {
    fn add(&mut self, more: Self) {
        self.text += &more.text;
        self.addresses.extend(more.addresses);
        self.lines.extend(more.lines);
    }
}

#[test]
fn an_address_is_found_whole_however_it_arrives_and_however_long_it_is() {
    let long = format!("https://auth.example/authorize?state={}", "s".repeat(8000));
    let (first, second) = long.split_at(700);
    assert_eq!(addresses(&["Open this:\r\n", first, second, "\r\n"]), [long]);
}

#[test]
fn an_address_at_the_end_of_the_text_is_complete_after_a_pause() {
    let (mut reader, now) = (Reader::new(SIZE), Instant::now());
    assert!(reader.feed(b"Go to https://a.example/au", now).addresses.is_empty());
    assert!(reader.feed(b"thorize?x=1", now).addresses.is_empty());
    assert_eq!(reader.pause().addresses, ["https://a.example/authorize?x=1"]);
    assert!(reader.feed(b"\r\n", now).addresses.is_empty());
}

#[test]
fn a_character_that_is_cut_in_two_takes_nothing_with_it() {
    let (mut reader, now) = (Reader::new(SIZE), Instant::now());
    let bytes = "│https://a.example/ä".as_bytes();
    let mut text = reader.feed(&bytes[..2], now).text;
    text += &reader.feed(&bytes[2..], now).text;
    assert_eq!(text, "│https://a.example/ä");
}

#[test]
fn an_address_is_complete_when_its_line_is() {
    let (mut reader, now) = (Reader::new(SIZE), Instant::now());
    assert_eq!(reader.feed(b"https://a.example/x\r\n", now).addresses, ["https://a.example/x"]);
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
fn what_a_program_leaves_out_because_it_stands_there_is_read_with_the_rest() {
    let screen = "\x1b[3;1Hhttps://a.example/x?state=0000&y";
    assert_eq!(
        addresses(&[screen, "\x1b[3;27H12\x1b[1C4"]),
        ["https://a.example/x?state=1204&y"],
        "drawn over before anybody has read it"
    );
}

#[test]
fn a_link_tells_its_address_whatever_text_it_shows() {
    let link = "\x1b]8;id=1;https://a.example/x?state=1;2\x1b\\click here\x1b]8;;\x1b\\";
    assert_eq!(addresses(&[link]), ["https://a.example/x?state=1;2"]);
    assert_eq!(addresses(&["\x1b]8;;https://b.example/\x07short\x1b]8;;\x07"]), ["https://b.example/"]);
}

#[test]
fn a_link_that_is_cut_off_or_holds_control_characters_is_none() {
    assert!(addresses(&["\x1b]8;;https://a.example/\u{7f}x\x07text"]).is_empty());
    let long = format!("\x1b]8;;https://a.example/{}\x07text", "x".repeat(MAX_LINK_BYTES));
    assert!(addresses(&[&long]).is_empty());
    let parts = format!("\x1b]8;;https://a.example/{}\x07text", ";x".repeat(20));
    assert!(addresses(&[&parts]).is_empty());
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
fn a_screen_that_always_moves_somewhere_is_read_where_it_stands_still() {
    let (mut reader, start) = (Reader::new(SIZE), Instant::now());
    let mut found = reader.feed(b"\x1b[5;1Hhttps://a.example/x\x1b[9;1H", start).addresses;
    assert!(found.is_empty());
    for (step, spinner) in (1..).zip(['|', '/', '-', '\\']) {
        let now = start + Duration::from_millis(80) * step;
        found.extend(reader.feed(format!("\x1b[9;1H{spinner}").as_bytes(), now).addresses);
    }
    assert_eq!(found, ["https://a.example/x"]);
}

#[test]
fn what_scrolls_away_or_is_cleared_at_once_was_read() {
    let rows = "\r\n".repeat(100);
    assert_eq!(addresses(&["https://a.example/x", &rows]), ["https://a.example/x"]);
    for clear in ["\x1b[2J", "\x1b[?1049h", "\x1b[?1049l", "\x1bc", "\x1b[9S", "\x1b[2;9r\x1b[8S"] {
        assert_eq!(addresses(&["\x1b[3;1Hhttps://a.example/x", clear]), ["https://a.example/x"], "{clear:?}");
    }
}

#[test]
fn what_stood_on_the_main_screen_is_there_again_after_the_alternate_one() {
    let mut reader = Reader::new(SIZE);
    reader.feed(b"before\r\n\x1b[?1049h\x1b[Hin between\x1b[?1049lafter", Instant::now());
    assert_eq!(reader.last_lines(), ["before", "after"]);
}

#[test]
fn the_last_lines_are_those_a_person_would_read() {
    let mut reader = Reader::new(SIZE);
    reader.feed(b"\x1b[1mfirst\x1b[0m\r\n\r\n   \r\nsecond\r\n10 %\r20 %\r\nno end", Instant::now());
    assert_eq!(reader.last_lines(), ["first", "second", "20 %", "no end"]);
    let mut reader = Reader::new(SIZE);
    for number in 0..100 {
        reader.feed(format!("line {number}\r\n").as_bytes(), Instant::now());
    }
    let lines = reader.last_lines();
    assert_eq!((lines.len(), lines[0].as_str(), lines[39].as_str()), (40, "line 60", "line 99"));
}

#[test]
fn the_text_is_without_control_sequences() {
    assert_eq!(read(SIZE, &["\x1b[?25l\x1b[1mcontinue?\x1b[0m [Y/n]: "]).text, "continue? [Y/n]: ");
    assert_eq!(
        read(SIZE, &["\x1b[2GPaste\x1b[8Gcode\x1b[13Ghere\x1b[2;1Hnext"]).text,
        " Paste code here\nnext",
        "ways to the right are spaces, ways to another row end a line"
    );
}

#[test]
fn a_terminal_that_gets_another_size_is_read_on() {
    let (mut reader, now) = (Reader::new(SIZE), Instant::now());
    reader.feed("\r\n".repeat(20).as_bytes(), now);
    reader.feed(b"https://a.example/before", now);
    reader.resize(Size { columns: 30, rows: 10 });
    assert_eq!(reader.pause().addresses, ["https://a.example/before"]);
    let address = format!("https://a.example/x?state={}", "s".repeat(50));
    let rows = format!("\r\n{}\r\n{}\r\n{}\r\n\r\n", &address[..30], &address[30..60], &address[60..]);
    assert_eq!(reader.feed(rows.as_bytes(), now).addresses, [address]);
    assert_eq!(reader.last_lines()[0], "https://a.example/before");
}

#[test]
fn a_terminal_without_a_size_has_the_usual_one() {
    let size = Size { columns: 0, rows: 0 };
    let wrapped = "x".repeat(81);
    assert_eq!(read(size, &[&wrapped, "\r\nbelow\r\n"]).lines, [wrapped.as_str(), "below"]);
    let broken = ["x".repeat(80), "y".repeat(70)];
    assert_eq!(read(size, &[&broken.join("\r\n")]).lines, [broken.concat()]);
}

/// Many bytes are of those that control sequences are made of.
fn often_of_a_sequence(byte: u8) -> u8 {
    const OF_SEQUENCES: &[u8] = b"\x1b[[[;?\r\n\t\x0812345678990ABCDEFGHJKLMPSTX@bdfhlrsu";
    match byte {
        0..0x60 => OF_SEQUENCES[usize::from(byte) % OF_SEQUENCES.len()],
        byte => byte,
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_grow(
        bytes in proptest::collection::vec(any::<u8>().prop_map(often_of_a_sequence), 0..2000),
        columns in 1u16..100,
        rows in 1u16..40,
    ) {
        let mut reader = Reader::new(Size { columns, rows });
        for chunk in bytes.chunks(97) {
            reader.feed(chunk, Instant::now());
        }
        reader.resize(Size { columns: rows, rows: columns });
        reader.pause();
        prop_assert!(reader.last_lines().len() <= 40);
        prop_assert!(reader.page.kept_bytes() <= 1 << 20);
    }

    #[test]
    fn where_the_stream_is_cut_makes_no_difference(
        parts in proptest::collection::vec(
            prop_oneof![
                "[ -~äß│…]{1,30}",
                Just("\r\n".to_owned()),
                "\u{1b}\\[[0-9]{0,2}(;[0-9]{1,2})?[A-HJ-MPSTX@dfmr]",
                Just("https://a.example/x?y=".to_owned()),
                Just("\u{1b}]8;;https://b.example/\u{1b}\\".to_owned()),
            ],
            0..60,
        ),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = parts.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let (mut whole, mut pieces, now) = (Reader::new(SIZE), Reader::new(SIZE), Instant::now());
        let mut expected = whole.feed(&bytes, now);
        let mut found = Read::default();
        for cut in cuts.windows(2) {
            found.add(pieces.feed(&bytes[cut[0]..cut[1]], now));
        }
        expected.add(whole.pause());
        found.add(pieces.pause());
        prop_assert_eq!(found, expected);
    }
}
