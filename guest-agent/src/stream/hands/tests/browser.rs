//! The browser of the guest, which reads keys in its own way: what is typed arrives there too.

use x11rb::{
    protocol::{
        Event,
        xproto::{AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask},
    },
    wrapper::ConnectionExt as _,
};

use super::{
    super::Role,
    clipboard::{given, set},
    keys::{TEXT, key, keysyms, type_text},
    screen::{BOTH, Screen, soon},
    size::client,
};

/// A page whose title is what was typed, between two words of its own. A title has no two spaces in a row.
const PAGE: &str = "data:text/html,<title>empty</title><textarea autofocus style='width:90vw;height:80vh' \
                    oninput='document.title=\"have \"+this.value+\" end\"'></textarea>";

#[tokio::test]
async fn typed_text_appears_in_the_browser() {
    let Some(screen) = Screen::start() else { return };
    let _manager = screen.run("openbox", &["--sm-disable"]);
    soon(crate::display::has_window_manager(&screen.socket())).await.unwrap();
    let profile = tempfile::tempdir().unwrap();
    let data = format!("--user-data-dir={}", profile.path().display());
    let app = format!("--app={PAGE}");
    let arguments =
        ["--no-sandbox", "--no-first-run", "--disable-gpu", "--password-store=basic", &data, &app];
    let mut browser = screen.command("chromium", &arguments);
    let Ok(browser) = browser.spawn() else {
        eprintln!("SKIPPED: chromium is missing (./setup.sh test installs it)");
        return;
    };
    let _browser = super::screen::Running(browser);
    let window = client(&screen);
    let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
    screen.x.change_window_attributes(window, &watch).unwrap();
    screen.x.sync().unwrap();
    let name = screen.x.intern_atom(false, b"_NET_WM_NAME").unwrap().reply().unwrap().atom;
    let title = |wanted: &str| loop {
        let title =
            screen.x.get_property(false, window, name, AtomEnum::ANY, 0, 1024).unwrap().reply().unwrap();
        let title = String::from_utf8_lossy(&title.value).into_owned();
        if title.contains(wanted) {
            return;
        }
        eprintln!("the title is {title:?}");
        screen.next(|event| matches!(event, Event::PropertyNotify(_)).then_some(()));
    };
    title("empty");
    let desk = screen.desk();
    let hand = desk.join(Role::Player, BOTH);
    for down in [true, false] {
        hand.receive(&format!(r#"{{"type":"button","button":1,"down":{down},"x":800,"y":600}}"#));
    }
    type_text(&hand, TEXT);
    title(&format!("have {TEXT} end"));
    let many: String = (0x4e00..0x4e00 + 50).filter_map(char::from_u32).collect();
    type_text(&hand, &many);
    title(&format!("have {TEXT}{many} end"));
    // Shortcuts, in which the keysym is a plain letter.
    let control = 0xffe3;
    let shortcuts = |letters: &str| {
        for letter in keysyms(letters) {
            for (keysym, down) in [(control, true), (letter, true), (letter, false), (control, false)] {
                key(&hand, keysym, down);
            }
        }
    };
    shortcuts("ax");
    title("have end");
    assert_eq!(given(&hand).await, format!("{TEXT}{many}"));
    // The keys come right behind the text, and find it there.
    for (text, so_far) in [("first 漢", "first 漢"), (" second", "first 漢 second")] {
        set(&hand, text);
        shortcuts("v");
        title(&format!("have {so_far} end"));
    }
}
