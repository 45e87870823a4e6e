//! Whether a window has been drawn: told by the X server's damage reports, decided on its pixels.

use x11rb::{
    connection::Connection as _,
    protocol::{
        damage::{ConnectionExt as _, ReportLevel},
        xproto::{ConnectionExt as _, ImageFormat, Window},
    },
};

use super::{DisplayError, Screen};

/// Text is drawn at the top first; this many rows of pixels are enough to see it.
const ROWS: u16 = 200;
/// Of a thousand pixels so many must differ from the background. One cursor on an empty terminal is half of one.
const INK_PER_MILLE: usize = 2;

impl Screen {
    pub(super) fn wait_for_paint(&self, window: Window) -> Result<(), DisplayError> {
        // The extension wants to be asked for its version before anything else.
        self.connection.damage_query_version(1, 1)?.reply()?;
        let damage =
            self.connection.generate_id().map_err(|_| x11rb::errors::ConnectionError::UnknownError)?;
        self.connection.damage_create(damage, window, ReportLevel::NON_EMPTY)?;
        loop {
            // Reports begin anew before the look, so that nothing is drawn unnoticed.
            self.connection.damage_subtract(damage, x11rb::NONE, x11rb::NONE)?;
            let size = self.connection.get_geometry(window)?.reply()?;
            let all_planes = u32::MAX;
            let image = self.connection.get_image(
                ImageFormat::Z_PIXMAP,
                window,
                0,
                0,
                size.width,
                size.height.min(ROWS),
                all_planes,
            )?;
            // It fails while the window reaches over the edge of the screen; the next report comes.
            if image.reply().is_ok_and(|image| is_drawn(&image.data)) {
                return Ok(());
            }
            self.connection.wait_for_event()?;
        }
    }
}

/// Whether there is more to see than a background and a cursor. Pixels are four bytes.
fn is_drawn(pixels: &[u8]) -> bool {
    let pixels = pixels.as_chunks::<4>().0;
    let background = most_common(pixels);
    let ink = pixels.iter().filter(|pixel| **pixel != background).count();
    ink > 0 && ink * 1000 >= pixels.len() * INK_PER_MILLE
}

/// The majority, when there is one (Boyer and Moore's vote); a picture without one is drawn for certain.
fn most_common(pixels: &[[u8; 4]]) -> [u8; 4] {
    let (mut candidate, mut lead) = ([0; 4], 0_usize);
    for pixel in pixels {
        if lead == 0 {
            candidate = *pixel;
        }
        lead = if *pixel == candidate { lead + 1 } else { lead - 1 };
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 640 by 200 with the first `ink` pixels white on black.
    fn picture(ink: usize) -> Vec<u8> {
        (0..640 * 200).flat_map(|at| if at < ink { [255; 4] } else { [0; 4] }).collect()
    }

    #[test]
    fn an_empty_window_and_one_with_a_cursor_are_not_drawn() {
        assert!(!is_drawn(&picture(0)));
        assert!(!is_drawn(&picture(9 * 18)));
    }

    #[test]
    fn a_line_of_text_is_drawn_whatever_is_background() {
        assert!(is_drawn(&picture(400)));
        assert!(is_drawn(&picture(640 * 200 - 400)));
    }

    #[test]
    fn nothing_is_not_drawn() {
        assert!(!is_drawn(&[]));
    }
}
