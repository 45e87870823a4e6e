//! What happens on the screen while it is measured, played by this program started a second time, so that its time is not
//! counted, and by an Xvfb that ends with it.

use std::{
    error::Error,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use x11rb::{
    COPY_DEPTH_FROM_PARENT,
    connection::Connection as _,
    protocol::xproto::{
        ConnectionExt as _, CreateGCAux, CreateWindowAux, Gcontext, ImageFormat, Window, WindowClass,
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

/// With its value in the environment this program plays instead of measuring.
const PLAY: &str = "BENCH_CAPTURE_PLAY";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    /// A character every 100 ms.
    Typing,
    /// A page of text moves up by 48 pixels, 30 times a second, and new lines appear.
    Scrolling,
    /// 640 by 360 of moving gradients, 30 times a second.
    Video,
    /// The whole screen at random, 30 times a second.
    Noise,
    Idle,
}

pub(crate) const SCENES: [Scene; 5] =
    [Scene::Typing, Scene::Scrolling, Scene::Video, Scene::Noise, Scene::Idle];

/// A program that ends with this value.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) struct Server {
    _process: Running,
    display: String,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        if let Ok(scene) = std::env::var(PLAY) {
            play(&scene)?;
            std::process::exit(0);
        }
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("Xvfb has no output")?;
        let process = Running(process);
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { _process: process, display: format!(":{}", line.trim()) })
    }

    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// Starts the scene and waits until its first picture is there.
    pub(crate) fn play(&self, scene: Scene) -> Result<Running, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(PLAY, format!("{scene:?}")).env("DISPLAY", &self.display).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut output = process.stdout.take().ok_or("the scene has no output")?;
        let process = Running(process);
        output.read_exact(&mut [0])?;
        Ok(process)
    }
}

struct Stage {
    connection: RustConnection,
    window: Window,
    gc: Gcontext,
    /// xorshift64: the same noise in every run.
    random: u64,
}

fn play(name: &str) -> Result<(), Box<dyn Error>> {
    let scene = SCENES.into_iter().find(|scene| format!("{scene:?}") == name).ok_or("no such scene")?;
    let mut stage = Stage::new()?;
    for line in 0..50 {
        stage.text(line, 16)?;
    }
    stage.connection.sync()?;
    println!("ready");
    let interval = Duration::from_millis(if scene == Scene::Typing { 100 } else { 33 });
    let begin = Instant::now();
    for frame in 0_u32.. {
        match scene {
            Scene::Typing => stage.key(frame)?,
            Scene::Scrolling => stage.scroll(frame)?,
            Scene::Video => stage.picture(320, 200, 640, 360, frame, false)?,
            Scene::Noise => stage.picture(0, 0, 1280, 800, frame, true)?,
            Scene::Idle => {}
        }
        stage.connection.sync()?;
        std::thread::sleep((interval * (frame + 1)).saturating_sub(begin.elapsed()));
    }
    Ok(())
}

impl Stage {
    fn new() -> Result<Self, Box<dyn Error>> {
        let (connection, number) = x11rb::connect(None)?;
        let screen = &connection.setup().roots[number];
        let (window, gc, font) =
            (connection.generate_id()?, connection.generate_id()?, connection.generate_id()?);
        let look = CreateWindowAux::new().background_pixel(screen.white_pixel).override_redirect(1);
        connection.create_window(
            COPY_DEPTH_FROM_PARENT,
            window,
            screen.root,
            0,
            0,
            1280,
            800,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::NONE,
            &look,
        )?;
        connection.map_window(window)?;
        connection.open_font(font, b"fixed")?;
        let look =
            CreateGCAux::new().font(font).foreground(0x20_2020).background(0xff_ffff).graphics_exposures(0);
        connection.create_gc(gc, window, &look)?;
        connection.sync()?;
        Ok(Self { connection, window, gc, random: 0x9e37_79b9_7f4a_7c15 })
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// A line of words.
    fn text(&mut self, line: i16, height: i16) -> Result<(), Box<dyn Error>> {
        let letters: Vec<u8> =
            (0..200).map(|_| b"etaoinshrdlu cmfwyp  "[(self.next() % 21) as usize]).collect();
        self.connection.image_text8(self.window, self.gc, 8, line * height + 13, &letters)?;
        Ok(())
    }

    fn key(&mut self, frame: u32) -> Result<(), Box<dyn Error>> {
        let (column, line) = ((frame % 200) as i16, (frame / 200 % 50) as i16);
        let letter = [b'a' + (self.next() % 26) as u8];
        self.connection.image_text8(self.window, self.gc, 8 + column * 6, line * 16 + 13, &letter)?;
        Ok(())
    }

    fn scroll(&mut self, _frame: u32) -> Result<(), Box<dyn Error>> {
        const STEP: i16 = 48;
        let rest = 800 - STEP.unsigned_abs();
        self.connection.copy_area(self.window, self.window, self.gc, 0, STEP, 0, 0, 1280, rest)?;
        self.connection.clear_area(false, self.window, 0, 800 - STEP, 1280, STEP.unsigned_abs())?;
        (47..50).try_for_each(|line| self.text(line, 16))
    }

    /// A rectangle of moving gradients, or of noise.
    fn picture(
        &mut self,
        x: i16,
        y: i16,
        width: u16,
        height: u16,
        frame: u32,
        noise: bool,
    ) -> Result<(), Box<dyn Error>> {
        let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 4);
        for row in 0..u32::from(height) {
            for column in 0..u32::from(width) {
                let pixel = if noise {
                    u32::try_from(self.next() >> 32)?
                } else {
                    let wave = (column + frame * 7) ^ (row + frame * 3);
                    (wave & 0xff) << 16
                        | ((column * 255 / u32::from(width) + frame * 2) & 0xff) << 8
                        | (row & 0xff)
                };
                pixels.extend_from_slice(&pixel.to_le_bytes());
            }
        }
        // In strips that fit into a request.
        for (strip, rows) in pixels.chunks(usize::from(width) * 4 * 40).enumerate() {
            let lines = rows.len() / (usize::from(width) * 4);
            self.connection.put_image(
                ImageFormat::Z_PIXMAP,
                self.window,
                self.gc,
                width,
                u16::try_from(lines)?,
                x,
                y + i16::try_from(strip * 40)?,
                0,
                24,
                rows,
            )?;
        }
        Ok(())
    }
}
