//! Against real X servers, each test with its own; the report says so when this machine has no Xvfb.

mod browser;
mod clipboard;
mod keys;
mod pointer;
mod screen;
mod size;

use anteroom_protocol::desk::WIDTH;

use self::screen::{BOTH, Screen, soon};
use super::*;

#[tokio::test]
async fn control_is_handed_over_between_two_pages() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let (a, b) = (desk.join(Role::Player, BOTH), desk.join(Role::Player, BOTH));
    assert!(soon(a.next()).await.unwrap().contains(r#""control":"mine""#));
    assert!(soon(b.next()).await.unwrap().contains(r#""control":"other""#));
    let window = screen.window();
    a.receive(r#"{"type":"key","keysym":65505,"down":true}"#);
    let shift = window.key(true);
    a.receive(r#"{"type":"release-control"}"#);
    assert_eq!(window.key(false), shift, "what was held is let go");
    b.receive(r#"{"type":"key","keysym":97,"down":true}"#);
    b.receive(r#"{"type":"take-control"}"#);
    b.receive(r#"{"type":"key","keysym":98,"down":true}"#);
    assert_eq!(screen.keysym(window.key(true)), 98, "the first came before control did");
    drop(b);
    assert_eq!(screen.keysym(window.key(false)), 98);
}

#[tokio::test]
async fn hostile_messages_are_refused_and_the_desk_lives_on() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    assert!(soon(hand.next()).await.unwrap().contains("hello"));
    let terminate_server = r#"{"type":"key","keysym":65237,"down":true}"#;
    let too_wide = format!(r#"{{"type":"resize","width":{},"height":800}}"#, WIDTH.end() + 1);
    let far = r#"{"type":"pointer","x":-65535,"y":65535}"#;
    for text in
        ["", "null", "[[[[", r#"{"type":"exec"}"#, terminate_server, &too_wide, far, &"x".repeat(3 << 20)]
    {
        hand.receive(text);
    }
    let window = screen.window();
    hand.receive(r#"{"type":"key","keysym":97,"down":true}"#);
    hand.receive(r#"{"type":"key","keysym":97,"down":true}"#);
    assert_eq!(screen.keysym(window.key(true)), 97);
    let mut refusals = 0;
    while refusals < 4 {
        refusals += usize::from(soon(hand.next()).await.unwrap().contains("refused"));
    }
}

#[tokio::test]
async fn the_page_hears_of_the_end_of_the_desktop() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let hand = desk.join(Role::Viewer, BOTH);
    drop(screen);
    // The role ends with it (`without_hands`), and is started again for the screen that there is then.
    soon(desk.ended()).await;
    soon(async { while hand.next().await.is_some() {} }).await;
    assert!(soon(desk.join(Role::Viewer, BOTH).next()).await.is_some(), "who comes later is greeted");
}
