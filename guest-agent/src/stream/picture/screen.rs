//! The X server's side: what has changed on the root window (DAMAGE), its pixels (MIT-SHM), its size.
//!
//! An image of the root window holds what the windows show and not the pointer, which the server draws on top of it.

use std::{
    io,
    num::NonZeroUsize,
    os::fd::{AsFd as _, BorrowedFd},
};

use x11rb::{
    connection::{Connection as _, RequestConnection as _},
    errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError},
    protocol::{
        Event,
        damage::{self, ConnectionExt as _, ReportLevel},
        shm::{self, ConnectionExt as _},
        xfixes::{self, ConnectionExt as _},
        xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, ImageFormat, ImageOrder, Window},
    },
    rust_connection::RustConnection,
};

use super::{
    canvas::PIXEL,
    pointer::Pointer,
    segment::Segment,
    tiles::{Area, Size, Tiles},
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ScreenError {
    #[error("the X server refuses the connection")]
    Refused(#[from] ConnectError),
    #[error("the connection to the X server is lost")]
    Lost(#[from] ConnectionError),
    #[error("the X server refuses a request")]
    Reply(#[from] ReplyError),
    #[error("the X server hands out no more ids")]
    Ids(#[source] ReplyOrIdError),
    #[error("the X server has no extension {0}")]
    NoExtension(&'static str),
    #[error("pixels of depth {depth} are not four bytes of blue, green and red")]
    Pixels { depth: u8 },
    #[error("a screen of {width} by {height} cannot be shown")]
    Size { width: u16, height: u16 },
    #[error("there is no memory to share with the X server")]
    Memory(#[source] io::Error),
}

impl From<ReplyOrIdError> for ScreenError {
    fn from(error: ReplyOrIdError) -> Self {
        match error {
            ReplyOrIdError::ConnectionError(error) => Self::Lost(error),
            ReplyOrIdError::X11Error(error) => Self::Reply(ReplyError::X11Error(error)),
            exhausted @ ReplyOrIdError::IdsExhausted => Self::Ids(exhausted),
        }
    }
}

/// What the server has told since the last question.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct News {
    pub(super) damaged: bool,
    pub(super) resized: bool,
}

pub(super) struct Screen {
    connection: RustConnection,
    root: Window,
    size: Size,
    damage: damage::Damage,
    region: xfixes::Region,
    shared: shm::Seg,
    segment: Segment,
}

impl Screen {
    /// Connects to the display (`:1`) and asks to be told of damage from now on; the first picture is all damage.
    pub(super) fn open(display: &str) -> Result<Self, ScreenError> {
        let (connection, number) = x11rb::connect(Some(display))?;
        let root = check_pixels(&connection, number)?;
        for name in [damage::X11_EXTENSION_NAME, shm::X11_EXTENSION_NAME, xfixes::X11_EXTENSION_NAME] {
            connection.extension_information(name)?.ok_or(ScreenError::NoExtension(name))?;
        }
        // DAMAGE and XFIXES want to be asked for their versions before anything else.
        let damage_version = connection.damage_query_version(1, 1)?;
        let fixes_version = connection.xfixes_query_version(5, 0)?;
        let shm_version = connection.shm_query_version()?;
        damage_version.reply()?;
        fixes_version.reply()?;
        let shm_version = shm_version.reply()?;
        if (shm_version.major_version, shm_version.minor_version) < (1, 2) {
            return Err(ScreenError::NoExtension("MIT-SHM 1.2"));
        }
        let structure = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        connection.change_window_attributes(root, &structure)?;
        let damage = connection.generate_id()?;
        connection.damage_create(damage, root, ReportLevel::NON_EMPTY)?.check()?;
        let region = connection.generate_id()?;
        connection.xfixes_create_region(region, &[])?;
        // After the request for events, so that no change of size is lost.
        let size = root_size(&connection, root)?;
        let (shared, segment) = share(&connection, size)?;
        Ok(Self { connection, root, size, damage, region, shared, segment })
    }

    /// What to wait on for news.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.connection.stream().as_fd()
    }

    /// Of the picture.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// What has happened since the last call; does not wait. Call it once more before waiting on the descriptor: the
    /// other calls may have read news on their way to an answer.
    pub(super) fn news(&self) -> Result<News, ScreenError> {
        let mut news = News::default();
        while let Some(event) = self.connection.poll_for_event()? {
            match event {
                Event::DamageNotify(_) => news.damaged = true,
                Event::ConfigureNotify(event) => news.resized |= event.window == self.root,
                // Of a request whose answer nobody waited for: the next one that matters will say so.
                Event::Error(error) => tracing::debug!(?error, "the X server complains"),
                _ => {}
            }
        }
        self.connection.flush()?;
        Ok(news)
    }

    /// Takes over the size that the root window has now. Says whether it is another one.
    pub(super) fn resize(&mut self) -> Result<bool, ScreenError> {
        let size = root_size(&self.connection, self.root)?;
        if size == self.size {
            return Ok(false);
        }
        self.connection.shm_detach(self.shared)?;
        (self.shared, self.segment) = share(&self.connection, size)?;
        self.size = size;
        Ok(true)
    }

    /// Adds what has been damaged since the last call to `tiles`. Reports begin anew before the look at the pixels, so
    /// that nothing is drawn unnoticed.
    pub(super) fn take_damage(&self, tiles: &mut Tiles) -> Result<(), ScreenError> {
        self.connection.damage_subtract(self.damage, x11rb::NONE, self.region)?;
        let region = self.connection.xfixes_fetch_region(self.region)?.reply()?;
        for part in region.rectangles {
            tiles.touch(part.x, part.y, part.width, part.height);
        }
        Ok(())
    }

    /// Where the pointer is, and its shape.
    pub(super) fn pointer(&self) -> Result<Pointer, ScreenError> {
        match self.connection.xfixes_get_cursor_image()?.reply() {
            Ok(image) => Ok(Pointer::of(image)),
            // There may be none.
            Err(ReplyError::X11Error(_)) => Ok(Pointer::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads these areas and hands each to `take`, BGRX without gaps. `false` when the screen has become smaller in the
    /// meantime; the news will say so.
    pub(super) fn read(
        &self,
        areas: &[Area],
        mut take: impl FnMut(Area, &[u8]),
    ) -> Result<bool, ScreenError> {
        let mut offset = 0;
        let mut answers = Vec::with_capacity(areas.len());
        let mut places = Vec::with_capacity(areas.len());
        for area in areas {
            let length = usize::from(area.width) * usize::from(area.height) * PIXEL;
            answers.push(self.ask(*area, offset)?);
            places.push(offset..offset + length);
            offset += length;
        }
        for answer in answers {
            match answer.reply() {
                Ok(_) => {}
                Err(ReplyError::X11Error(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        let bytes = self.segment.bytes();
        for (area, place) in areas.iter().zip(places) {
            take(*area, &bytes[place]);
        }
        Ok(true)
    }

    fn ask(
        &self,
        area: Area,
        offset: usize,
    ) -> Result<x11rb::cookie::Cookie<'_, RustConnection, shm::GetImageReply>, ScreenError> {
        let (left, top) = (i16::try_from(area.left), i16::try_from(area.top));
        Ok(self.connection.shm_get_image(
            self.root,
            left.unwrap_or(i16::MAX),
            top.unwrap_or(i16::MAX),
            area.width,
            area.height,
            u32::MAX, // all planes
            ImageFormat::Z_PIXMAP.into(),
            self.shared,
            u32::try_from(offset).unwrap_or(u32::MAX),
        )?)
    }
}

/// The root window, when its pixels are four bytes, blue first.
fn check_pixels(connection: &RustConnection, number: usize) -> Result<Window, ScreenError> {
    let setup = connection.setup();
    let screen = setup.roots.get(number).ok_or(ConnectError::InvalidScreen)?;
    let depth = screen.root_depth;
    let wide = setup.pixmap_formats.iter().any(|format| format.depth == depth && format.bits_per_pixel == 32);
    let red_first = screen
        .allowed_depths
        .iter()
        .flat_map(|depth| &depth.visuals)
        .any(|visual| visual.visual_id == screen.root_visual && visual.red_mask == 0xff_0000);
    if wide && red_first && setup.image_byte_order == ImageOrder::LSB_FIRST {
        Ok(screen.root)
    } else {
        Err(ScreenError::Pixels { depth })
    }
}

fn root_size(connection: &RustConnection, root: Window) -> Result<Size, ScreenError> {
    let x11rb::protocol::xproto::GetGeometryReply { width, height, .. } =
        connection.get_geometry(root)?.reply()?;
    Size::shown_of(width, height).ok_or(ScreenError::Size { width, height })
}

/// Memory for one picture, mapped here and by the server.
fn share(connection: &RustConnection, size: Size) -> Result<(shm::Seg, Segment), ScreenError> {
    let bytes = usize::from(size.width()) * usize::from(size.height()) * PIXEL;
    let length = NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN);
    let (segment, file) = Segment::new(length).map_err(ScreenError::Memory)?;
    let shared = connection.generate_id()?;
    connection.shm_attach_fd(shared, file, false)?.check()?;
    Ok((shared, segment))
}
