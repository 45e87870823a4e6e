//! The shape of the pointer, for the page to draw: a cursor in the picture would lag behind the hand.

#[cfg(test)]
mod tests;

use anteroom_protocol::desk::{DeskMessage, MAX_CURSOR};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};

use super::x::{DeskError, X};

/// From now on the server tells when the shape changes.
pub(super) fn watch(x: &X) -> Result<(), DeskError> {
    x.connection.xfixes_select_cursor_input(x.root, CursorNotifyMask::DISPLAY_CURSOR)?;
    Ok(())
}

/// The shape of now, as a message.
pub(super) fn message(x: &X) -> Result<String, DeskError> {
    Ok(shape(&x.connection.xfixes_get_cursor_image()?.reply()?))
}

/// A cursor that is larger than a page takes is shown smaller, every so many pixels of it.
fn shape(image: &GetCursorImageReply) -> String {
    let (width, height) = (image.width, image.height);
    let visible = image.cursor_image.iter().any(|pixel| pixel >> 24 != 0);
    if !visible || image.cursor_image.len() < usize::from(width) * usize::from(height) {
        return DeskMessage::Cursor { width: 0, height: 0, x: 0, y: 0, rgba: "" }.to_json();
    }
    let step = width.max(height).div_ceil(MAX_CURSOR).max(1);
    let rows = image.cursor_image.chunks_exact(width.into()).take(height.into()).step_by(step.into());
    let pixels = rows.flat_map(|row| row.iter().step_by(step.into()));
    let rgba: Vec<u8> = pixels.flat_map(|pixel| straight(*pixel)).collect();
    let (width, height) = (width.div_ceil(step), height.div_ceil(step));
    let (x, y) = ((image.xhot / step).min(width - 1), (image.yhot / step).min(height - 1));
    DeskMessage::Cursor { width, height, x, y, rgba: &STANDARD.encode(rgba) }.to_json()
}

/// XFixes has colours multiplied by their opacity, and the page's canvas wants them plain.
fn straight(pixel: u32) -> [u8; 4] {
    let [blue, green, red, alpha] = pixel.to_le_bytes();
    let plain = |colour: u8| {
        let (colour, alpha) = (u32::from(colour), u32::from(alpha));
        let value = (colour * 255 + alpha / 2).checked_div(alpha).unwrap_or(0);
        u8::try_from(value).unwrap_or(u8::MAX)
    };
    [plain(red), plain(green), plain(blue), alpha]
}
