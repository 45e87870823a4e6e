//! The picture as the codecs take it: I420, BT.601, limited range.

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
    bgra_to_yuv420,
};

use super::tiles::{Area, Size};

/// Luma, and chroma at half of the width and of the height.
#[derive(Debug, Clone)]
pub(super) struct Planes {
    size: Size,
    stride: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Planes {
    /// Black.
    pub(super) fn new(size: Size) -> Self {
        let stride = usize::from(size.width()).next_multiple_of(32);
        // One row more than there is, so that a window of whole rows can begin anywhere in the last one.
        let rows = usize::from(size.height()) + 2;
        let chroma = vec![128; stride * rows / 4];
        Self { size, stride, y: vec![16; stride * rows], u: chroma.clone(), v: chroma }
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Luma, then both chroma planes; their strides are [`Planes::stride`] and half of it.
    pub(super) fn data(&self) -> [&[u8]; 3] {
        [&self.y, &self.u, &self.v]
    }

    /// Bytes from one row of luma to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Converts one area of a picture of BGRX pixels that has `stride` bytes in a row.
    pub(super) fn convert(&mut self, area: Area, bgrx: &[u8], stride: usize) -> Result<(), YuvError> {
        let (left, top) = (usize::from(area.left), usize::from(area.top));
        let luma = top * self.stride + left;
        let chroma = top / 2 * (self.stride / 2) + left / 2;
        let stride_32 = u32::try_from(self.stride).unwrap_or(u32::MAX);
        let mut window = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(&mut self.y[luma..]),
            y_stride: stride_32,
            u_plane: BufferStoreMut::Borrowed(&mut self.u[chroma..]),
            u_stride: stride_32 / 2,
            v_plane: BufferStoreMut::Borrowed(&mut self.v[chroma..]),
            v_stride: stride_32 / 2,
            width: area.width.into(),
            height: area.height.into(),
        };
        bgra_to_yuv420(
            &mut window,
            &bgrx[top * stride + left * 4..],
            u32::try_from(stride).unwrap_or(u32::MAX),
            YuvRange::Limited,
            YuvStandardMatrix::Bt601,
            YuvConversionMode::Balanced,
        )
    }
}
