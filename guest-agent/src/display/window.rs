//! Waiting for a window manager and for a window.

use x11rb::{
    connection::Connection as _,
    protocol::xproto::{
        AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, MapState, Window,
    },
};

use super::{DisplayError, Screen};

/// A window manager puts a client window into a frame, and some put the frame into another.
const MAX_DEPTH: usize = 3;
/// Bound on what is read of `WM_CLASS`, in units of four bytes.
const CLASS_LENGTH: u32 = 64;

impl Screen {
    /// Extended Window Manager Hints: `_NET_SUPPORTING_WM_CHECK` says that a manager is starting, but a window that is
    /// mapped then may fall between its first look and its taking over. The (empty) list of clients comes after that.
    pub(super) fn wait_for_window_manager(&self) -> Result<(), DisplayError> {
        let list = self.connection.intern_atom(false, b"_NET_CLIENT_LIST")?.reply()?.atom;
        self.listen(self.root, EventMask::PROPERTY_CHANGE)?;
        loop {
            let value =
                self.connection.get_property(false, self.root, list, AtomEnum::WINDOW, 0, 0)?.reply()?;
            if value.type_ != x11rb::NONE {
                return Ok(());
            }
            self.connection.wait_for_event()?;
        }
    }

    /// The client window, once it is on the screen.
    pub(super) fn wait_for_window(&self, class: &str) -> Result<Window, DisplayError> {
        self.listen(self.root, EventMask::SUBSTRUCTURE_NOTIFY)?;
        loop {
            if let Some(window) = self.find(self.root, class, MAX_DEPTH)? {
                // Inside a frame its mapping is no event of the root window.
                self.listen(window, EventMask::STRUCTURE_NOTIFY)?;
                let state = self.connection.get_window_attributes(window)?.reply()?.map_state;
                if state == MapState::VIEWABLE {
                    return Ok(window);
                }
            }
            self.connection.wait_for_event()?;
        }
    }

    fn listen(&self, window: Window, events: EventMask) -> Result<(), DisplayError> {
        let attributes = ChangeWindowAttributesAux::new().event_mask(events);
        self.connection.change_window_attributes(window, &attributes)?;
        Ok(self.connection.flush()?)
    }

    fn find(&self, parent: Window, class: &str, depth: usize) -> Result<Option<Window>, DisplayError> {
        for child in self.connection.query_tree(parent)?.reply()?.children {
            if self.has_class(child, class) {
                return Ok(Some(child));
            }
            // A window that is gone in the meantime has no children either.
            if depth > 1
                && let Ok(Some(found)) = self.find(child, class, depth - 1)
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// `WM_CLASS` is instance and class, each with a zero byte behind it (ICCCM section 4.1.2.5).
    fn has_class(&self, window: Window, wanted: &str) -> bool {
        let property = self
            .connection
            .get_property(false, window, AtomEnum::WM_CLASS, AtomEnum::STRING, 0, CLASS_LENGTH)
            .ok()
            .and_then(|cookie| cookie.reply().ok());
        property.is_some_and(|property| {
            property.value.split(|byte| *byte == 0).any(|name| name == wanted.as_bytes())
        })
    }
}
