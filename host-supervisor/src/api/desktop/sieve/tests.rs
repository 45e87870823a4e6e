use proptest::prelude::*;

use super::*;

const HELLO: &[u8] = b"RFB 003.008\n\x01\x01";
const NO_CLIPBOARD: Permits = Permits { input: true, clipboard: false };
const LOOK: Permits = Permits { input: false, clipboard: true };
const REQUEST: [u8; 10] = [3, 1, 0, 0, 0, 0, 5, 0, 3, 32];
const KEY_A: [u8; 8] = [4, 1, 0, 0, 0, 0, 0, 97];
const CLICK: [u8; 6] = [5, 1, 0, 7, 0, 9];

/// What goes on of these messages, after a good beginning.
fn sifted(permits: Permits, messages: &[&[u8]]) -> Result<Vec<u8>, NotUnderstood> {
    let mut sieve = Sieve::new(permits);
    assert_eq!(sieve.pass(HELLO)?, HELLO);
    Ok(sieve.pass(&messages.concat())?.to_vec())
}

fn cut_text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[CUT_TEXT, 0, 0, 0][..], &length, text.as_bytes()].concat()
}

#[test]
fn text_for_a_closed_clipboard_is_left_out_and_nothing_else() {
    let text = cut_text("hunter2");
    let passed = sifted(NO_CLIPBOARD, &[&KEY_A, &text, &CLICK, &cut_text(""), &REQUEST]);
    assert_eq!(passed.unwrap(), [&KEY_A[..], &CLICK, &REQUEST].concat());
    // "Extended Clipboard" has a negative length.
    let extended = [CUT_TEXT, 0, 0, 0, 0xff, 0xff, 0xff, 0xfb, 1, 2, 3, 4, 5];
    assert_eq!(sifted(NO_CLIPBOARD, &[&extended, &KEY_A]).unwrap(), KEY_A);
}

#[test]
fn of_a_viewer_that_only_looks_only_requests_for_the_picture_go_on() {
    let format = [[PIXEL_FORMAT; 4].as_slice(), &[8; 16]].concat();
    let encodings = [ENCODINGS, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 16];
    let size = [[DESKTOP_SIZE, 0, 5, 0, 3, 32, 1, 0].as_slice(), &[0; 16]].concat();
    let qemu = [QEMU, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 30];
    let fence = [FENCE, 0, 0, 0, 0, 0, 0, 1, 2, 9, 9];
    let updates = [CONTINUOUS_UPDATES, 1, 0, 0, 0, 0, 5, 0, 3, 32];
    let all: [&[u8]; 10] =
        [&format, &encodings, &KEY_A, &CLICK, &cut_text("x"), &size, &qemu, &fence, &updates, &REQUEST];
    let passed = sifted(LOOK, &all).unwrap();
    assert_eq!(passed, [&format[..], &encodings, &fence, &updates, &REQUEST].concat());
}

#[test]
fn it_does_not_matter_how_the_bytes_come() {
    let stream = [HELLO, &KEY_A, &cut_text("hunter2"), &CLICK, &REQUEST].concat();
    let mut sieve = Sieve::new(NO_CLIPBOARD);
    let passed: Vec<u8> = stream.chunks(1).flat_map(|byte| sieve.pass(byte).unwrap()).collect();
    assert_eq!(passed, [HELLO, &KEY_A, &CLICK, &REQUEST].concat());
}

#[test]
fn a_second_byte_of_buttons_cannot_be_the_beginning_of_a_message() {
    let wide = [POINTER, 0x81, 0, 7, 0, 9, CUT_TEXT];
    assert_eq!(sifted(NO_CLIPBOARD, &[&wide, &KEY_A]).unwrap(), [&CLICK[..], &KEY_A].concat());
}

#[test]
fn what_is_not_understood_ends_the_stream() {
    let begin = |bytes: &[u8]| Sieve::new(NO_CLIPBOARD).pass(bytes).map(|passed| passed.len());
    assert_eq!(begin(b"RFB 003.003\n\x01"), Ok(13), "without a choice of security");
    assert_eq!(begin(b"GET / HTTP/1.1"), Err(NotUnderstood::Version));
    assert_eq!(begin(b"RFB 003.008\n\x02"), Err(NotUnderstood::Security));
    assert_eq!(sifted(NO_CLIPBOARD, &[&KEY_A, &[11, 0]]), Err(NotUnderstood::Message(11)));
    assert_eq!(sifted(NO_CLIPBOARD, &[&[QEMU, 1, 0, 0]]), Err(NotUnderstood::Message(QEMU)));
}

proptest! {
    #[test]
    fn no_stream_makes_it_panic_or_hold_more_than_a_head(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut sieve = Sieve::new(LOOK);
        sieve.pass(HELLO).unwrap();
        for part in bytes.chunks(7) {
            if sieve.pass(part).is_err() {
                return Ok(());
            }
            prop_assert!(sieve.pending.len() < 20);
        }
    }
}
