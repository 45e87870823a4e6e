//! An X server of the test's own, and somebody who paints on it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use x11rb::{
    COPY_DEPTH_FROM_PARENT,
    connection::Connection as _,
    protocol::{
        randr::ConnectionExt as _,
        res::ConnectionExt as _,
        xproto::{
            ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Gcontext, Rectangle,
            Window, WindowClass,
        },
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

/// Ends with its value, also when the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) struct Server {
    _process: Running,
    display: String,
    connection: RustConnection,
    root: Window,
    window: Window,
    gc: Gcontext,
}

impl Server {
    /// `None` when this machine has no Xvfb. The screen is 1280 by 800, black, with a window that covers it.
    pub(super) fn start() -> Option<Self> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]);
        let mut process = match command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() {
            Ok(process) => process,
            Err(error) => {
                eprintln!("SKIPPED: Xvfb cannot be started here: {error}");
                return None;
            }
        };
        let output = process.stdout.take().unwrap();
        let process = Running(process);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        let display = format!(":{}", line.trim());
        let (connection, _) = x11rb::connect(Some(&display)).unwrap();
        let root = connection.setup().roots[0].root;
        let [window, gc, font] = [(); 3].map(|()| connection.generate_id().unwrap());
        let look = CreateWindowAux::new().background_pixel(0).override_redirect(1);
        connection
            .create_window(
                COPY_DEPTH_FROM_PARENT,
                window,
                root,
                0,
                0,
                1280,
                800,
                0,
                WindowClass::INPUT_OUTPUT,
                x11rb::NONE,
                &look,
            )
            .unwrap();
        connection.map_window(window).unwrap();
        connection.open_font(font, b"fixed").unwrap();
        connection.create_gc(gc, window, &CreateGCAux::new().font(font).background(0xff_ffff)).unwrap();
        connection.sync().unwrap();
        Some(Self { _process: process, display, connection, root, window, gc })
    }

    pub(super) fn display(&self) -> &str {
        &self.display
    }

    pub(super) fn fill(&self, colour: u32, x: i16, y: i16, width: u16, height: u16) {
        self.colour(colour);
        let area = Rectangle { x, y, width, height };
        self.connection.poly_fill_rectangle(self.window, self.gc, &[area]).unwrap();
        self.connection.sync().unwrap();
    }

    /// A white arrow.
    pub(super) fn pointer_at(&self, x: i16, y: i16) {
        let [font, cursor] = [(); 2].map(|()| self.connection.generate_id().unwrap());
        self.connection.open_font(font, b"cursor").unwrap();
        let (white, black) = (u16::MAX, 0);
        // XC_left_ptr and its mask (X11/cursorfont.h).
        self.connection
            .create_glyph_cursor(cursor, font, font, 68, 69, white, white, white, black, black, black)
            .unwrap();
        let look = ChangeWindowAttributesAux::new().cursor(cursor);
        self.connection.change_window_attributes(self.window, &look).unwrap();
        self.connection.warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y).unwrap();
        self.connection.sync().unwrap();
    }

    pub(super) fn page_of_text(&self) {
        self.colour(0x20_2020);
        for line in 0..50_u8 {
            let text: Vec<u8> = (0..200_u8).map(|at| b' ' + at.wrapping_mul(line + 7) % 95).collect();
            let y = i16::from(line) * 16 + 13;
            self.connection.image_text8(self.window, self.gc, 8, y, &text).unwrap();
        }
        self.connection.sync().unwrap();
    }

    pub(super) fn move_pointer(&self, x: i16, y: i16) {
        self.connection.warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y).unwrap();
        self.connection.sync().unwrap();
    }

    /// Through RandR, as a program that fits the desktop to a page does it.
    pub(super) fn resize(&self, width: u16, height: u16) {
        let resources = self.connection.randr_get_screen_resources(self.root).unwrap().reply().unwrap();
        for crtc in resources.crtcs {
            self.connection
                .randr_set_crtc_config(
                    crtc,
                    0,
                    0,
                    0,
                    0,
                    x11rb::NONE,
                    x11rb::protocol::randr::Rotation::ROTATE0,
                    &[],
                )
                .unwrap()
                .reply()
                .unwrap();
        }
        self.connection.randr_set_screen_size(self.root, width, height, 300, 200).unwrap().check().unwrap();
    }

    /// How many programs are connected, this one included.
    pub(super) fn clients(&self) -> usize {
        self.connection.res_query_version(1, 2).unwrap();
        self.connection.res_query_clients().unwrap().reply().unwrap().clients.len()
    }

    fn colour(&self, colour: u32) {
        let look = x11rb::protocol::xproto::ChangeGCAux::new().foreground(colour);
        self.connection.change_gc(self.gc, &look).unwrap();
    }
}
