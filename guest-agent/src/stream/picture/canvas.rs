//! The screen's pixels as they were last seen. Programs often paint what is there already, and damage is reported in
//! coarse rectangles; only what really differs is worth converting and encoding.

use super::tiles::{Area, Size, TILE, Tiles};

/// Bytes of a pixel: blue, green, red and one that says nothing.
pub(super) const PIXEL: usize = 4;

#[derive(Debug)]
pub(super) struct Canvas {
    /// With one row more than there is, so that a window of whole rows can begin anywhere in the last one.
    pixels: Vec<u8>,
    stride: usize,
}

impl Canvas {
    /// Black.
    pub(super) fn new(size: Size) -> Self {
        let stride = usize::from(size.width()) * PIXEL;
        Self { pixels: vec![0; stride * (usize::from(size.height()) + 1)], stride }
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Bytes in a row.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Takes over what was read of `area`, which begins at the edge of a tile, and adds the tiles that differ to `changed`.
    pub(super) fn update(&mut self, area: Area, read: &[u8], changed: &mut Tiles) {
        let read_stride = usize::from(area.width) * PIXEL;
        let tile_bytes = usize::from(TILE) * PIXEL;
        let left = usize::from(area.left) * PIXEL;
        for (row, new) in (usize::from(area.top)..).zip(read.chunks_exact(read_stride)) {
            let start = row * self.stride + left;
            let old = &mut self.pixels[start..start + read_stride];
            // Most rows are as they were, and comparing a whole one is fastest.
            if old == new {
                continue;
            }
            let tile_row = u16::try_from(row / usize::from(TILE)).unwrap_or(u16::MAX);
            let first = area.left / TILE;
            for ((column, old), new) in (first..).zip(old.chunks_mut(tile_bytes)).zip(new.chunks(tile_bytes))
            {
                if old != new {
                    old.copy_from_slice(new);
                    changed.insert(column, tile_row);
                }
            }
        }
    }
}
