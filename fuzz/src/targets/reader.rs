//! What a CLI writes into its terminal: the reader's memory is bounded, what it tells is text, and where the stream is cut
//! makes no difference.

use std::time::Duration;

use anteroom_agent::fuzzing::{Read, Reader};

use crate::input::Input;

/// What a screen of 255 columns and 63 rows, the last lines and the remembered addresses take at most.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Lines of one piece that are told in all; beyond, pieces tell more than the whole.
const MAX_LINES_BYTES: usize = 256 * 1024;

pub(crate) fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (columns, rows) = (u16::from(input.byte()), u16::from(input.byte() & 63));
    let mut lengths = input.line().iter().map(|byte| usize::from(*byte) + 1).cycle();
    let stream = input.rest();

    // Each kilobyte comes a moment after the one before.
    let mut whole = Reader::new(columns, rows);
    let mut pieces = Reader::new(columns, rows);
    let (mut told, mut told_in_pieces) = (Read::default(), Read::default());
    let mut is_complete = true;
    for (index, chunk) in (0..).zip(stream.chunks(1024)) {
        let at = Duration::from_millis(60) * index;
        let read = whole.feed(chunk, at);
        is_complete &= read.lines.iter().map(String::len).sum::<usize>() < MAX_LINES_BYTES / 2;
        add(&mut told, read);
        let mut rest = chunk;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(lengths.next().unwrap_or(1).min(rest.len()));
            add(&mut told_in_pieces, pieces.feed(piece, at));
            rest = more;
        }
        assert!(whole.kept_bytes() <= MAX_KEPT_BYTES);
    }
    assert_eq!(whole.last_lines(), pieces.last_lines());
    whole.resize(rows, columns);
    pieces.resize(rows, columns);
    add(&mut told, whole.pause());
    add(&mut told_in_pieces, pieces.pause());
    if is_complete {
        assert_eq!(told, told_in_pieces);
    }

    assert!(told.addresses.iter().all(|address| address.starts_with("http")));
    let texts =
        told.addresses.iter().chain(&told.lines).chain(&whole.last_lines()).cloned().collect::<Vec<_>>();
    assert!(texts.iter().all(|text| !text.contains(char::is_control) && !text.is_empty()));
    assert!(told.text.chars().all(|c| c == '\n' || !c.is_control()));
}

fn add(all: &mut Read, more: Read) {
    all.text += &more.text;
    all.addresses.extend(more.addresses);
    all.lines.extend(more.lines);
}
