//! Text travels both ways, also when it is long, and only where it may.

use std::{io::Write as _, process::Stdio};

use anteroom_protocol::desk::MAX_TEXT_BYTES;
use x11rb::{
    protocol::{
        Event,
        xfixes::{ConnectionExt as _, SelectionEventMask},
        xproto::{ConnectionExt as _, Window},
    },
    wrapper::ConnectionExt as _,
};

use super::{
    super::{Directions, Hand, Role},
    screen::{BOTH, Running, Screen, soon},
};

/// From now on the test hears who owns the clipboard.
fn watch_owners(screen: &Screen) {
    screen.x.xfixes_query_version(5, 0).unwrap().reply().unwrap();
    let clipboard = screen.x.intern_atom(false, b"CLIPBOARD").unwrap().reply().unwrap().atom;
    let changes = SelectionEventMask::SET_SELECTION_OWNER;
    screen.x.xfixes_select_selection_input(screen.root, clipboard, changes).unwrap();
    screen.x.sync().unwrap();
}

fn next_owner(screen: &Screen) -> Window {
    screen.next(|event| match event {
        Event::XfixesSelectionNotify(change) => Some(change.owner),
        _ => None,
    })
}

/// As a program that pastes.
fn paste(screen: &Screen, selection: &str) -> String {
    let mut program = screen.command("xclip", &["-o", "-selection", selection, "-t", "UTF8_STRING"]);
    let output = program.stdout(Stdio::piped()).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// As a program that copies; it has the text while it runs.
fn copy(screen: &Screen, text: &str) -> Running {
    let mut program = screen.command("xclip", &["-i", "-quiet", "-selection", "clipboard"]);
    let mut program = Running(program.stdin(Stdio::piped()).spawn().unwrap());
    program.0.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    program
}

pub(super) fn set(hand: &Hand, text: &str) {
    hand.receive(&serde_json::json!({ "type": "clipboard", "text": text }).to_string());
}

/// The next text that the page is given.
pub(super) async fn given(hand: &Hand) -> String {
    loop {
        let message: serde_json::Value = serde_json::from_str(&soon(hand.next()).await.unwrap()).unwrap();
        if message["type"] == "clipboard" {
            return message["text"].as_str().unwrap().to_owned();
        }
    }
}

/// So many bytes, each line of them another.
fn long(bytes: usize) -> String {
    let mut text: String = (0..bytes / 8).map(|line| format!("é {line:04}\n")).collect();
    text.truncate(bytes);
    text
}

#[tokio::test]
async fn a_page_s_text_is_pasted_by_programs() {
    let Some(screen) = Screen::start() else { return };
    watch_owners(&screen);
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    for text in ["Grüße 漢 😀\n", &long(300_000), &long(MAX_TEXT_BYTES - 8)] {
        set(&hand, text);
        next_owner(&screen);
        assert!(paste(&screen, "clipboard") == text, "{} bytes", text.len());
        assert!(paste(&screen, "primary") == text, "{} bytes", text.len());
    }
}

#[tokio::test]
async fn what_a_program_copies_comes_to_the_page() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    for text in ["Grüße 漢 😀\n", &long(300_000)] {
        let _program = copy(&screen, text);
        assert!(given(&hand).await == text, "{} bytes", text.len());
    }
}

#[tokio::test]
async fn a_long_text_comes_in_pieces() {
    let Some(screen) = Screen::start() else { return };
    let (from, to) = (screen.desk(), screen.desk());
    let (from, to) = (from.join(Role::Player, BOTH), to.join(Role::Player, BOTH));
    let text = long(300_000);
    set(&from, &text);
    assert!(given(&to).await == text);
}

#[tokio::test]
async fn what_a_page_has_set_is_not_told_to_it() {
    let Some(screen) = Screen::start() else { return };
    watch_owners(&screen);
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    set(&hand, "from the page");
    let desk_window = next_owner(&screen);
    let program = copy(&screen, "from a program");
    let program_window = next_owner(&screen);
    assert_ne!(desk_window, program_window);
    assert_eq!(given(&hand).await, "from a program", "and not the page's own");
    // A page whose clipboard was written by its desktop finds that there and sends it.
    set(&hand, "from a program");
    set(&hand, "new");
    assert_eq!(next_owner(&screen), desk_window);
    assert_eq!(paste(&screen, "clipboard"), "new");
    drop(program);
    // What a clipboard manager takes over unchanged is no news: the next that is, comes first.
    let _manager = copy(&screen, "new");
    next_owner(&screen);
    let _program = copy(&screen, "news");
    assert_eq!(given(&hand).await, "news");
}

#[tokio::test]
async fn what_a_program_copies_again_is_told_again() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    for _ in 0..2 {
        let _program = copy(&screen, "the same");
        assert_eq!(given(&hand).await, "the same");
    }
}

#[tokio::test]
async fn a_forbidden_direction_stays_closed() {
    let Some(screen) = Screen::start() else { return };
    let inwards = Directions { to_desktop: true, from_desktop: false };
    let outwards = Directions { to_desktop: false, from_desktop: true };
    let (in_desk, out_desk) = (screen.desk(), screen.desk());
    let (inwards, outwards) = (in_desk.join(Role::Player, inwards), out_desk.join(Role::Player, outwards));
    assert!(soon(inwards.next()).await.unwrap().contains(r#"{"toDesktop":true,"fromDesktop":false}"#));
    set(&outwards, "it must not come in");
    set(&inwards, "it may come in");
    assert_eq!(given(&outwards).await, "it may come in");
    let _program = copy(&screen, "it must not go out");
    // When the one that may hears of it, the other has had its time too: its own refusal comes after that.
    assert_eq!(given(&outwards).await, "it must not go out");
    inwards.receive("last");
    loop {
        let message = soon(inwards.next()).await.unwrap();
        assert!(!message.contains(r#""type":"clipboard""#), "{message}");
        if message.contains("refused") {
            break;
        }
    }
}

#[tokio::test]
async fn a_program_that_copies_too_much_is_not_passed_on() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    let program = copy(&screen, &long(MAX_TEXT_BYTES + 80));
    loop {
        let message = soon(hand.next()).await.unwrap();
        assert!(!message.contains(r#""type":"clipboard""#));
        if message.contains("longer than 1 MiB") {
            break;
        }
    }
    drop(program);
    let _program = copy(&screen, "short");
    assert_eq!(given(&hand).await, "short");
}
