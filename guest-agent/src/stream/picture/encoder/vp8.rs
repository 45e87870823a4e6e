//! VP8 by libvpx, through the C in `native/`: the library's own interface is made of macros and variadic functions.

#![expect(unsafe_code, reason = "calls into C")]

use std::{
    ffi::{c_int, c_uint},
    ptr::{self, NonNull},
    slice,
};

use bytes::Bytes;

use super::super::{
    Codec,
    planes::Planes,
    tiles::{Size, Tiles},
};
use super::{EncodeError, Encoded, Encoder, Kind, Quantizer};

/// `struct anteroom_planes` of `vp8.h`.
#[repr(C)]
pub(super) struct CPlanes {
    pub(super) y: *const u8,
    pub(super) u: *const u8,
    pub(super) v: *const u8,
    pub(super) y_stride: c_int,
    pub(super) uv_stride: c_int,
}

/// `struct anteroom_vp8_encoder`, known only to C.
#[repr(C)]
struct COpaque {
    _private: [u8; 0],
}

// SAFETY: the signatures of `native/vp8.h`.
unsafe extern "C" {
    fn anteroom_vp8_encoder_new(width: c_uint, height: c_uint) -> *mut COpaque;
    fn anteroom_vp8_encoder_free(encoder: *mut COpaque);
    fn anteroom_vp8_encode(
        encoder: *mut COpaque,
        planes: *const CPlanes,
        changed: *mut u8,
        quantizer: c_uint,
        key: c_int,
        packet: *mut *const u8,
        length: *mut usize,
        is_key: *mut c_int,
    ) -> c_int;
}

pub(super) struct Vp8 {
    encoder: NonNull<COpaque>,
    size: Size,
    /// What C is handed, which takes no promise not to write to it.
    changed: Vec<u8>,
}

// SAFETY: the encoder is bound to no thread; only its owner calls it, one call at a time (`&mut self`).
unsafe impl Send for Vp8 {}

impl Vp8 {
    pub(super) fn new(size: Size) -> Result<Self, EncodeError> {
        // SAFETY: takes numbers, answers with a new object or NULL.
        let encoder = unsafe { anteroom_vp8_encoder_new(size.width().into(), size.height().into()) };
        let encoder = NonNull::new(encoder).ok_or(EncodeError::Refused(Codec::Vp8, size))?;
        Ok(Self { encoder, size, changed: Vec::new() })
    }
}

impl Encoder for Vp8 {
    fn encode(
        &mut self,
        planes: &Planes,
        changed: &Tiles,
        kind: Kind,
        quantizer: Quantizer,
    ) -> Result<Encoded, EncodeError> {
        if planes.size() != self.size {
            return Err(EncodeError::Refused(Codec::Vp8, planes.size()));
        }
        let [y, u, v] = planes.data().map(<[u8]>::as_ptr);
        let stride = c_int::try_from(planes.stride()).unwrap_or(c_int::MAX);
        let c_planes = CPlanes { y, u, v, y_stride: stride, uv_stride: stride / 2 };
        self.changed.clear();
        self.changed.extend_from_slice(changed.marks());
        let everything = kind == Kind::Key || changed.is_full();
        let map = if everything { ptr::null_mut() } else { self.changed.as_mut_ptr() };
        let (mut packet, mut length, mut is_key) = (ptr::null(), 0, 0);
        // SAFETY: the encoder lives; planes and map are of the size that it was made for (checked above; both are
        // made for a `Size`), and C keeps no pointer to them.
        let code = unsafe {
            anteroom_vp8_encode(
                self.encoder.as_ptr(),
                &raw const c_planes,
                map,
                scale(quantizer).into(),
                (kind == Kind::Key).into(),
                &raw mut packet,
                &raw mut length,
                &raw mut is_key,
            )
        };
        if code != 0 || packet.is_null() {
            return Err(EncodeError::Lost { codec: Codec::Vp8, code });
        }
        // SAFETY: the packet has this length and stays until the next call.
        let data = Bytes::copy_from_slice(unsafe { slice::from_raw_parts(packet, length) });
        Ok(Encoded { data, kind: if is_key == 0 { Kind::Inter } else { Kind::Key } })
    }
}

impl Drop for Vp8 {
    fn drop(&mut self) {
        // SAFETY: made by the library and freed once.
        unsafe { anteroom_vp8_encoder_free(self.encoder.as_ptr()) }
    }
}

/// From the scale of H.264 to libvpx's 0 to 63.
fn scale(quantizer: Quantizer) -> u8 {
    let above_sharp = quantizer.value().saturating_sub(Quantizer::SHARP.value());
    (4 + above_sharp * 2).min(63)
}
