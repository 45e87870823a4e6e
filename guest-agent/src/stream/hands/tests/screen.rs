//! An X server of a test's own, programs on it, and a window that notes what comes.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, poll};
use std::os::fd::AsFd as _;
use x11rb::{
    connection::Connection as _,
    protocol::{
        Event,
        xproto::{ConnectionExt as _, CreateWindowAux, EventMask, Window, WindowClass},
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

use anteroom_protocol::desk::Directions;

use super::super::Desk;

const PATIENCE_MS: u16 = 30_000;

pub(super) const BOTH: Directions = Directions::BOTH;

/// Ends with the test, whatever becomes of that.
pub(super) struct Running(pub(super) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) struct Screen {
    _server: Running,
    pub(super) display: String,
    /// The test's own client.
    pub(super) x: RustConnection,
    pub(super) root: Window,
}

pub(super) struct Noting<'a> {
    screen: &'a Screen,
    pub(super) window: Window,
}

pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    let patience = Duration::from_millis(PATIENCE_MS.into());
    tokio::time::timeout(patience, future).await.expect("it takes too long")
}

impl Screen {
    /// `None`, and a line in the report, where there is no Xvfb.
    pub(super) fn start() -> Option<Self> {
        let mut server = Command::new("Xvfb");
        server
            .args(["-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"])
            .args(["-extension", "GLX", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = match server.spawn() {
            Ok(server) => Running(server),
            Err(error) => {
                eprintln!("SKIPPED: Xvfb cannot be started here: {error} (./setup.sh test installs it)");
                return None;
            }
        };
        // It says its number when it listens.
        let mut number = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        let (x, screen) = RustConnection::connect(Some(&display)).unwrap();
        let root = x.setup().roots[screen].root;
        Some(Self { _server: server, display, x, root })
    }

    pub(super) fn desk(&self) -> Arc<Desk> {
        Desk::open(&self.display).unwrap()
    }

    pub(super) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env("DISPLAY", &self.display).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Running {
        Running(self.command(program, arguments).spawn().unwrap_or_else(|error| panic!("{program}: {error}")))
    }

    /// Runs it to its end.
    pub(super) fn call(&self, program: &str, arguments: &[&str]) {
        assert!(self.command(program, arguments).status().unwrap().success(), "{program} {arguments:?}");
    }

    pub(super) fn socket(&self) -> PathBuf {
        format!("/tmp/.X11-unix/X{}", &self.display[1..]).into()
    }

    /// A window of 300 by 200 at 200, 150, without a manager, that has the keyboard.
    pub(super) fn window(&self) -> Noting<'_> {
        let window = self.x.generate_id().unwrap();
        let events = EventMask::KEY_PRESS
            | EventMask::KEY_RELEASE
            | EventMask::BUTTON_PRESS
            | EventMask::BUTTON_RELEASE
            | EventMask::STRUCTURE_NOTIFY;
        let looks = CreateWindowAux::new().event_mask(events).override_redirect(1);
        let (depth, class) = (x11rb::COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
        self.x.create_window(depth, window, self.root, 200, 150, 300, 200, 0, class, 0, &looks).unwrap();
        self.x.map_window(window).unwrap();
        self.next(|event| matches!(event, Event::MapNotify(_)).then_some(()));
        let now = x11rb::CURRENT_TIME;
        self.x.set_input_focus(x11rb::protocol::xproto::InputFocus::PARENT, window, now).unwrap();
        self.x.sync().unwrap();
        Noting { screen: self, window }
    }

    /// The first event that is looked for; others are forgotten.
    pub(super) fn next<T>(&self, mut look: impl FnMut(&Event) -> Option<T>) -> T {
        self.x.flush().unwrap();
        loop {
            while let Some(event) = self.x.poll_for_event().unwrap() {
                if let Some(found) = look(&event) {
                    return found;
                }
            }
            let mut ready = [PollFd::new(self.x.stream().as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut ready, PATIENCE_MS).unwrap(), 1, "it takes too long");
        }
    }

    /// What this key bears now, without modifiers.
    pub(super) fn keysym(&self, keycode: u8) -> u32 {
        self.x.get_keyboard_mapping(keycode, 1).unwrap().reply().unwrap().keysyms[0]
    }
}

impl Noting<'_> {
    /// The keycode of the next press or release.
    pub(super) fn key(&self, down: bool) -> u8 {
        self.screen.next(|event| match event {
            Event::KeyPress(event) if down => Some(event.detail),
            Event::KeyRelease(event) if !down => Some(event.detail),
            _ => None,
        })
    }

    /// The next press of a button, and where on the screen.
    pub(super) fn press(&self) -> (u8, i16, i16) {
        self.screen.next(|event| match event {
            Event::ButtonPress(event) => Some((event.detail, event.root_x, event.root_y)),
            _ => None,
        })
    }

    pub(super) fn release(&self) -> u8 {
        self.screen.next(|event| match event {
            Event::ButtonRelease(event) => Some(event.detail),
            _ => None,
        })
    }
}
