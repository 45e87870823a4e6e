//! What is typed arrives, whatever the layout, and no key stays down.

use std::{fs, path::Path};

use x11rb::{
    protocol::{xproto::ConnectionExt as _, xtest::ConnectionExt as _},
    wrapper::ConnectionExt as _,
};

use super::{
    super::{Hand, Role},
    screen::{BOTH, Running, Screen, soon},
};

const CLASS: &str = "anteroom-typing";
pub(super) const TEXT: &str = "Ünïcödé ß € é 漢 😀 ~ @ { | ^ ` \" ' \\ 0";
const RETURN: u32 = 0xff0d;
const SHIFT: u32 = 0xffe1;

/// A terminal in which a program writes each line that it reads to a file of its own.
async fn terminal(screen: &Screen, directory: &Path) -> Running {
    let script = r#"n=0; while IFS= read -r line; do n=$((n+1)); printf %s "$line" >"$0/new"; mv "$0/new" "$0/$n"; done"#;
    let directory = directory.to_str().unwrap();
    let arguments = ["-name", CLASS, "-geometry", "100x20+0+0", "-e", "sh", "-c", script, directory];
    let terminal = screen.run("xterm", &arguments);
    soon(crate::display::has_window(&screen.socket(), CLASS)).await.unwrap();
    terminal
}

pub(super) fn key(hand: &Hand, keysym: u32, down: bool) {
    hand.receive(&format!(r#"{{"type":"key","keysym":{keysym},"down":{down}}}"#));
}

pub(super) fn keysyms(text: &str) -> impl Iterator<Item = u32> {
    text.chars().map(|character| match u32::from(character) {
        latin_1 @ (0x20..=0x7e | 0xa0..=0xff) => latin_1,
        other => 0x0100_0000 + other,
    })
}

/// As a page does it that knows nothing of the desktop's layout.
pub(super) fn type_text(hand: &Hand, text: &str) {
    for keysym in keysyms(text) {
        key(hand, keysym, true);
        key(hand, keysym, false);
    }
}

fn type_line(hand: &Hand, text: &str) {
    // Without a window manager the keys go where the pointer is.
    hand.receive(r#"{"type":"pointer","x":40,"y":40}"#);
    type_text(hand, text);
    key(hand, RETURN, true);
    key(hand, RETURN, false);
}

async fn line(directory: &Path, number: usize) -> String {
    let file = directory.join(number.to_string());
    soon(crate::appear::wait(&file)).await.unwrap();
    fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn typed_text_appears_with_any_layout_and_with_caps_lock() {
    let Some(screen) = Screen::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let _terminal = terminal(&screen, directory.path()).await;
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    type_line(&hand, TEXT);
    assert_eq!(line(directory.path(), 1).await, TEXT);

    screen.call("setxkbmap", &["de"]);
    type_line(&hand, TEXT);
    assert_eq!(line(directory.path(), 2).await, TEXT);

    let caps_lock = 66;
    for kind in [2, 3] {
        screen.x.xtest_fake_input(kind, caps_lock, 0, x11rb::NONE, 0, 0, 0).unwrap();
    }
    screen.x.sync().unwrap();
    type_line(&hand, TEXT);
    assert_eq!(line(directory.path(), 3).await, TEXT);

    screen.call("setxkbmap", &["us,gr", "-option", "grp:alt_shift_toggle"]);
    type_line(&hand, "aZ αΩ é");
    assert_eq!(line(directory.path(), 4).await, "aZ αΩ é");
}

#[tokio::test]
async fn the_modifiers_of_a_foreign_keyboard_do_not_spoil_the_character() {
    let Some(screen) = Screen::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let _terminal = terminal(&screen, directory.path()).await;
    screen.call("setxkbmap", &["de"]);
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    // An American keyboard: Shift and 2 is "@", which wants AltGr and no Shift here. Then Shift comes up before the key.
    hand.receive(r#"{"type":"pointer","x":40,"y":40}"#);
    key(&hand, SHIFT, true);
    key(&hand, 0x40, true);
    key(&hand, 0x40, false);
    key(&hand, 0x41, true);
    key(&hand, SHIFT, false);
    key(&hand, 0x61, false);
    type_line(&hand, "b");
    assert_eq!(line(directory.path(), 1).await, "@Ab");
    let pressed = screen.x.query_keymap().unwrap().reply().unwrap().keys;
    assert_eq!(pressed, [0; 32]);
}

#[tokio::test]
async fn more_foreign_characters_than_there_are_spare_keys_do_not_mix() {
    let Some(screen) = Screen::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let _terminal = terminal(&screen, directory.path()).await;
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    let text: String = (0x4e00..0x4e00 + 50).filter_map(char::from_u32).collect();
    type_line(&hand, &text);
    assert_eq!(line(directory.path(), 1).await, text);
}

#[tokio::test]
async fn a_held_key_is_let_go_on_blur_and_when_the_page_is_gone() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let window = screen.window();
    let hand = desk.join(Role::Player, BOTH);
    key(&hand, SHIFT, true);
    let shift = window.key(true);
    hand.receive(r#"{"type":"release-all"}"#);
    assert_eq!(window.key(false), shift);
    key(&hand, SHIFT, true);
    assert_eq!(window.key(true), shift);
    drop(hand);
    assert_eq!(window.key(false), shift);
}

#[tokio::test]
async fn a_repeated_down_is_a_release_and_a_press_and_the_server_repeats_nothing() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let window = screen.window();
    let hand = desk.join(Role::Player, BOTH);
    key(&hand, 0x61, true);
    key(&hand, 0x61, true);
    let a = window.key(true);
    assert_eq!((window.key(false), window.key(true)), (a, a));
    let repeats = screen.x.get_keyboard_control().unwrap().reply().unwrap().global_auto_repeat;
    assert_eq!(repeats, x11rb::protocol::xproto::AutoRepeatMode::OFF);
}

#[tokio::test]
async fn what_a_dead_role_has_left_pressed_is_released() {
    let Some(screen) = Screen::start() else { return };
    let (shift, press_key, press_button) = (50, 2, 4);
    screen.x.xtest_fake_input(press_key, shift, 0, x11rb::NONE, 0, 0, 0).unwrap();
    screen.x.xtest_fake_input(press_button, 1, 0, x11rb::NONE, 0, 0, 0).unwrap();
    screen.x.sync().unwrap();
    let keys = || screen.x.query_keymap().unwrap().reply().unwrap().keys;
    let buttons = || u16::from(screen.x.query_pointer(screen.root).unwrap().reply().unwrap().mask) & 0x1f00;
    assert_ne!((keys(), buttons()), ([0; 32], 0));
    let _desk = screen.desk();
    assert_eq!((keys(), buttons()), ([0; 32], 0));
}
