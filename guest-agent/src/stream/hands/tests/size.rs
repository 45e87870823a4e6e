//! The page's size becomes the desktop's, under running programs.

use x11rb::{
    protocol::{
        Event,
        randr::ConnectionExt as _,
        xproto::{
            AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConnectionExt as _, EventMask, Window,
        },
    },
    wrapper::ConnectionExt as _,
};

use super::{
    super::{Hand, Role},
    screen::{BOTH, Screen, soon},
};

fn resize(hand: &Hand, width: u32, height: u32) {
    hand.receive(&format!(r#"{{"type":"resize","width":{width},"height":{height}}}"#));
}

async fn next(hand: &Hand, kind: &str) -> String {
    loop {
        let message = soon(hand.next()).await.unwrap();
        if message.contains(&format!(r#""type":"{kind}""#)) {
            return message;
        }
    }
}

fn root(screen: &Screen) -> (u16, u16) {
    let root = screen.x.get_geometry(screen.root).unwrap().reply().unwrap();
    (root.width, root.height)
}

/// The only window that the manager manages.
pub(super) fn client(screen: &Screen) -> Window {
    let list = screen.x.intern_atom(false, b"_NET_CLIENT_LIST").unwrap().reply().unwrap().atom;
    let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
    screen.x.change_window_attributes(screen.root, &watch).unwrap();
    loop {
        let clients = screen.x.get_property(false, screen.root, list, AtomEnum::WINDOW, 0, 8).unwrap();
        if let Some(client) = clients.reply().unwrap().value32().and_then(|mut clients| clients.next()) {
            return client;
        }
        screen.next(|event| matches!(event, Event::PropertyNotify(_)).then_some(()));
    }
}

/// As the button in the window's title does it.
fn maximise(screen: &Screen, window: Window) {
    let atom = |name: &[u8]| screen.x.intern_atom(false, name).unwrap().reply().unwrap().atom;
    let (add, by_a_pager) = (1, 2);
    let both = [atom(b"_NET_WM_STATE_MAXIMIZED_VERT"), atom(b"_NET_WM_STATE_MAXIMIZED_HORZ")];
    let data = [add, both[0], both[1], by_a_pager, 0];
    let message = ClientMessageEvent::new(32, window, atom(b"_NET_WM_STATE"), data);
    let to = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
    screen.x.send_event(false, screen.root, to, message).unwrap();
    screen.x.sync().unwrap();
}

#[tokio::test]
async fn a_maximised_terminal_follows_the_desktop_and_lives_on() {
    let Some(screen) = Screen::start() else { return };
    let _manager = screen.run("openbox", &["--sm-disable"]);
    soon(crate::display::has_window_manager(&screen.socket())).await.unwrap();
    let mut terminal = screen.run("xterm", &["-e", "sleep", "600"]);
    let client = client(&screen);
    let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
    screen.x.change_window_attributes(client, &watch).unwrap();
    screen.x.sync().unwrap();
    maximise(&screen, client);
    // Frames and whole characters make it a little smaller than the screen.
    let near = |have: u16, want: u16| have <= want && have + 60 > want;
    let fills = |width, height| loop {
        let size = screen.x.get_geometry(client).unwrap().reply().unwrap();
        if near(size.width, width) && near(size.height, height) {
            break;
        }
        screen.next(|event| matches!(event, Event::ConfigureNotify(_)).then_some(()));
    };
    fills(1600, 1200);

    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    let viewer = desk.join(Role::Viewer, BOTH);
    for (width, height) in [(1000, 700), (1280, 600), (640, 1000), (1600, 1200)] {
        resize(&hand, u32::from(width) + 1, height.into());
        let size = format!(r#"{{"type":"size","width":{width},"height":{height}}}"#);
        assert_eq!(next(&hand, "size").await, size);
        assert_eq!(next(&viewer, "size").await, size);
        fills(width, height);
        assert_eq!(root(&screen), (width, height));
    }
    assert!(terminal.0.try_wait().unwrap().is_none(), "the terminal has ended");
    // The server's own mode, and that of the last size but one perhaps.
    let modes = screen.x.randr_get_screen_resources_current(screen.root).unwrap().reply().unwrap().modes;
    assert!(modes.len() <= 2, "{}", modes.len());
}

#[tokio::test]
async fn a_size_beyond_the_server_s_is_as_large_as_can_be() {
    let Some(screen) = Screen::start() else { return };
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    resize(&hand, 800, 601);
    assert_eq!(next(&hand, "size").await, r#"{"type":"size","width":800,"height":600}"#);
    resize(&hand, 3840, 700);
    assert_eq!(next(&hand, "size").await, r#"{"type":"size","width":1600,"height":700}"#);
    assert!(next(&desk.join(Role::Viewer, BOTH), "hello").await.contains(r#""width":1600,"height":700"#));
}
