//! The one connection to the X server, and what the parts of this role need of it.

use x11rb::{
    connection::{Connection as _, RequestConnection as _},
    errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError},
    protocol::{randr, xfixes, xkb, xproto::Window, xtest, xtest::ConnectionExt as _},
    rust_connection::RustConnection,
};

use crate::display::DisplayError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    #[error("the X server cannot be reached")]
    Unreachable(#[from] ConnectError),
    #[error("the X server has no extension {0}")]
    Missing(&'static str),
    #[error("the connection to the X server is lost")]
    Lost(#[from] ConnectionError),
    #[error("the X server refuses a request")]
    Refused(#[source] ReplyError),
    #[error("the X server has no id left")]
    NoId,
    #[error("the screen's size")]
    Display(#[from] DisplayError),
    #[error("the thread of the desktop's input")]
    Thread(#[from] std::io::Error),
}

impl From<ReplyError> for DeskError {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(error) => Self::Lost(error),
            error @ ReplyError::X11Error(_) => Self::Refused(error),
        }
    }
}

impl From<ReplyOrIdError> for DeskError {
    fn from(error: ReplyOrIdError) -> Self {
        match error {
            ReplyOrIdError::IdsExhausted => Self::NoId,
            ReplyOrIdError::ConnectionError(error) => Self::Lost(error),
            ReplyOrIdError::X11Error(error) => Self::Refused(ReplyError::X11Error(error)),
        }
    }
}

#[derive(Debug)]
pub(super) struct X {
    pub(super) connection: RustConnection,
    pub(super) root: Window,
}

/// What XTEST calls its kinds of input: the codes of the core events (`X.h`).
#[derive(Debug, Clone, Copy)]
pub(super) enum Fake {
    KeyPress = 2,
    KeyRelease = 3,
    ButtonPress = 4,
    ButtonRelease = 5,
}

impl X {
    pub(super) fn connect(display: &str) -> Result<Self, DeskError> {
        let (connection, screen) = RustConnection::connect(Some(display))?;
        for (name, shown) in [
            (xtest::X11_EXTENSION_NAME, "XTEST"),
            (xkb::X11_EXTENSION_NAME, "XKEYBOARD"),
            (xfixes::X11_EXTENSION_NAME, "XFIXES"),
            (randr::X11_EXTENSION_NAME, "RANDR"),
        ] {
            connection.extension_information(name)?.ok_or(DeskError::Missing(shown))?;
        }
        let root = connection.setup().roots.get(screen).map_or(x11rb::NONE, |screen| screen.root);
        Ok(Self { connection, root })
    }

    /// As if a key or a button had been pressed or released, at once.
    pub(super) fn fake(&self, what: Fake, detail: u8) -> Result<(), DeskError> {
        self.connection.xtest_fake_input(what as u8, detail, x11rb::CURRENT_TIME, x11rb::NONE, 0, 0, 0)?;
        Ok(())
    }

    /// As if the pointer had been moved to this pixel of the root window.
    pub(super) fn fake_motion(&self, x: i16, y: i16) -> Result<(), DeskError> {
        let (motion, absolute) = (6, 0);
        self.connection.xtest_fake_input(motion, absolute, x11rb::CURRENT_TIME, self.root, x, y, 0)?;
        Ok(())
    }
}
