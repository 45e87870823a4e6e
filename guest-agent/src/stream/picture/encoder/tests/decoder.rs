//! What a browser does with the frames: OpenH264's and libvpx's decoders.

#![expect(unsafe_code, reason = "calls into C")]

use std::{
    ffi::{c_int, c_uint},
    ptr::{self, NonNull},
    slice,
};

use openh264::formats::YUVSource as _;

use super::super::super::Codec;
use super::super::vp8::CPlanes;

#[repr(C)]
struct COpaque {
    _private: [u8; 0],
}

// SAFETY: the signatures of `native/vp8.h`.
unsafe extern "C" {
    fn anteroom_vp8_decoder_new() -> *mut COpaque;
    fn anteroom_vp8_decoder_free(decoder: *mut COpaque);
    fn anteroom_vp8_decode(
        decoder: *mut COpaque,
        packet: *const u8,
        length: usize,
        planes: *mut CPlanes,
        width: *mut c_uint,
        height: *mut c_uint,
    ) -> c_int;
}

pub(in super::super::super) enum Decoder {
    H264(Box<openh264::decoder::Decoder>),
    Vp8(Vp8),
}

pub(in super::super::super) struct Vp8(NonNull<COpaque>);

impl Drop for Vp8 {
    fn drop(&mut self) {
        // SAFETY: made by the library and freed once.
        unsafe { anteroom_vp8_decoder_free(self.0.as_ptr()) }
    }
}

/// I420 without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super::super) struct Decoded {
    pub(in super::super::super) width: usize,
    pub(in super::super::super) height: usize,
    pub(in super::super::super) planes: [Vec<u8>; 3],
}

impl Decoder {
    pub(in super::super::super) fn new(codec: Codec) -> Self {
        match codec {
            Codec::H264 => Self::H264(Box::new(openh264::decoder::Decoder::new().unwrap())),
            // SAFETY: answers with a new object or NULL.
            Codec::Vp8 => Self::Vp8(Vp8(NonNull::new(unsafe { anteroom_vp8_decoder_new() }).unwrap())),
        }
    }

    /// Every frame must give a picture.
    pub(in super::super::super) fn decode(&mut self, frame: &[u8]) -> Decoded {
        match self {
            Self::H264(decoder) => {
                let picture = decoder.decode(frame).unwrap().expect("a picture");
                let (width, height) = picture.dimensions();
                let (y_stride, uv_stride, _) = picture.strides();
                pack(width, height, [picture.y(), picture.u(), picture.v()], y_stride, uv_stride)
            }
            Self::Vp8(Vp8(decoder)) => {
                let mut planes =
                    CPlanes { y: ptr::null(), u: ptr::null(), v: ptr::null(), y_stride: 0, uv_stride: 0 };
                let (mut width, mut height) = (0, 0);
                // SAFETY: the decoder lives, the frame is as long as said, the rest is filled in.
                let code = unsafe {
                    anteroom_vp8_decode(
                        decoder.as_ptr(),
                        frame.as_ptr(),
                        frame.len(),
                        &raw mut planes,
                        &raw mut width,
                        &raw mut height,
                    )
                };
                assert_eq!(code, 0);
                let (width, height) = (width as usize, height as usize);
                let strides = [planes.y_stride, planes.uv_stride, planes.uv_stride];
                let strides = strides.map(|stride| usize::try_from(stride).unwrap());
                let rows = [height, height.div_ceil(2), height.div_ceil(2)];
                let widths = [width, width.div_ceil(2), width.div_ceil(2)];
                let [y, u, v] = [0, 1, 2].map(|at| {
                    let length = strides[at] * (rows[at] - 1) + widths[at];
                    // SAFETY: libvpx's planes have so many rows of that stride, until the next call.
                    unsafe { slice::from_raw_parts([planes.y, planes.u, planes.v][at], length) }
                });
                pack(width, height, [y, u, v], strides[0], strides[1])
            }
        }
    }
}

fn pack(width: usize, height: usize, planes: [&[u8]; 3], y_stride: usize, uv_stride: usize) -> Decoded {
    let rows = |plane: &[u8], stride: usize, width: usize, height: usize| -> Vec<u8> {
        plane.chunks(stride).take(height).flat_map(|row| row[..width].to_vec()).collect()
    };
    let (half_width, half_height) = (width / 2, height / 2);
    Decoded {
        width,
        height,
        planes: [
            rows(planes[0], y_stride, width, height),
            rows(planes[1], uv_stride, half_width, half_height),
            rows(planes[2], uv_stride, half_width, half_height),
        ],
    }
}
