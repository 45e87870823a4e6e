//! The pointer, which an image of the root window does not show. A film has it drawn over what was read; a page draws it itself,
//! where the hand is.

use x11rb::protocol::xfixes::GetCursorImageReply;

use super::{
    canvas::PIXEL,
    tiles::{Area, Tiles},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PointerShown {
    Drawn,
    Nowhere,
}

/// Where it is, and its shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pointer {
    left: i16,
    top: i16,
    width: u16,
    height: u16,
    /// Row by row: opacity, red, green and blue from the highest byte on; the colours are multiplied by the opacity.
    pixels: Vec<u32>,
}

impl Pointer {
    pub(super) fn of(image: GetCursorImageReply) -> Self {
        let GetCursorImageReply { x, y, width, height, xhot, yhot, cursor_image: pixels, .. } = image;
        let begin = |at: i16, hot: u16| at.saturating_sub(i16::try_from(hot).unwrap_or(i16::MAX));
        Self { left: begin(x, xhot), top: begin(y, yhot), width, height, pixels }
    }

    /// What it covers is to be read again.
    pub(super) fn touch(&self, tiles: &mut Tiles) {
        tiles.touch(self.left, self.top, self.width, self.height);
    }

    /// Draws what of it lies in `area` over the pixels that were read there. Says whether anything does.
    pub(super) fn draw(&self, area: Area, read: &mut [u8]) -> bool {
        let mut drawn = false;
        let rows = self.pixels.chunks_exact(usize::from(self.width).max(1));
        for (row, pixels) in (i32::from(self.top) - i32::from(area.top)..).zip(rows) {
            let Some(row) = within(row, area.height) else { continue };
            for (column, pixel) in (i32::from(self.left) - i32::from(area.left)..).zip(pixels) {
                let Some(column) = within(column, area.width) else { continue };
                let at = (row * usize::from(area.width) + column) * PIXEL;
                if let Some(under) = read.get_mut(at..at + PIXEL) {
                    cover(under, *pixel);
                    drawn = true;
                }
            }
        }
        drawn
    }
}

fn within(at: i32, length: u16) -> Option<usize> {
    usize::try_from(at).ok().filter(|at| *at < usize::from(length))
}

/// Blue, green and red of a pixel, under one whose colours are multiplied by its opacity.
fn cover(under: &mut [u8], over: u32) {
    let [blue, green, red, opacity] = over.to_le_bytes();
    for (under, over) in under.iter_mut().zip([blue, green, red]) {
        let through = u16::from(*under) * u16::from(255 - opacity) / 255;
        *under = u8::try_from(through + u16::from(over)).unwrap_or(u8::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two by two: solid red, half-transparent green; nothing, solid white.
    fn pointer(left: i16, top: i16) -> Pointer {
        let pixels = vec![0xffff_0000, 0x8000_8000, 0, 0xffff_ffff];
        Pointer { left, top, width: 2, height: 2, pixels }
    }

    #[test]
    fn it_is_drawn_where_it_is_and_nothing_of_it_elsewhere() {
        let area = Area { left: 10, top: 20, width: 3, height: 2 };
        let mut read = [100; 3 * 2 * PIXEL];
        assert!(pointer(11, 20).draw(area, &mut read));
        let pixel = |read: &[u8], at: usize| [read[at * PIXEL], read[at * PIXEL + 1], read[at * PIXEL + 2]];
        assert_eq!(pixel(&read, 0), [100, 100, 100]);
        assert_eq!(pixel(&read, 1), [0, 0, 255], "blue, green, red");
        assert_eq!(pixel(&read, 2), [49, 177, 49], "half of it shines through");
        assert_eq!(pixel(&read, 4), [100, 100, 100], "nothing of it is there");
        assert_eq!(pixel(&read, 5), [255, 255, 255]);
    }

    #[test]
    fn it_may_lie_across_an_edge_or_elsewhere() {
        let area = Area { left: 0, top: 0, width: 2, height: 2 };
        let mut read = [0; 2 * 2 * PIXEL];
        assert!(pointer(-1, -1).draw(area, &mut read));
        assert_eq!(read[..3], [255; 3], "its last pixel is our first");
        assert!(read[PIXEL..].iter().all(|byte| *byte == 0));
        assert!(!pointer(5, 5).draw(area, &mut read) && !pointer(-9, 0).draw(area, &mut read));
    }
}
